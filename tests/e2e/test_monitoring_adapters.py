from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from bot.adapters.alertmanager import AlertmanagerClient
from bot.adapters.prometheus import PrometheusMetrics
from bot.domain.errors import NotFound, Permanent
from bot.domain.matchers import parse_matchers
from bot.rehearsal.rules import fingerprint_of
from tests.e2e.servers.alertmanager import posting_to
from tests.e2e.servers.prometheus import scraping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bot.ports.readers import Sample, SeenAlert
    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.exporter import Exporter
    from tests.e2e.servers.prometheus import Prometheus

T = TypeVar("T")
LABELS = {"alertname": "HighAPILatency", "severity": "warning", "service": "churn", "wo": "München"}


@pytest.fixture
def server(start_alertmanager: Callable[[Any], Alertmanager]) -> Alertmanager:
    """An Alertmanager whose receiver nobody hears."""
    return start_alertmanager(posting_to("http://127.0.0.1:9/alerts"))


@pytest.fixture
async def client(server: Alertmanager) -> AsyncIterator[AlertmanagerClient]:
    """The adapter over it."""
    made = AlertmanagerClient(server.url)
    yield made
    await made.close()


async def eventually(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """What is asked for, once that holds of it; fails after two minutes."""
    async with asyncio.timeout(120):
        while True:
            found = await ask()
            if holds(found):
                return found
            await asyncio.sleep(0.05)


async def held(client: AlertmanagerClient, *silences: str) -> SeenAlert:
    """The one alert that Alertmanager holds, once it does and these silences cover it."""
    (only,) = await eventually(
        client.alerts, lambda found: bool(found) and found[0].silenced_by[: len(silences)] == silences
    )
    return only


async def silenced(client: AlertmanagerClient, text: str) -> str:
    """A new silence of an hour over these matchers."""
    now = datetime.now(UTC)
    return await client.create(
        matchers=parse_matchers(text),
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        created_by="U0ALICE",
        comment='known "cause" <&>',
    )


async def test_alerts_are_read_with_prometheus_fingerprints(
    server: Alertmanager, client: AlertmanagerClient
) -> None:
    """An alert comes with labels, start and the fingerprint that the rehearsal computes too."""
    starts = datetime.now(UTC).replace(microsecond=123000)
    server.fire({"labels": LABELS, "startsAt": starts.isoformat()})
    alert = await held(client)
    assert alert.labels == LABELS
    assert alert.starts_at == starts
    assert alert.fingerprint == fingerprint_of(LABELS)
    assert (alert.silenced_by, alert.inhibited_by) == ((), ())


async def test_a_silence_is_created_seen_and_ended(server: Alertmanager, client: AlertmanagerClient) -> None:
    """A silence covers the alert, is listed with its words, and ends; ending it again is no error."""
    server.fire({"labels": LABELS})
    await held(client)
    silence_id = await silenced(client, 'alertname="HighAPILatency",service!="other"')
    await held(client, silence_id)
    (silence,) = await client.silences()
    assert (silence.id, silence.state) == (silence_id, "active")
    assert silence.comment == 'known "cause" <&>'
    for _ in range(2):
        await client.expire(silence_id)
    (silence,) = await client.silences()
    assert silence.state == "expired"


@pytest.mark.parametrize(
    ("matcher", "covers"),
    [
        ('service="churn"', True),
        ('service!="churn"', False),
        ('service=~"ch.*"', True),
        ('service!~"ch.*"', False),
        ('wo="München"', True),
        ('alertname="X\\"Y"', False),
    ],
)
async def test_matchers_mean_there_what_they_mean_here(
    server: Alertmanager, client: AlertmanagerClient, matcher: str, covers: bool
) -> None:
    """Alertmanager silences exactly what our matchers match."""
    server.fire({"labels": LABELS})
    await held(client)
    positive = 'severity="warning"'
    silence_id = await silenced(client, f"{positive},{matcher}")
    assert all(one.matches(LABELS) for one in parse_matchers(matcher)) is covers
    expected = (silence_id,) if covers else ()
    assert (await held(client, *expected)).silenced_by == expected


async def test_what_alertmanager_refuses_is_permanent(client: AlertmanagerClient) -> None:
    """A silence that matches everything is refused with Alertmanager's words, an unknown id is not found."""
    with pytest.raises(Permanent, match="matcher"):
        await silenced(client, 'nobody=""')
    with pytest.raises(NotFound):
        await client.expire("00000000-0000-4000-8000-000000000000")


async def test_the_start_is_known(client: AlertmanagerClient) -> None:
    """The time of its start is moments ago."""
    age = datetime.now(UTC) - await client.started_at()
    assert timedelta(0) <= age < timedelta(minutes=2)


@pytest.fixture
async def metrics(
    exporter: Exporter, start_prometheus: Callable[..., Prometheus]
) -> AsyncIterator[PrometheusMetrics]:
    """The adapter over a Prometheus that scrapes the exporter."""
    prometheus = start_prometheus(scrape=[scraping("churn-api", exporter.address, service="churn")])
    made = PrometheusMetrics(f"{prometheus.url}/")
    yield made
    await made.close()


async def asked(metrics: PrometheusMetrics, promql: str) -> tuple[Sample, ...]:
    """The samples of an expression, once there are any."""
    return await eventually(lambda: metrics.query(promql), bool)


async def test_queries_are_answered(metrics: PrometheusMetrics) -> None:
    """Instant queries give labels, time and value; scalars, NaN and infinities among them."""
    (up,) = await asked(metrics, 'up{job="churn-api"} == 1')  # a scrape may have come to nothing
    assert up.value == 1
    assert up.labels["service"] == "churn"
    assert timedelta(0) <= datetime.now(UTC) - up.at < timedelta(minutes=2)
    (nan,) = await metrics.query("vector(0) / vector(0)")
    assert math.isnan(nan.value)
    (infinite,) = await metrics.query("scalar(vector(1) / vector(0))")
    assert infinite.value == float("inf")
    assert await metrics.query("nothing_has_this_name") == ()
    assert await metrics.query("up", at=datetime.now(UTC) - timedelta(days=1)) == ()


async def test_ranges_are_answered(metrics: PrometheusMetrics) -> None:
    """A range query gives the points of each series in order."""
    await asked(metrics, 'up{job="churn-api"} == 1')
    now = datetime.now(UTC)
    (series,) = await metrics.query_range("vector(7)", start=now - timedelta(minutes=1), end=now, step=15)
    assert [value for _, value in series.points] == [7.0] * 5
    assert list(series.points) == sorted(series.points)


@pytest.mark.parametrize(
    ("promql", "words"),
    [
        ("sum(", "parse error"),
        ('up{job="it\'s \\" odd"', "parse error"),
        ("up[5m]", "no numbers at one time"),
        ('"text"', "no numbers at one time"),
    ],
)
async def test_a_wrong_expression_is_permanent(metrics: PrometheusMetrics, promql: str, words: str) -> None:
    """What Prometheus refuses, or answers with no numbers, is permanent, with a reason."""
    await asked(metrics, 'up{job="churn-api"}')
    with pytest.raises(Permanent, match=words):
        await metrics.query(promql)


async def test_the_alert_rules_of_a_name_are_given(metrics: PrometheusMetrics) -> None:
    """No rule of that name is no error."""
    assert await metrics.alerting_rules("NoSuchRule") == ()


async def test_too_fine_a_range_is_permanent(metrics: PrometheusMetrics) -> None:
    """Prometheus' limit of points comes as its own words."""
    now = datetime.now(UTC)
    with pytest.raises(Permanent, match="11,000"):
        await metrics.query_range("up", start=now - timedelta(days=30), end=now, step=1)
