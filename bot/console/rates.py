"""Slack's rate limits: calls per minute by method and workspace, and posts per second by channel.

Asked by the Web API before a call is taken, under its own clock, so that a test moves time by hand.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MINUTE = 60.0
PER_MINUTE: Mapping[str, int] = MappingProxyType(
    {
        "chat.postMessage": 300,
        "chat.update": 50,
        "chat.delete": 50,
        "chat.postEphemeral": 100,
        "views.open": 100,
        "views.push": 100,
        "views.update": 100,
        "views.publish": 100,
        "files.getUploadURLExternal": 100,
        "files.completeUploadExternal": 100,
        "conversations.history": 50,
        "conversations.replies": 50,
        "conversations.info": 50,
        "conversations.open": 50,
        "conversations.list": 20,
        "conversations.join": 50,
        "reactions.add": 50,
        "pins.add": 20,
        "usergroups.list": 20,
        "usergroups.users.list": 20,
        "users.list": 20,
        "users.info": 100,
        "apps.connections.open": 20,
    }
)


@dataclass(slots=True)
class RateLimits:
    """Sliding windows of a minute; a post also takes from its channel's bucket, refilled once a second.

    `enabled=False` counts nothing and lets everything through.
    """

    enabled: bool = True
    per_minute: Mapping[str, int] = field(default_factory=lambda: PER_MINUTE)
    posts_per_second: float = 1.0
    burst: int = 5
    _taken: dict[str, deque[float]] = field(default_factory=dict, repr=False)
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)

    def wait(self, method: str, channel: str | None, now: float) -> int:
        """Takes one call at `now` seconds: 0 when it passes, else the Retry-After in whole seconds."""
        if not self.enabled:
            return 0
        delay = self._window_delay(method, now)
        if method == "chat.postMessage" and channel is not None:
            delay = max(delay, self._bucket_delay(channel, now))
        if delay > 0:
            return max(1, math.ceil(delay))
        self._take(method, channel, now)
        return 0

    def _window_delay(self, method: str, now: float) -> float:
        limit = self.per_minute.get(method)
        if limit is None:
            return 0.0
        taken = self._taken.setdefault(method, deque())
        while taken and taken[0] <= now - MINUTE:
            taken.popleft()
        return taken[0] + MINUTE - now if len(taken) >= limit else 0.0

    def _level(self, channel: str, now: float) -> float:
        level, at = self._buckets.get(channel, (float(self.burst), now))
        return min(float(self.burst), level + max(0.0, now - at) * self.posts_per_second)

    def _bucket_delay(self, channel: str, now: float) -> float:
        level = self._level(channel, now)
        return 0.0 if level >= 1.0 else (1.0 - level) / self.posts_per_second

    def _take(self, method: str, channel: str | None, now: float) -> None:
        if method in self._taken:
            self._taken[method].append(now)
        if method == "chat.postMessage" and channel is not None:
            self._buckets[channel] = (self._level(channel, now) - 1.0, now)
