"""Retraining, put together: weighing it, proposing it, and following up what was trained.

Called by `bot.bootstrap.assembly`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.bootstrap.services import check_target
from bot.checks.training_facts import training_facts
from bot.domain.retraining import decide_retraining
from bot.engines.following_trainings import FollowingTrainings
from bot.engines.proposing_retraining import ProposingRetraining

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.bootstrap.outside import Outside
    from bot.domain.commands import Outcome, RequestRemediation
    from bot.domain.findings import Finding
    from bot.domain.retraining import RetrainingDecision
    from bot.domain.runbooks import Argument, Runbook
    from bot.domain.services import WatchedService
    from bot.engines.scheduling import Scheduling

PROPOSE_EVERY: Final = timedelta(minutes=1)
FOLLOW_EVERY: Final = timedelta(seconds=20)
WEIGHED_WITHIN: Final = 20.0
"""Seconds for each part of what is weighed: a plan waits for it, and has a limit of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainings:
    """Both engines."""

    proposing: ProposingRetraining
    following: FollowingTrainings

    def schedule(self, scheduling: Scheduling) -> None:
        """Add their jobs."""
        scheduling.every("propose-retraining", PROPOSE_EVERY, self.proposing.step)
        scheduling.every("follow-trainings", FOLLOW_EVERY, self.following.step)


def weighing(
    outside: Outside, services: Mapping[str, WatchedService]
) -> Callable[[str], Awaitable[RetrainingDecision | None]]:
    """Weighs a service's retraining; None where it has neither a model nor a CronJob."""

    async def weigh(name: str) -> RetrainingDecision | None:
        service = services.get(name)
        if service is None or not (service.model or service.cronjob):
            return None
        now = outside.clock.now()
        facts = await training_facts(check_target(service), outside.readers, now, within=WEIGHED_WITHIN)
        return decide_retraining(facts, service.retraining, now=now)

    return weigh


def make_trainings(
    outside: Outside,
    services: Mapping[str, WatchedService],
    *,
    runbook: Callable[[str], Runbook | None],
    look: Callable[[WatchedService, str, Mapping[str, Argument]], Awaitable[Finding]],
    request: Callable[[RequestRemediation], Awaitable[Outcome]],
) -> Trainings:
    """Put them together."""
    return Trainings(
        proposing=ProposingRetraining(
            store=outside.store,
            services=services,
            runbook=runbook,
            weigh=weighing(outside, services),
            request=request,
        ),
        following=FollowingTrainings(
            store=outside.store, ids=outside.ids, services=services, look=look, request=request
        ),
    )
