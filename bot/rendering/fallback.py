"""An incident, or a silence, as JSON for the fallback: what a pager or a script needs while Slack is down.

Called by the falling-back engine. The shape is documented in `docs/fallback.md`; texts are raw and cut short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.domain.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.alerts import Alert
    from bot.domain.events import Event
    from bot.domain.incidents import Incident
    from bot.domain.messages import Message

VERSION: Final = 1
MOST_ALERTS: Final = 20
_MOST_LABELS: Final = 32
_LONGEST: Final = 500
_NOT_ASKED: Final = "Slack has not been asked yet"


def fallback_document(
    incident: Incident, message: Message, *, reason: str, firing: tuple[Alert, ...], now: datetime
) -> dict[str, Any]:
    """What is told of a message that Slack does not show. `reason`: `opened`, `reopened`, `escalated`."""
    return {
        "version": VERSION,
        "id": message.id,
        "reason": reason,
        "sent_at": now.isoformat(),
        "incident": incident.id,
        "service": incident.key.service,
        "severity": incident.severity.value,
        "drill": bool(incident.drill),
        "title": incident.title[:_LONGEST],
        "state": incident.state.value,
        "since": incident.opened_at.isoformat(),
        "channel": incident.channel,
        "alerts": [_alert(alert) for alert in firing[:MOST_ALERTS]],
        "alerts_left_out": max(len(firing) - MOST_ALERTS, 0) + incident.truncated,
        "alertmanager": incident.external_url[:_LONGEST],
        "undelivered_since": (message.due_since or message.created_at).isoformat(),
        "why": message.last_error or _NOT_ASKED,
    }


def silence_document(event: Event, message: Message, *, now: datetime) -> dict[str, Any]:
    """The same of the notice that Alertmanager is silent, which belongs to no incident and no service."""
    return {
        "version": VERSION,
        "id": message.id,
        "reason": "silent",
        "sent_at": now.isoformat(),
        "incident": None,
        "service": "",
        "severity": Severity.P1.value,
        "drill": False,
        "title": str(event.detail.get("title", ""))[:_LONGEST],
        "state": "triggered",
        "since": event.at.isoformat(),
        "channel": message.channel,
        "alerts": [],
        "alerts_left_out": 0,
        "alertmanager": "",
        "undelivered_since": (message.due_since or message.created_at).isoformat(),
        "why": message.last_error or _NOT_ASKED,
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "name": alert.name[:_LONGEST],
        "since": alert.starts_at.isoformat(),
        "labels": _cut(alert.labels),
        "annotations": _cut(alert.annotations),
    }


def _cut(texts: Mapping[str, str]) -> dict[str, str]:
    kept = sorted(texts.items())[:_MOST_LABELS]
    return {name[:_LONGEST]: text[:_LONGEST] for name, text in kept}
