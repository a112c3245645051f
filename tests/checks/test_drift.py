from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.adapters.database import PublishedReports
from bot.checks.drift import FACTS, FRESH_FOR
from bot.checks.registry import run_check
from bot.checks.targets import CheckTarget
from bot.domain.drift import DriftTest, PredictionDrift
from bot.domain.findings import Verdict
from bot.domain.pictures import BarPanel
from bot.ports.readers import PublishedDrift
from bot.rehearsal.world import World
from bot.testing import START, FrozenClock, SequentialIds
from tests.making import make_drift_report, make_feature_drift
from tests.opening import open_store

if TYPE_CHECKING:
    from bot.domain.drift import DriftReport
    from bot.domain.findings import Finding, Scalar
    from bot.ports.readers import DriftReader

TARGET = CheckTarget(service="churn")
MADE_AT = START - timedelta(minutes=30)


class Shelf:
    """A reader that has one report of churn."""

    def __init__(self, report: DriftReport | None) -> None:
        self._report = report

    async def latest(self, service: str) -> PublishedDrift | None:
        """Half an hour old."""
        if self._report is None or service != "churn":
            return None
        return PublishedDrift(report=self._report, made_at=MADE_AT)


def crashed(name: str, error: Exception) -> None:
    """No check may crash in these tests."""
    raise AssertionError(name) from error


async def look(drift: DriftReader, **arguments: Scalar) -> Finding:
    """Run the check."""
    world = World(FrozenClock(), SequentialIds())
    readers = replace(world.readers, drift=drift)
    return await run_check(
        "drift", target=TARGET, readers=readers, now=START, crashed=crashed, arguments=arguments
    )


async def test_the_newest_report_is_told_with_its_age() -> None:
    """Score, what moved and how much of it; the time is the report's, so that its age is seen."""
    finding = await look(Shelf(make_drift_report()))
    assert finding.verdict is Verdict.WARN
    assert finding.summary == ("drift score 0.42, above 0.3: tenure, monthly_charges moved, 2 of 3 features")
    assert finding.observed_at == MADE_AT
    assert not finding.is_stale(now=START)
    assert finding.is_stale(now=MADE_AT + FRESH_FOR + timedelta(seconds=1))
    assert set(finding.facts) == set(FACTS)
    assert finding.facts["drifted"] == 2
    assert finding.facts["age_hours"] == 0.5
    assert finding.facts["not_compared"] == 1
    assert finding.table is not None
    assert [row[0] for row in finding.table.rows] == ["tenure", "monthly_charges"]
    assert "not compared: customer_id, excluded" in finding.details


@pytest.mark.parametrize(
    ("score", "verdict"), [(0.1, Verdict.OK), (0.31, Verdict.WARN), (0.51, Verdict.FAIL)]
)
async def test_the_score_is_the_verdict(score: float, verdict: Verdict) -> None:
    """At the thresholds of the alerts."""
    assert (await look(Shelf(make_drift_report(score=score)))).verdict is verdict


async def test_no_report_yet_is_unknown() -> None:
    """Never an ok: nobody has looked."""
    finding = await look(Shelf(None))
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.reason == "no drift report of churn has been published yet"


async def test_too_little_data_is_unknown() -> None:
    """A report without a score says what is missing."""
    finding = await look(Shelf(make_drift_report(score=None)))
    assert finding.verdict is Verdict.UNKNOWN
    assert "150 rows" in finding.reason
    assert finding.facts["score"] is None


async def test_one_feature_is_told_in_full() -> None:
    """Both sides beside each other, the test's numbers, and a picture where there are levels."""
    contract = make_feature_drift("contract", test=DriftTest.CHI2, effect=0.25)
    finding = await look(Shelf(make_drift_report(features=(contract,))), feature="Contract")
    assert finding.summary == "contract moved (effect 0.25): the median fell from 30 to 14"
    assert finding.table is not None
    assert ("monthly", "60.0%", "35.0%") in finding.table.rows
    (attached,) = finding.attachments
    assert attached.picture is not None
    (panel,) = attached.picture.panels
    assert isinstance(panel, BarPanel)
    assert panel.labels == ("monthly", "yearly")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("tenur", "tenure"),
        ("customer_id", "was not compared: excluded"),
        ("<!channel>", "has no feature"),
    ],
)
async def test_a_feature_that_is_not_there_is_told(wanted: str, words: str) -> None:
    """With the nearest name, or why it was left out."""
    finding = await look(Shelf(make_drift_report()), feature=wanted)
    assert finding.verdict is Verdict.UNKNOWN
    assert words in finding.reason


async def test_predictions_and_missing_values_are_facts() -> None:
    """What runbooks name of a report beside its score."""
    tenure = make_feature_drift("tenure")
    assert tenure.current is not None
    jumped = replace(tenure, current=replace(tenure.current, missing=0.2))
    predictions = PredictionDrift(score=0.25, reason="", rows=(7000, 1200))
    report = make_drift_report(features=(jumped, tenure), predictions=predictions)
    facts = (await look(Shelf(report))).facts
    assert (facts["missing_jump"], facts["prediction_score"]) == (1, 0.25)


async def test_the_store_is_where_reports_come_from() -> None:
    """What was published last is what the check reads."""
    async with open_store("sqlite+aiosqlite:///:memory:", clock=FrozenClock()) as store:
        async with store.transaction() as tx:
            await tx.drift_reports.save("churn", make_drift_report(score=0.9))
            await tx.drift_reports.save("churn", make_drift_report(score=0.35))
        finding = await look(PublishedReports(store))
    assert finding.facts["score"] == 0.35
