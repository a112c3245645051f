from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.adapters.models import MlflowModels
from bot.checks.registry import run_check
from bot.checks.targets import CheckTarget
from bot.domain.errors import Temporary
from bot.domain.findings import Verdict
from bot.ports.readers import ModelVersion, Readers
from bot.rehearsal.faults import Fault
from bot.rehearsal.world import World
from bot.testing import START, FrozenClock, SequentialIds

if TYPE_CHECKING:
    from bot.domain.findings import Finding

TARGET = CheckTarget(service="churn", model="churn-model", model_alias="Production")


def crashed(name: str, error: Exception) -> None:
    """No check may crash in these tests."""
    raise AssertionError(name) from error


async def look(readers: Readers, target: CheckTarget = TARGET) -> Finding:
    """Run the check."""
    return await run_check("model", target=target, readers=readers, now=START, crashed=crashed)


@pytest.fixture
def world() -> World:
    """A world with version 7 in production."""
    made = World(FrozenClock(), SequentialIds())
    made.models.register(
        ModelVersion(
            name="churn-model",
            version="7",
            aliases=("Production",),
            created_at=START - timedelta(days=12),
            run_id="abc",
            metrics={"accuracy": 0.914, "roc auc": 0.5},
        )
    )
    return made


async def test_the_version_is_named_with_its_age(world: World) -> None:
    """The one line names model, alias, version and age; the metrics are facts."""
    finding = await look(world.readers)
    assert finding.verdict is Verdict.OK
    assert finding.summary == "churn-model Production is version 7, 12d old, accuracy 0.914"
    assert finding.facts["accuracy"] == 0.914
    assert finding.facts["accuracy_drop"] is None
    assert finding.facts["age_days"] == 12
    assert finding.facts["metric_roc_auc"] == 0.5


def register(world: World, version: str, **metrics: float) -> None:
    """An older version, which no alias points to."""
    made = ModelVersion(
        name="churn-model",
        version=version,
        aliases=(),
        created_at=START - timedelta(days=40),
        run_id="old",
        metrics=metrics,
    )
    world.models.register(made)


async def test_a_clock_that_is_ahead_makes_no_version_of_the_future(world: World) -> None:
    """MLflow's machine may be a minute ahead of ours; the version is new then, not negative."""
    world.models.register(
        ModelVersion(
            name="churn-model",
            version="8",
            aliases=("Production",),
            created_at=START + timedelta(minutes=1),
            run_id="abc",
        )
    )
    finding = await look(world.readers)
    assert finding.facts["age_days"] == 0
    assert "-" not in finding.summary.removeprefix("churn-model")


async def test_accuracy_is_compared_with_the_version_before(world: World) -> None:
    """The newest earlier version that has one; versions without are passed over."""
    register(world, "6", loss=0.1)
    register(world, "5", accuracy=0.95)
    finding = await look(world.readers)
    assert finding.verdict is Verdict.WARN
    assert finding.summary.endswith("accuracy 0.914, 3.6 points below version 5")
    assert finding.facts["accuracy_drop"] == pytest.approx(0.036)


async def test_a_configured_baseline_is_what_counts(world: World) -> None:
    """The version before is not asked for then."""
    register(world, "6", accuracy=0.99)
    finding = await look(world.readers, replace(TARGET, model_baseline=0.9))
    assert finding.verdict is Verdict.OK
    assert finding.summary.endswith("accuracy 0.914, 1.4 points above the baseline")
    assert finding.facts["accuracy_drop"] == pytest.approx(-0.014)


async def test_a_registry_that_forgets_the_past_costs_the_comparison_alone(world: World) -> None:
    """A failure of the second question does not make the first answer unknown."""
    register(world, "6", accuracy=0.99)
    world.faults.switch_on("models.version", Fault.SERVER_ERROR)
    finding = await look(world.readers)
    assert finding.verdict is Verdict.OK
    assert finding.facts["accuracy_drop"] is None


async def test_a_missing_alias_fails(world: World) -> None:
    """An alias that points nowhere is a failure, not an unknown."""
    world.faults.switch_on("models", Fault.NOT_FOUND)
    finding = await look(world.readers)
    assert finding.verdict is Verdict.FAIL
    assert finding.summary == "no version of churn-model has the alias Production"


@pytest.mark.parametrize("uri", ["", "file:///mlruns", "sqlite:///mlflow.db"])
async def test_without_mlflow_the_way_to_it_is_shown(world: World, uri: str) -> None:
    """Without a server the verdict is unknown, and the reason says how to get one."""
    readers = Readers(
        cluster=world.cluster,
        metrics=world.metrics,
        alertmanager=world.alertmanager,
        models=MlflowModels(uri),
        network=world.network,
    )
    finding = await look(readers)
    assert finding.verdict is Verdict.UNKNOWN
    assert "MLFLOW_TRACKING_URI" in finding.reason
    assert "mlflow server" in finding.reason


@pytest.mark.e2e
@pytest.mark.timeout(300)
async def test_an_unreachable_server_is_temporary() -> None:
    """A server that is not there is a temporary error that shows no password of the address."""
    models = MlflowModels("http://user:secret@127.0.0.1:9", timeout=240)
    with pytest.raises(Temporary) as raised:
        await models.version_by_alias(name="m", alias="a")
    await models.close()
    assert "secret" not in str(raised.value)


async def test_a_slow_worker_is_ended() -> None:
    """A worker that does not answer in time is ended, and the error is temporary."""
    models = MlflowModels("http://127.0.0.1:9", timeout=0.05)
    with pytest.raises(Temporary, match="in time"):
        await models.version_by_alias(name="m", alias="a")
