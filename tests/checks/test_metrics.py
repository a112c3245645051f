from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.checks.metrics import METRIC_FACTS
from bot.checks.targets import CheckTarget
from bot.domain.findings import Verdict
from bot.domain.measures import Worse, format_measure
from bot.domain.pictures import LinePanel
from bot.domain.services import NamedMetric
from bot.rehearsal.faults import Fault
from bot.rehearsal.metrics import RehearsalMetrics
from bot.rehearsal.world import World
from bot.testing import START, FrozenClock, SequentialIds
from tests.checks.looking import look

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.ports.readers import Sample

LATENCY = NamedMetric(name="p95_latency", title="P95 latency", query="latency", unit="s", threshold=1.0)
RATE = NamedMetric(name="request_rate", query="rate", unit="requests/s")
TARGET = CheckTarget(service="churn", metrics=(LATENCY, RATE))


def over_time(now: float, yesterday: float, week_ago: float) -> Callable[[datetime], float]:
    """A series that was another number a day and a week ago."""

    def value(moment: datetime) -> float:
        age = START - moment
        return now if age < timedelta(hours=12) else yesterday if age < timedelta(days=3) else week_ago

    return value


def world_of(**series: float | None) -> World:
    """A world whose Prometheus gives these numbers, at any time."""
    world = World(FrozenClock(), SequentialIds())
    for name, value in series.items():
        world.metrics.define(name, lambda _, value=value: value)  # type: ignore[misc]
    return world


async def test_all_is_well() -> None:
    """Within the thresholds the numbers are in the line, with their units."""
    finding = await look("metrics", world_of(latency=0.42, rate=30), TARGET)
    assert finding.verdict is Verdict.OK
    assert finding.summary == "P95 latency 420 ms, request rate 30 requests/s"
    assert {name.partition(".")[2] for name in finding.facts} == set(METRIC_FACTS)
    assert finding.facts["p95_latency.above"] is False
    assert finding.facts["request_rate.above"] is None


async def test_below_a_threshold_that_low_numbers_are_bad_under() -> None:
    """`worse: below`: nothing that answers fails the check, and of several series the lowest counts."""
    answering = NamedMetric(
        name="availability", title="Instances that answer", query="up", unit="ratio", threshold=0.5,
        worse=Worse.BELOW,
    )  # fmt: skip
    world = world_of()
    world.metrics.define("up", lambda _: 0.0, {"zone": "a"})
    world.metrics.define("up", lambda _: 1.0, {"zone": "b"})
    finding = await look("metrics", world, CheckTarget(service="churn", metrics=(answering,)))
    assert finding.verdict is Verdict.FAIL
    assert finding.summary == "Instances that answer 0% is below 50% (yesterday 0%)"
    assert finding.details == ("Instances that answer: the lowest of 2 series, zone=a",)
    assert (finding.facts["availability.bad"], finding.facts["availability.above"]) == (True, False)
    (panel,) = finding.attachments[0].picture.panels if finding.attachments[0].picture else ()
    assert isinstance(panel, LinePanel)
    assert panel.worse is Worse.BELOW


async def test_above_a_threshold_against_yesterday() -> None:
    """A number above its threshold fails the check and is told beside yesterday's."""
    world = world_of(rate=90)
    world.metrics.define("latency", over_time(1.7, 0.42, 0.4))
    finding = await look("metrics", world, TARGET)
    assert finding.verdict is Verdict.FAIL
    assert finding.summary == "P95 latency 1.7 s is above 1 s (yesterday 420 ms)"
    assert finding.table is not None
    assert finding.table.rows[0] == ("P95 latency", "1.7 s", "1 s", "420 ms (now 4.05 times that)", "400 ms")
    facts = finding.facts
    assert (facts["p95_latency.value"], facts["p95_latency.before"]) == (1.7, 0.42)
    assert (facts["p95_latency.week_before"], facts["p95_latency.above"]) == (0.4, True)
    assert facts["p95_latency.ratio"] == pytest.approx(1.7 / 0.42, abs=0.001)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "the query gives nothing: is it exported and scraped?"),
        (math.nan, "the query gives not a number: is there any traffic?"),
        (math.inf, "the query gives infinite: is there any traffic?"),
    ],
)
async def test_no_number_is_told_for_each_metric(value: float | None, words: str) -> None:
    """Empty, NaN and infinite are told for that metric; the check warns and is not ok."""
    finding = await look("metrics", world_of(latency=value, rate=30), TARGET)
    assert finding.verdict is Verdict.WARN
    assert finding.summary == "nothing known of P95 latency; request rate 30 requests/s"
    assert finding.details == (f"P95 latency: {words}",)
    assert finding.facts["p95_latency.value"] is None
    assert finding.facts["p95_latency.above"] is None


async def test_without_any_number_it_is_unknown() -> None:
    """When no metric can be read the finding is unknown with the reason."""
    finding = await look("metrics", world_of(), TARGET)
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.summary == "unknown: nothing known of P95 latency, request rate"
    assert finding.reason == "the query gives nothing: is it exported and scraped?"


async def test_several_series_give_their_highest() -> None:
    """Of some series the highest finite one counts, and whose it is is told."""
    world = world_of(rate=30)
    for pod, value in (("a", 0.2), ("b", 1.4), ("c", math.nan)):
        world.metrics.define("latency", lambda _, value=value: value, {"pod": pod})  # type: ignore[misc]
    finding = await look("metrics", world, TARGET)
    assert finding.facts["p95_latency.value"] == 1.4
    assert finding.details == ("P95 latency: the highest of 3 series, pod=b",)


async def test_thousands_of_series_are_no_number() -> None:
    """A query that gives very many series is told to be aggregated."""
    world = world_of(rate=30)
    for number in range(3_000):
        world.metrics.define("latency", lambda _: 0.1, {"pod": str(number)})
    finding = await look("metrics", world, TARGET)
    assert finding.details == ("P95 latency: the query gives 3000 numbers: aggregate it to one",)
    assert finding.verdict is Verdict.WARN


async def test_one_can_be_asked_for() -> None:
    """`name` chooses one, `names` several in order; a wrong one is answered with the nearest."""
    world = world_of(latency=0.42, rate=30)
    one = await look("metrics", world, TARGET, name="request_rate")
    assert set(one.facts) == {f"request_rate.{fact}" for fact in METRIC_FACTS}
    two = await look("metrics", world, TARGET, names="request_rate, p95_latency")
    assert two.summary == "request rate 30 requests/s, P95 latency 420 ms"
    wrong = await look("metrics", world, TARGET, name="p95_latenzy")
    assert wrong.verdict is Verdict.UNKNOWN
    assert "no metric `p95_latenzy` is configured" in wrong.reason
    assert "p95_latency" in wrong.reason


async def test_a_range_adds_the_worst() -> None:
    """With `range` a column tells the worst value within that time."""
    world = world_of(rate=30)
    peak = START - timedelta(minutes=30)
    world.metrics.define("latency", lambda moment: 3.0 if abs(moment - peak) < timedelta(minutes=1) else 0.5)
    finding = await look("metrics", world, TARGET, name="p95_latency", range="1h")
    assert finding.table is not None
    assert finding.table.columns[-1] == "Worst in 1h"
    assert finding.table.rows[0][-1] == "3 s"


async def test_an_expression_that_is_refused_is_told() -> None:
    """PromQL that Prometheus refuses is told with its words, and the others are read."""
    world = world_of(latency=0.42, rate=30)
    broken = replace(TARGET, metrics=(LATENCY, replace(RATE, query='rate{pod ! "a"}')))
    finding = await look("metrics", world, broken)
    assert finding.verdict is Verdict.WARN
    assert finding.details[0].startswith("request rate: ")


async def test_a_prometheus_that_fails_is_unknown() -> None:
    """An error of Prometheus makes all unknown, with the reason."""
    world = world_of(latency=0.42)
    world.faults.switch_on("metrics.query", Fault.SERVER_ERROR)
    finding = await look("metrics", world, TARGET)
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, "internal error (500)")


async def test_a_prometheus_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A query that never comes back is told as that, and the check ends by itself."""
    monkeypatch.setattr("bot.checks.metrics._ANSWER_WITHIN", 0.05)
    world = world_of(latency=0.42, rate=30)
    world.faults.switch_on("metrics.query", Fault.HANG, times=1)
    finding = await look("metrics", world, TARGET)
    assert finding.details == ("P95 latency: Prometheus gave no answer in time",)
    assert finding.facts["request_rate.value"] == 30


async def test_no_more_than_four_questions_at_once() -> None:
    """However many metrics are configured, Prometheus is asked four things at a time."""
    asking, most = 0, 0

    class Watched(RehearsalMetrics):
        async def query(self, promql: str, *, at: datetime | None = None) -> tuple[Sample, ...]:
            nonlocal asking, most
            asking += 1
            most = max(most, asking)
            await asyncio.sleep(0)
            asking -= 1
            return await super().query(promql, at=at)

    world = world_of()
    world.metrics = Watched(world.clock, world.faults)
    world.metrics.define("rate", lambda _: 1.0)
    many = tuple(replace(RATE, name=f"m{number}") for number in range(20))
    finding = await look("metrics", world, CheckTarget(service="churn", metrics=many))
    assert finding.verdict is Verdict.OK
    assert most == 4


async def test_without_metrics_it_says_what_to_set() -> None:
    """A service without named queries gets the name of the setting."""
    finding = await look("metrics", world_of(), CheckTarget(service="churn"))
    assert "set `metrics`" in finding.reason


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.42, "s", "420 ms"),
        (1.7, "s", "1.7 s"),
        (0.0312, "ratio", "3.12%"),
        (536870912, "bytes", "512Mi"),
        (30, "requests/s", "30 requests/s"),
        (0.3456, "", "0.346"),
        (1234567, "", "1.23e+06"),
        (0, "s", "0 s"),
        (-3, "", "-3"),
        (math.nan, "s", "not a number"),
        (-math.inf, "", "minus infinite"),
    ],
)
def test_numbers_are_written_with_their_units(value: float, unit: str, text: str) -> None:
    """Seconds, ratios, bytes and other units read as people write them."""
    assert format_measure(value, unit) == text
