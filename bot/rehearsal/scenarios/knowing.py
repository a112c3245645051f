"""What the files of rehearsals may name, as the configuration and the runbooks beside them say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.domain.runbooks import Runbook
    from bot.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Knowledge:
    """What a rehearsal may name: the runbooks, the configured services and metrics, who may approve.

    Where something is empty it is not known, and nothing is said about it.
    """

    runbooks: tuple[Runbook, ...] = ()
    services: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()
    approvers: frozenset[str] = frozenset()
    requester_may_approve: bool = False
    actions: frozenset[str] = frozenset()

    def runbook(self, name: str | None) -> Runbook | None:
        """By name."""
        return next((one for one in self.runbooks if one.name == name), None)

    def lacks(self, service: str | None) -> bool:
        """Whether a world is about a service that the configuration does not have."""
        return service is not None and bool(self.services) and service not in self.services


def knowledge_of(
    runbooks: Iterable[Runbook], settings: Settings | None, *, actions: Iterable[str]
) -> Knowledge:
    """What a configuration and its runbooks let rehearsals name."""
    services = settings.services.values() if settings else ()
    return Knowledge(
        runbooks=tuple(runbooks),
        services=frozenset(settings.services if settings else ()),
        metrics=frozenset(name for service in services for name in service.metrics),
        approvers=_people(name for service in services for name in service.approvers),
        requester_may_approve=any(service.remediation.requester_may_approve for service in services),
        actions=frozenset(actions),
    )


def _people(approvers: Iterable[str]) -> frozenset[str]:
    """Those named, unless a user group is among them: who is in that, only the chat knows."""
    named = frozenset(approvers)
    return frozenset() if any(name.startswith("S") for name in named) else named
