"""Whose alerts these are: a webhook's group, cut into the parts that each become one service's incident.

Called by the merging engine; the routing itself is configuration and comes in as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.domain.incidents import IncidentKey

if TYPE_CHECKING:
    from bot.domain.alerts import Alert, AlertGroup


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """The service that takes an alert, and the channel where it is shown. No service has the empty name."""

    service: str
    channel: str


ServiceRouting = Callable[[Mapping[str, str]], Destination | None]
"""From an alert's labels to where it belongs; None where nobody takes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The alerts of one group that belong to one service, or to one drill of it."""

    key: IncidentKey
    channel: str
    group: AlertGroup
    drill: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """A group in parts, and the alerts that nobody takes."""

    parts: tuple[Part, ...]
    unmatched: tuple[Alert, ...]


def split(
    group: AlertGroup,
    routing: ServiceRouting,
    *,
    default_channel: str | None,
    drills: Mapping[str, str] | None = None,
) -> Split:
    """Cut a group by service; what no service takes goes to the default channel when there is one.

    `drills` are the ids of drills by their alerts' fingerprints: Alertmanager may have put such an alert into
    one group with real ones, and what is done about those must not depend on it.
    """
    known = drills or {}
    taken: dict[tuple[Destination, str], list[Alert]] = {}
    unmatched: list[Alert] = []
    for alert in group.alerts:
        destination = routing(alert.labels)
        if destination is None:
            unmatched.append(alert)
            destination = Destination(service="", channel=default_channel or "")
        if destination.channel:
            taken.setdefault((destination, known.get(alert.fingerprint, "")), []).append(alert)
    parts = tuple(
        Part(
            key=IncidentKey(
                source=group.source,
                receiver=group.receiver,
                group_key=f"{group.group_key} drill {drill}" if drill else group.group_key,
                service=destination.service,
            ),
            channel=destination.channel,
            group=replace(group, alerts=tuple(alerts)),
            drill=drill,
        )
        for (destination, drill), alerts in taken.items()
    )
    return Split(parts=parts, unmatched=tuple(unmatched))
