"""The published scores on `/metrics`: from the store, the same on every replica, nothing old and no NaN."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import CollectorRegistry

from bot.domain.drift import PredictionDrift, SchemaChanges
from bot.domain.errors import Temporary
from bot.drift_metrics import DriftMetrics
from bot.testing import START, FrozenClock
from handlers.health import read_store
from tests.drift_runs.making import keep_success, make_run
from tests.making import make_drift_report
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.adapters.database import SqlStore

HOUR = timedelta(hours=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """An empty one."""
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=FrozenClock()) as opened:
        yield opened


async def scraped(store: SqlStore) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What a replica that has just started says of the service churn-eu, as a scrape reads it."""
    registry, metrics = CollectorRegistry(auto_describe=True), DriftMetrics()
    registry.register(metrics)
    metrics.show((await read_store(store, {"churn-eu": "churn_eu"})).drifts)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (
            sample.name.removeprefix("churn_eu_model_drift_"),
            tuple(sorted(sample.labels.items())),
        ): sample.value
        for family in families
        for sample in family.samples
    }


async def test_every_number_of_the_newest_report_is_published(store: SqlStore) -> None:
    """Score, joint, predictions, features, sample sizes, changed schema, time of the last success, run."""
    report = make_drift_report(
        score=0.42,
        predictions=PredictionDrift(score=0.15, reason="", rows=(7000, 1200)),
        schema=SchemaChanges(missing=("a", "b"), retyped=("c",)),
    )
    await keep_success(store, make_run("run-1", service="churn-eu"), report=report)
    async with store.transaction() as tx:
        await tx.tracked_runs.owe("run-1", profile=None)
        made_at = tx.now.timestamp()
    assert await scraped(store) == {
        ("score", ()): 0.42,
        ("joint_score", ()): 0.2,
        ("prediction_score", ()): 0.15,
        ("feature_score", (("feature", "tenure"),)): 0.8,
        ("feature_score", (("feature", "monthly_charges"),)): 0.3,
        ("feature_score", (("feature", "contract"),)): 0.0,
        ("sample_size", (("side", "reference"),)): 7000,
        ("sample_size", (("side", "current"),)): 1200,
        ("schema_changed_columns", (("change", "missing"),)): 2,
        ("schema_changed_columns", (("change", "added"),)): 0,
        ("schema_changed_columns", (("change", "retyped"),)): 1,
        ("last_success_timestamp_seconds", ()): made_at,
        ("last_run_timestamp_seconds", ()): (START + timedelta(seconds=3)).timestamp(),
        ("last_run_failed", ()): 0,
        ("mlflow_waiting_runs", ()): 1,
        ("report_info", (("model_version", "7"), ("run_id", "run-1"), ("verdict", "drifted"))): 1,
    }


async def test_a_failed_run_leaves_the_last_score_with_its_age(store: SqlStore) -> None:
    """The score is the last one, the time of the last success does not move, and the failure is told."""
    await keep_success(store, make_run("run-1", service="churn-eu"), score=0.2)
    before = await scraped(store)
    run = make_run("run-2", service="churn-eu", started_at=START + HOUR)
    async with store.transaction() as tx:
        await tx.drift_runs.begin(run)
        await tx.drift_runs.end(run.failed(Temporary("away"), at=START + HOUR))
    after = await scraped(store)
    assert after[("last_run_failed", ())] == 1
    assert after[("last_run_timestamp_seconds", ())] == (START + HOUR).timestamp()
    for name in ("score", "last_success_timestamp_seconds"):
        assert after[(name, ())] == before[(name, ())]


async def test_too_little_data_has_no_score_rather_than_zero(store: SqlStore) -> None:
    """The series is gone, so that the alert for a missing score can fire; an older score does not stay."""
    await keep_success(store, make_run("run-1", service="churn-eu"), score=0.2)
    await keep_success(store, make_run("run-2", service="churn-eu", started_at=START + HOUR), score=None)
    found = await scraped(store)
    assert ("score", ()) not in found
    assert (
        found[("report_info", (("model_version", "7"), ("run_id", "run-2"), ("verdict", "insufficient")))]
        == 1
    )


async def test_a_service_without_reports_says_nothing_of_a_score(store: SqlStore) -> None:
    """Not zero: nothing is known."""
    assert await scraped(store) == {("mlflow_waiting_runs", ()): 0}
