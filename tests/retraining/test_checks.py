from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.checks.registry import CHECKS, run_check
from bot.checks.targets import CheckTarget
from bot.domain.candidates import ComparisonVerdict, MetricPair, compare
from bot.domain.findings import Verdict
from bot.domain.pictures import BarPanel
from bot.ports.readers import Evaluation, PublishedDrift
from bot.rehearsal.faults import Fault
from bot.rehearsal.world import World
from bot.testing import START, FrozenClock, SequentialIds
from tests.checks.looking import NAMESPACE, crashed
from tests.checks.test_jobs import job, pod_of
from tests.planning import ALIAS, MODEL
from tests.retraining.making import DAY, drifted, emptied, make_version, moved
from tests.worlds.objects import cron_job

if TYPE_CHECKING:
    from bot.domain.drift import DriftReport
    from bot.domain.findings import Finding, Scalar

TARGET = CheckTarget(
    service="churn", namespace=NAMESPACE, cronjob="training-pipeline", model=MODEL, model_alias=ALIAS
)


@dataclass
class Published:
    """A `DriftReader` with one report."""

    report: DriftReport | None

    async def latest(self, _: str) -> PublishedDrift | None:
        """The report, an hour old."""
        made_at = START - timedelta(hours=1)
        return PublishedDrift(report=self.report, made_at=made_at) if self.report else None


@pytest.fixture
def world() -> World:
    """Version 7 in production for twelve days, and the CronJob that trains."""
    made = World(FrozenClock(), SequentialIds(), manifests=[cron_job(NAMESPACE)])
    made.models.register(make_version("6", days=40, accuracy=0.9))
    made.models.register(make_version("7", days=12, alias=True, accuracy=0.914, log_loss=0.31))
    return made


async def look(name: str, world: World, report: DriftReport | None = None, /, **arguments: Scalar) -> Finding:
    """Run the check beside that report."""
    return await run_check(
        name,
        target=TARGET,
        readers=replace(world.readers, drift=Published(report)),
        now=START,
        crashed=crashed,
        arguments=arguments,
    )


async def test_drift_proposes_a_retraining(world: World) -> None:
    """A score above the threshold, and nothing in the way: proposed, with what was weighed as a table."""
    finding = await look("retraining", world, drifted(moved("tenure", 0.8)))
    assert finding.verdict is Verdict.WARN
    assert finding.summary == "retraining is proposed: the drift score is 0.46, above 0.3 (tenure)"
    assert set(finding.facts) == set(CHECKS["retraining"].facts)
    assert (finding.facts["proposed"], finding.facts["broken_data"]) == (True, False)
    assert finding.table is not None
    assert [row[:3] for row in finding.table.rows] == [
        ("for", "drift", "yes"),
        ("for", "accuracy", "unknown"),
        ("for", "age", "no"),
        ("against", "too soon", "no"),
        ("against", "broken data", "no"),
        ("against", "too few rows", "no"),
        ("against", "running", "no"),
        ("against", "budget", "no"),
    ]


async def test_broken_data_refuses_it(world: World) -> None:
    """What speaks for it is said all the same."""
    finding = await look("retraining", world, drifted(emptied("tenure", 0.2)))
    assert finding.summary.startswith("retraining is refused: the data looks broken")
    assert finding.summary.endswith("(for it: the drift score is 0.46, above 0.3 (tenure))")
    assert finding.facts["broken_data"] is True


async def test_the_accuracy_of_the_version_in_production_counts(world: World) -> None:
    """The newest evaluation of that version, against its own training; those of others do not count."""
    world.models.evaluate(MODEL, "6", Evaluation(run_id="x", at=START, metrics={"accuracy": 0.1}))
    for days, accuracy in ((9, 0.91), (1, 0.84)):
        run = Evaluation(run_id=f"e{days}", at=START - days * DAY, metrics={"accuracy": accuracy})
        world.models.evaluate(MODEL, "7", run)
    finding = await look("retraining", world)
    assert finding.facts["accuracy"] == 0.84
    assert finding.facts["accuracy_drop"] == pytest.approx(0.074)
    assert "0.84, 7.4 points below what version 7 had in training (0.914)" in finding.summary


async def test_a_candidate_that_waits_counts_as_a_training(world: World) -> None:
    """The newest version of all says when was trained last, not the one that serves."""
    world.models.register(make_version("8", days=2, accuracy=0.93))
    finding = await look("retraining", world, drifted(moved("tenure", 0.8)))
    assert "refused: the last training was 2 days ago, less than 7 days" in finding.summary


async def test_jobs_of_the_last_week_are_counted(world: World) -> None:
    """A Job that runs refuses, one that somebody asked for counts, a scheduled one does not."""
    world.state.put(job("training-pipeline-a", hours=30, ended="Complete", owner=""))
    world.state.put(job("training-pipeline-b", hours=50, ended="Complete"))
    world.state.put(job("training-pipeline-c", hours=200, ended="Complete", owner=""))
    finding = await look("retraining", world)
    assert finding.table is not None
    assert finding.table.rows[-1][3].startswith("1 of the 2 trainings a week")
    running = job("training-pipeline-d", hours=0.1, owner="")
    running["status"]["active"] = 1
    world.state._jobs_take = DAY
    running["spec"] = {"template": {}}
    world.state.put(running)
    finding = await look("retraining", world, drifted(moved("tenure", 0.8)))
    assert "a training runs already: Job training-pipeline-d" in finding.summary


@pytest.mark.parametrize("part", ["models", "cluster"])
async def test_what_cannot_be_read_is_said_and_the_rest_is_weighed(world: World, part: str) -> None:
    """A registry or a cluster that does not answer costs what it would have said, and no more."""
    world.faults.switch_on(part, Fault.SERVER_ERROR)
    finding = await look("retraining", world, drifted(moved("tenure", 0.8)))
    assert finding.facts["proposed"] is True
    assert finding.table is not None
    unknown = {row[1] for row in finding.table.rows if row[2] == "unknown"}
    lost = {"models": {"accuracy", "age", "too soon"}, "cluster": {"accuracy", "running", "budget"}}
    assert unknown == lost[part]


async def test_nothing_known_is_unknown() -> None:
    """No report and no model: the verdict is unknown and says why."""
    finding = await look("retraining", World(FrozenClock(), SequentialIds()))
    assert finding.verdict is Verdict.UNKNOWN
    assert "no drift report has been published yet" in finding.reason


async def test_a_better_candidate(world: World) -> None:
    """Both are measured by the pipeline's run: the table, the picture and the one line say the same."""
    world.models.register(make_version("8", days=0, accuracy=0.931, log_loss=0.27, roc_auc=0.96))
    run = Evaluation(
        run_id="e", at=START + timedelta(minutes=1), metrics={"accuracy": 0.861, "log_loss": 0.4}
    )
    world.models.evaluate(MODEL, "7", run)
    finding = await look("candidate", world)
    assert finding.verdict is Verdict.OK
    assert (
        finding.summary
        == "version 8 is better than version 7 in production: accuracy 0.861 → 0.931 (+7 points)"
    )
    assert set(finding.facts) == set(CHECKS["candidate"].facts)
    assert (finding.facts["better"], finding.facts["same_rows"], finding.facts["version"]) == (
        True,
        True,
        "8",
    )
    assert finding.table is not None
    assert finding.table.rows == (
        ("accuracy", "0.861", "0.931", "+0.07", "better"),
        ("log_loss", "0.4", "0.27", "-0.13", "better"),
        ("roc_auc", "not logged", "0.96", "", ""),
    )
    (attached,) = finding.attachments
    assert attached.picture is not None
    (panel,) = attached.picture.panels
    assert isinstance(panel, BarPanel)
    assert panel.note == "lower is better: log_loss"
    assert [(bars.label, bars.values) for bars in panel.bars] == [
        ("version 7, production", (0.861, 0.4)),
        ("version 8, candidate", (0.931, 0.27)),
    ]


async def test_a_worse_candidate_measured_elsewhere(world: World) -> None:
    """Without an evaluation of its time production's own training counts, and that is said."""
    world.models.register(make_version("8", days=0, accuracy=0.9))
    finding = await look("candidate", world)
    assert (finding.verdict, finding.facts["better"]) == (Verdict.WARN, False)
    assert finding.summary.endswith("accuracy 0.914 → 0.9 (-1.4 points)")
    assert "on other rows" in finding.details[0]


async def test_a_candidate_without_accuracy(world: World) -> None:
    """Nothing to decide by is unknown, not worse."""
    world.models.register(make_version("8", days=0, f1=0.9))
    finding = await look("candidate", world)
    assert (finding.verdict, finding.facts["better"], finding.facts["version"]) == (
        Verdict.UNKNOWN,
        None,
        "8",
    )


async def test_nothing_newer(world: World) -> None:
    """Older versions, and those of before the training, are no candidates."""
    world.models.register(make_version("8", days=3, accuracy=0.99))
    finding = await look("candidate", world, after=8)
    assert finding.summary == "no version of churn-model is newer than 7, in production, nor than 8"
    assert finding.facts["version"] is None
    assert (await look("candidate", world)).facts["version"] == "8"


def test_what_counts_what_is_bad_is_better_when_lower() -> None:
    """The name tells: losses and errors are better when lower, all else when higher."""
    for name, verdict in (
        ("log_loss", ComparisonVerdict.BETTER),
        ("val-RMSE", ComparisonVerdict.BETTER),
        ("glossary_hits", ComparisonVerdict.WORSE),
        ("roc_auc", ComparisonVerdict.WORSE),
    ):
        assert MetricPair(name=name, production=0.4, candidate=0.3).verdict is verdict, name
    assert compare({"accuracy": 0.5}, {"accuracy": 0.5}).verdict is ComparisonVerdict.EQUAL


async def test_all_failed_pods_of_a_job_leave_their_logs(world: World) -> None:
    """The newest one's last lines stand in the finding; the file has every failed pod's, redacted."""
    world.state.put(job("training-pipeline-x", hours=2, ended="Failed"))
    for name, hours in (("x-a", 2.0), ("x-b", 1.9), ("x-c", 1.8)):
        phase = "Succeeded" if name == "x-c" else "Failed"
        world.state.put(pod_of("training-pipeline-x", name, hours=hours, phase=phase))
        world.state.logs[NAMESPACE, name] = f"{name} begins\npassword=hunter2hunter2\n"
    finding = await look("jobs", world)
    assert finding.details[1:3] == ("log: x-b begins", "log: password=[redacted]")
    (attached,) = finding.attachments
    assert "===== x-a/train" in attached.text
    assert "===== x-b/train" in attached.text
    assert "x-c" not in attached.text
    assert "hunter2" not in attached.text
