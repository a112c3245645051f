"""The causes of the shipped runbooks over what all checks find in the demo's world."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.runbooks import vocabulary_of
from bot.bootstrap.services import check_target, classification, watched_services
from bot.checks.registry import CHECKS, run_check
from bot.domain.causes import Judgement, WhyNot
from bot.engines.ranking_causes import RankingCauses
from bot.rendering.cause_words import first_words
from bot.settings import load_settings
from bot.testing import FrozenClock, SequentialIds
from tests.checks.looking import crashed
from tests.making import make_incident
from tests.worlds.churn import churn_world

if TYPE_CHECKING:
    from bot.domain.causes import Ranking

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def rankings() -> dict[str, Ranking]:
    """Each runbook's ranking."""
    settings = load_settings(ROOT / "lightship.yaml", {}).settings
    assert settings is not None
    services = watched_services(settings)
    loaded = load_runbooks([ROOT / "runbooks"], vocabulary_of(settings))
    runbooks = {one.name: one for one in loaded.runbooks}
    causes = RankingCauses(
        services=services,
        runbook=runbooks.get,
        classify=classification(runbooks.values),
        settle=timedelta(seconds=60),
    )
    world = churn_world(FrozenClock(), SequentialIds())
    findings = [
        await run_check(
            name,
            target=check_target(services["churn"]),
            readers=world.readers,
            now=world.clock.now(),
            crashed=crashed,
        )
        for name in CHECKS
    ]
    return {name: causes.rank(make_incident(runbook=name), findings) for name in runbooks}


async def test_no_evidence_of_a_shipped_runbook_fails(rankings: dict[str, Ranking]) -> None:
    """Over real findings every expression is for, against, or about something that is not known."""
    told = [
        (name, cause.name, one.check)
        for name, ranking in rankings.items()
        for cause in ranking.causes
        for one in cause.spoke(Judgement.CANNOT_JUDGE)
        if one.why_not is WhyNot.FAILS
    ]
    assert told == []


async def test_the_demo_s_latency_is_more_traffic(rankings: dict[str, Ranking]) -> None:
    """Three times yesterday's requests: the first cause is traffic, and it says so."""
    ranking = rankings["HighAPILatency"]
    assert ranking.first is not None
    assert ranking.first.name == "high-traffic"
    assert "3 times yesterday's" in first_words(ranking)
