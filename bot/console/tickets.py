"""What an interaction hands out: trigger ids (3 s, once) and response URLs (5 uses in 30 minutes).

Given out by the deliveries, redeemed by `views.open`, `views.push` and the response URL's door.
"""

import secrets
from dataclasses import dataclass

from bot.console.values import Clock

TRIGGER_LIFE = 3.0
HOOK_LIFE, HOOK_USES = 30 * 60.0, 5
KEPT = 10_000


class TicketError(Exception):
    """A ticket that does not serve; its text is Slack's error code."""


@dataclass(slots=True, kw_only=True)
class Hook:
    """A response URL: whose interaction it answers and, for a message's button, which message."""

    user: str
    channel: str
    ts: str | None
    thread_ts: str | None
    expires: float
    uses: int = 0


class Tickets:
    """Open trigger ids and response URLs; the oldest are forgotten beyond a bound."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._triggers: dict[str, tuple[str, float, bool]] = {}
        self._hooks: dict[str, Hook] = {}

    def trigger(self, user: str) -> str:
        """A new trigger id for the user's screen."""
        made = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._triggers[made] = (user, self._clock() + TRIGGER_LIFE, False)
        if len(self._triggers) > KEPT:
            del self._triggers[next(iter(self._triggers))]
        return made

    def redeem(self, trigger_id: str) -> str:
        """The user behind a trigger id; raises TicketError when it is unknown, spent or too old."""
        found = self._triggers.get(trigger_id)
        if found is None:
            raise TicketError("invalid_trigger_id")
        user, expires, spent = found
        if spent:
            raise TicketError("exchanged_trigger_id")
        if self._clock() > expires:
            raise TicketError("expired_trigger_id")
        self._triggers[trigger_id] = (user, expires, True)
        return user

    def hook(self, *, user: str, channel: str, ts: str | None = None, thread_ts: str | None = None) -> str:
        """A new response URL's secret part."""
        made = secrets.token_urlsafe(18)
        expires = self._clock() + HOOK_LIFE
        self._hooks[made] = Hook(user=user, channel=channel, ts=ts, thread_ts=thread_ts, expires=expires)
        if len(self._hooks) > KEPT:
            del self._hooks[next(iter(self._hooks))]
        return made

    def use(self, secret: str) -> Hook:
        """The hook, one use taken; raises TicketError when it is unknown, old or used up."""
        found = self._hooks.get(secret)
        if found is None:
            raise TicketError("invalid_hook")
        if self._clock() > found.expires:
            raise TicketError("expired_url")
        if found.uses >= HOOK_USES:
            raise TicketError("used_url")
        found.uses += 1
        return found
