"""The engines around an action, put together: planning, asking, deciding, freezing, doing, and watching it.

Called by `bot.bootstrap.assembly`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.bootstrap.bounds import bounds_of
from bot.bootstrap.trainings import weighing
from bot.engines.approving import Approving
from bot.engines.deciding import Deciding
from bot.engines.executing import Executing
from bot.engines.freezing import Freezing
from bot.engines.planning import Planning
from bot.engines.remediating import Remediating
from bot.engines.verifying import Verifying

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from bot.bootstrap.outside import Outside
    from bot.bootstrap.runbooks import RunbookShelf
    from bot.domain.bounds import Bounds
    from bot.domain.policies import ApprovalPolicy
    from bot.domain.remedies import RemediationRequest
    from bot.domain.services import WatchedService


@dataclass(frozen=True, kw_only=True, slots=True)
class ActingSide:
    """All of them, over one store and one policy."""

    planning: Planning
    approving: Approving
    deciding: Deciding
    freezing: Freezing
    remediating: Remediating
    verifying: Verifying


def make_acting_side(
    outside: Outside,
    services: Mapping[str, WatchedService],
    *,
    owner: str,
    runbooks: RunbookShelf,
    settle: timedelta,
    enabled: Callable[[], bool],
    on_granted: Callable[[], None],
) -> ActingSide:
    """Put them together. `owner` is unique to this start of the process."""

    def policy(service: str) -> ApprovalPolicy:
        return services[service].approval

    planning = _planning(outside, services, runbooks=runbooks, enabled=enabled)
    approving = Approving(
        store=outside.store,
        ids=outside.ids,
        plan=planning.plan,
        policy=policy,
        enabled=enabled,
        channel_of=lambda name: services[name].channel,
        on_granted=on_granted,
    )
    return ActingSide(
        planning=planning,
        approving=approving,
        deciding=Deciding(
            store=outside.store,
            ids=outside.ids,
            plan=planning.plan,
            policy=policy,
            enabled=enabled,
            on_granted=on_granted,
        ),
        freezing=Freezing(
            store=outside.store,
            ids=outside.ids,
            channels=[one.channel for one in services.values()],
            enabled=enabled,
        ),
        remediating=Remediating(
            store=outside.store,
            clock=outside.clock,
            executing=_executing(outside, services, planning, approving, owner=owner, enabled=enabled),
        ),
        verifying=Verifying(
            store=outside.store,
            ids=outside.ids,
            metrics=outside.readers.metrics,
            services=services,
            runbook=runbooks.get,
            settle=settle,
        ),
    )


def _executing(
    outside: Outside,
    services: Mapping[str, WatchedService],
    planning: Planning,
    approving: Approving,
    *,
    owner: str,
    enabled: Callable[[], bool],
) -> Executing:
    return Executing(
        store=outside.store,
        ids=outside.ids,
        clock=outside.clock,
        owner=owner,
        readers=outside.readers,
        writers=outside.writers,
        plan=planning.plan,
        verify_within=lambda name: services[name].verify_within,
        ask_again=approving.ask_again,
        enabled=enabled,
    )


def _planning(
    outside: Outside,
    services: Mapping[str, WatchedService],
    *,
    runbooks: RunbookShelf,
    enabled: Callable[[], bool],
) -> Planning:
    def bounds(request: RemediationRequest) -> Bounds | None:
        service = services.get(request.service)
        return bounds_of(service, request, runbooks.get(request.runbook)) if service else None

    return Planning(
        store=outside.store,
        clock=outside.clock,
        readers=outside.readers,
        planner=outside.planner,
        bounds=bounds,
        enabled=enabled,
        weigh=weighing(outside, services),
    )
