"""Checks, put together: what they may ask and how often, and the engine that runs them.

Called by `bot.bootstrap.assembly`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import telemetry
from bot.bootstrap.services import check_target, checks_without_being_named
from bot.checks.registry import CHECKS, run_check
from bot.engines.budgeting import Budget, BudgetedCluster, BudgetedMetrics
from bot.engines.diagnosing import Diagnosing
from bot.engines.ranking_causes import RankingCauses
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.bootstrap.outside import Outside
    from bot.domain.alerts import Alert
    from bot.domain.findings import Finding
    from bot.domain.incidents import Classification
    from bot.domain.runbooks import Argument, Runbook
    from bot.domain.services import WatchedService
    from bot.ports.readers import Readers
    from bot.settings import Settings

    Look = Callable[[WatchedService, str, Mapping[str, Argument]], Awaitable[Finding]]

AT_ONCE = 16
REST = timedelta(minutes=1)
PRESSED_REST = timedelta(seconds=5)
CALL_PATIENCE = timedelta(seconds=5)

_LOG = Log("bootstrap")


def looking(settings: Settings, outside: Outside) -> Look:
    """Runs one check, within the budget of calls that all of them share."""
    readers = _budgeted(outside.readers, settings, outside)

    async def look(service: WatchedService, check: str, arguments: Mapping[str, Argument]) -> Finding:
        return await run_check(
            check,
            target=check_target(service),
            readers=readers,
            now=outside.clock.now(),
            crashed=_count_crash,
            arguments=arguments,
        )

    return look


def make_diagnosing(
    outside: Outside,
    services: Mapping[str, WatchedService],
    *,
    runbook: Callable[[str], Runbook | None],
    classify: Callable[[Alert], Classification],
    settle: timedelta,
    look: Look,
) -> Diagnosing:
    """The engine, with the causes that follow from what it finds."""
    causes = RankingCauses(services=services, runbook=runbook, classify=classify, settle=settle)
    return Diagnosing(
        store=outside.store,
        ids=outside.ids,
        services=services,
        runbook=runbook,
        look=look,
        known=frozenset(CHECKS),
        rest=REST,
        press_rest=PRESSED_REST,
        at_once=AT_ONCE,
        always=checks_without_being_named,
        note_causes=causes.note,
    )


def _budgeted(readers: Readers, settings: Settings, outside: Outside) -> Readers:
    """The readers as checks get them: so many calls a second."""
    budget = Budget(clock=outside.clock, per_second=settings.checks.calls_per_second, patience=CALL_PATIENCE)
    return replace(
        readers,
        cluster=BudgetedCluster(readers.cluster, budget),
        metrics=BudgetedMetrics(readers.metrics, budget),
    )


def _count_crash(check: str, error: Exception) -> None:
    telemetry.LOOP_ERRORS.labels(loop=f"check {check}").inc()
    _LOG.error(LogAction.CHECK_RUN, cause=error, check=check)
