"""Pushing scores to a Pushgateway: the same as on `/metrics`, a group a service, every failure in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import generate_latest

from bot.adapters.database import SqlStore, open_store
from bot.adapters.pushgateway import Pushgateway
from bot.domain.comparisons import DriftComparison, WatchedDrift
from bot.domain.errors import Permanent, Temporary
from bot.drift_metrics import DriftReading, drift_registry, read_drift
from bot.engines.drift_pushing import push_scores
from bot.testing import START, FrozenClock
from handlers.health import read_store
from tests.drift_runs.gateway import Gateway, samples, serving
from tests.drift_runs.making import keep_success, make_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """One that takes everything."""
    with serving() as one:
        yield one


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """With a report of the service churn."""
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=FrozenClock()) as opened:
        await keep_success(opened, make_run("run-1"))
        yield opened


async def reading(store: SqlStore) -> DriftReading:
    """What the store knows of the service."""
    async with store.transaction() as tx:
        return await read_drift(tx, "churn")


def watched(address: str) -> WatchedDrift:
    """What is configured."""
    comparison = DriftComparison(reference="a", current="b")
    return WatchedDrift(service="churn", channel="C0CHURN", comparison=comparison, pushgateway=address)


async def test_what_is_pushed_is_what_a_replica_says(store: SqlStore, gateway: Gateway) -> None:
    """Names, labels, values and the run's id; the group is the service's, and the whole of it is replaced."""
    done = (await reading(store)).newest
    assert done is not None
    await push_scores(store, Pushgateway(), run=done, watched=watched(gateway.address), prefix="churn")
    ((method, path, pushed),) = gateway.pushed
    assert (method, path) == ("PUT", "/metrics/job/lightship_drift/service/churn")
    said = (await read_store(store, {"churn": "churn"})).drifts["churn"]
    assert pushed == samples(generate_latest(drift_registry("churn", said)).decode())
    assert pushed["churn_model_drift_score", ()] == 0.42
    labels = (("model_version", "7"), ("run_id", "run-1"), ("verdict", "drifted"))
    assert pushed["churn_model_drift_report_info", labels] == 1


async def test_a_failed_run_leaves_the_last_scores_there(store: SqlStore, gateway: Gateway) -> None:
    """POST replaces what it brings and no more: a fresh store knows no score, and the gateway's stays."""
    run = make_run("run-2", service="shop")
    failed = run.failed(Temporary("the lake is away"), at=START)
    async with store.transaction() as tx:
        await tx.drift_runs.begin(run)
        await tx.drift_runs.end(failed)
    await push_scores(store, Pushgateway(), run=failed, watched=watched(gateway.address), prefix="shop")
    ((method, path, pushed),) = gateway.pushed
    assert (method, path) == ("POST", "/metrics/job/lightship_drift/service/shop")
    assert pushed["shop_model_drift_last_run_failed", ()] == 1
    assert ("shop_model_drift_score", ()) not in pushed


@pytest.mark.parametrize(
    ("answers", "sort", "words"),
    [
        ((503, "starting"), Temporary, "cannot take them now: 503 starting"),
        ((429, ""), Temporary, "cannot take them now: 429 Too Many Requests"),
        ((400, "pushed metrics are inconsistent"), Permanent, "does not take them: 400 pushed metrics are"),
        ((302, ""), Permanent, "does not take them: 302 Found"),
        (None, Temporary, "cannot be reached: timed out"),
    ],
)
async def test_what_the_gateway_says_against_it(
    store: SqlStore, gateway: Gateway, answers: tuple[int, str] | None, sort: type[Exception], words: str
) -> None:
    """Each failure has its own words, with the address; a gateway that hangs is given up in time."""
    gateway.answers = answers
    scores = drift_registry("churn", await reading(store))
    with pytest.raises(sort, match=words) as raised:
        await Pushgateway(timeout=0.3).push(gateway.address, service="churn", scores=scores, whole=True)
    assert gateway.address in str(raised.value)


async def test_a_gateway_that_is_not_there(store: SqlStore) -> None:
    """Refused connections may pass, so they are temporary."""
    scores = drift_registry("churn", await reading(store))
    with pytest.raises(Temporary, match="cannot be reached"):
        await Pushgateway().push("http://127.0.0.1:9", service="churn", scores=scores, whole=True)
