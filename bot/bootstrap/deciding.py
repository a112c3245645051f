"""The engines around an approval, put together: asking, deciding, freezing, and watching what came of it.

Called by `bot.bootstrap.assembly`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.engines.approving import Approving
from bot.engines.deciding import Deciding
from bot.engines.freezing import Freezing
from bot.engines.verifying import Verifying

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from bot.bootstrap.outside import Outside
    from bot.bootstrap.runbooks import RunbookShelf
    from bot.domain.policies import ApprovalPolicy
    from bot.domain.services import WatchedService
    from bot.engines.planning import Planning


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalEngines:
    """What stands around the one action."""

    approving: Approving
    deciding: Deciding
    freezing: Freezing
    verifying: Verifying


def approval_engines(
    outside: Outside,
    services: Mapping[str, WatchedService],
    *,
    planning: Planning,
    runbooks: RunbookShelf,
    settle: timedelta,
    enabled: Callable[[], bool],
    on_granted: Callable[[], None],
) -> ApprovalEngines:
    """All four, over one store and one policy."""

    def policy(service: str) -> ApprovalPolicy:
        return services[service].approval

    return ApprovalEngines(
        approving=Approving(
            store=outside.store,
            ids=outside.ids,
            plan=planning.plan,
            policy=policy,
            enabled=enabled,
            channel_of=lambda name: services[name].channel,
            on_granted=on_granted,
        ),
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
        verifying=Verifying(
            store=outside.store,
            ids=outside.ids,
            metrics=outside.readers.metrics,
            services=services,
            runbook=runbooks.get,
            settle=settle,
        ),
    )
