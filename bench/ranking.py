"""Ranking the causes of an incident and drawing its message: shipped runbooks over all that checks found.

It is done on the event loop for each revision of each message, so it has to be short.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bench.figures import Chapter, Figure, milliseconds, percentile
from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.runbooks import vocabulary_of
from bot.bootstrap.services import check_target, classification, watched_services
from bot.checks.registry import CHECKS, run_check
from bot.domain.suspects import FailureMode, Suspect
from bot.engines.composing import render_runbook
from bot.engines.ranking_causes import RankingCauses
from bot.rendering.incidents import incident_message
from bot.rendering.views import AlertLine, IncidentView
from bot.settings import load_settings
from bot.testing import FrozenClock, SequentialIds
from tests.e2e.servers.programs import REPOSITORY
from tests.making import make_incident
from tests.worlds.churn import churn_world

if TYPE_CHECKING:
    from bot.checks.targets import CheckTarget
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService

GOAL_SECONDS: Final = 0.020
TIMES: Final = 50
_SUSPECTS: Final = tuple(
    Suspect(
        mode=mode, title=f"{mode} is so", subject="deployment churn-api", certainty=0.5, evidence=("seen",)
    )
    for mode in FailureMode
)


async def ranking(rounds: int) -> Chapter:
    """Rank and draw each runbook's incident in turns, every failure mode among the suspects."""
    settings = load_settings(REPOSITORY / "lightship.yaml", {}).settings
    if settings is None:
        raise RuntimeError("the shipped configuration is wrong; `lightship check` says where")
    services = watched_services(settings)
    loaded = load_runbooks([REPOSITORY / "runbooks"], vocabulary_of(settings)).runbooks
    runbooks = {one.name: one for one in loaded}
    classify = classification(runbooks.values)
    engine = RankingCauses(
        services=services, runbook=runbooks.get, classify=classify, settle=timedelta(seconds=60)
    )
    findings = await _findings(check_target(services["churn"]))
    samples = []
    first: dict[str, float] = {}
    for name in [*runbooks] * (rounds * TIMES):
        began = time.perf_counter()
        _draw(make_incident(runbook=name), runbooks[name], services["churn"], engine, findings)
        spent = time.perf_counter() - began
        first.setdefault(name, spent)
        samples.append(spent)
    worst = percentile(samples, 0.95)
    return Chapter(
        title="Causes",
        how=f"{len(runbooks)} runbooks over {len(findings)} findings with {len(_SUSPECTS)} suspects, "
        f"{rounds * TIMES} times each: the ranking, and the incident's whole message.",
        figures=(
            Figure(
                name="ranking and drawing, p95",
                found=milliseconds(worst),
                absolute=f"median {milliseconds(percentile(samples, 0.5))}",
                goal=f"at most {milliseconds(GOAL_SECONDS)}",
                met=worst <= GOAL_SECONDS,
            ),
            Figure(name="the slowest first time of a runbook", found=milliseconds(max(first.values()))),
        ),
    )


def _draw(
    incident: Incident,
    runbook: Runbook,
    service: WatchedService,
    engine: RankingCauses,
    findings: tuple[Finding, ...],
) -> None:
    """Rank an incident's causes and render the whole of its message."""
    found = engine.rank(incident, findings)
    (first, *_) = incident.alerts
    shown = render_runbook(
        runbook,
        alert=first.alert,
        incident=incident,
        service=service,
        findings=findings,
        checks=CHECKS,
        ranking=found,
    )
    incident_message(
        IncidentView(
            incident=incident,
            firing=(AlertLine(alert=first.alert, severity=incident.severity),),
            runbook=shown,
            other_runbooks=(),
            findings=findings,
            links=(),
            other_open=(),
            ranking=found,
            mention=None,
            now=findings[0].observed_at,
        )
    )


async def _findings(target: CheckTarget) -> tuple[Finding, ...]:
    """What every check finds in the demo's world, one of them with every failure mode there is."""
    world = churn_world(FrozenClock(), SequentialIds())
    found = [
        await run_check(
            name,
            target=target,
            readers=world.readers,
            now=world.clock.now(),
            crashed=lambda _name, _error: None,
        )
        for name in CHECKS
    ]
    return (replace(found[0], suspects=_SUSPECTS), *found[1:])
