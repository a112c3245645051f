"""Webhooks as Alertmanager would send them: grouped, repeated, resolved, and silent where silenced.

Played by `lightship demo` and by rehearsals: every payload that is due is handed to the door.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.ports.clock import Clock
    from bot.rehearsal.rules import RaisedAlert

Payload = dict[str, Any]
GroupLabels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """How alerts are grouped and sent; the words and the defaults are Alertmanager's."""

    receiver: str = "lightship"
    group_by: tuple[str, ...] = ("alertname",)
    group_wait: timedelta = timedelta(seconds=2)
    group_interval: timedelta = timedelta(seconds=10)
    repeat_interval: timedelta = timedelta(hours=4)
    external_url: str = "http://alertmanager.rehearsal"


@dataclass(kw_only=True, slots=True)
class _Group:
    seen_at: datetime
    flushed_at: datetime | None = None
    sent_at: datetime | None = None
    sent: dict[str, bool] = field(default_factory=dict)
    """Fingerprint to whether it was sent as firing."""


class Dispatcher:
    """Decides when which group is sent. Confirm a payload with `sent`, else it is offered again."""

    def __init__(self, route: Route, *, is_silenced: Callable[[Mapping[str, str]], bool]) -> None:
        self._route = route
        self._is_silenced = is_silenced
        self._groups: dict[GroupLabels, _Group] = {}

    def due(self, alerts: tuple[RaisedAlert, ...], now: datetime) -> tuple[Payload, ...]:
        """The payloads to send now."""
        payloads = []
        for key, members in self._grouped(alerts).items():
            group = self._groups.get(key)
            if group is None:
                if all(alert.ends_at is not None for alert in members):
                    continue
                group = self._groups[key] = _Group(seen_at=now)
            if not self._may_flush(group, now):
                continue
            # An alert that ends while it is silenced is never told: that is how Alertmanager is.
            told = [alert for alert in members if self._is_told(alert, group)]
            if told and self._has_news(group, told, now):
                payloads.append(_payload(self._route, key, told))
            elif all(alert.ends_at is not None for alert in members):
                del self._groups[key]
            else:
                group.flushed_at = now
        return tuple(payloads)

    def sent(self, payload: Payload, now: datetime) -> None:
        """Keep that a payload was taken."""
        key: GroupLabels = tuple(sorted(payload["groupLabels"].items()))
        group = self._groups[key]
        group.flushed_at = group.sent_at = now
        for alert in payload["alerts"]:
            group.sent[alert["fingerprint"]] = alert["status"] == "firing"
        if payload["status"] == "resolved":
            del self._groups[key]

    def _grouped(self, alerts: tuple[RaisedAlert, ...]) -> dict[GroupLabels, list[RaisedAlert]]:
        groups: dict[GroupLabels, list[RaisedAlert]] = {}
        for alert in alerts:
            names = sorted(name for name in self._route.group_by if name in alert.labels)
            groups.setdefault(tuple((name, alert.labels[name]) for name in names), []).append(alert)
        return groups

    def _may_flush(self, group: _Group, now: datetime) -> bool:
        if group.flushed_at is None:
            return now - group.seen_at >= self._route.group_wait
        return now - group.flushed_at >= self._route.group_interval

    def _is_told(self, alert: RaisedAlert, group: _Group) -> bool:
        if self._is_silenced(alert.labels):
            return False
        return alert.ends_at is None or group.sent.get(alert.fingerprint, False)

    def _has_news(self, group: _Group, told: list[RaisedAlert], now: datetime) -> bool:
        for alert in told:
            if group.sent.get(alert.fingerprint, False) is not (alert.ends_at is None):
                return True
        firing = any(alert.ends_at is None for alert in told)
        old = group.sent_at is not None and now - group.sent_at >= self._route.repeat_interval
        return firing and old


async def play(
    dispatcher: Dispatcher,
    *,
    clock: Clock,
    step: Callable[[], Awaitable[tuple[RaisedAlert, ...]]],
    send: Callable[[Payload], Awaitable[bool]],
    every: float = 1.0,
) -> None:
    """Play until cancelled: `step` lets the world go on and tells its alerts."""
    while True:
        await send_due(dispatcher, await step(), now=clock.now(), send=send)
        await clock.sleep(every)


async def send_due(
    dispatcher: Dispatcher,
    alerts: tuple[RaisedAlert, ...],
    *,
    now: datetime,
    send: Callable[[Payload], Awaitable[bool]],
) -> None:
    """Send what is due. `send` tells whether the payload was taken; one that was not is offered again."""
    for payload in dispatcher.due(alerts, now):
        if await send(payload):
            dispatcher.sent(payload, now)


def _payload(route: Route, key: GroupLabels, alerts: list[RaisedAlert]) -> Payload:
    firing = any(alert.ends_at is None for alert in alerts)
    labels = ", ".join(f'{name}="{value}"' for name, value in key)
    return {
        "version": "4",
        "groupKey": f"{{}}:{{{labels}}}",
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": route.receiver,
        "groupLabels": dict(key),
        "commonLabels": _common([alert.labels for alert in alerts]),
        "commonAnnotations": _common([alert.annotations for alert in alerts]),
        "externalURL": route.external_url,
        "alerts": [
            {
                "status": "firing" if alert.ends_at is None else "resolved",
                "labels": dict(alert.labels),
                "annotations": dict(alert.annotations),
                "startsAt": alert.starts_at.isoformat(),
                "endsAt": alert.ends_at.isoformat() if alert.ends_at else "0001-01-01T00:00:00Z",
                "generatorURL": alert.generator_url,
                "fingerprint": alert.fingerprint,
            }
            for alert in alerts
        ],
    }


def _common(maps: list[Mapping[str, str]]) -> dict[str, str]:
    first, *rest = maps
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in rest)}
