from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.checks.jobs import FACTS
from bot.domain.findings import Verdict
from bot.rehearsal.faults import Fault
from bot.rehearsal.objects import stamp
from bot.rehearsal.world import World
from bot.testing import START, FrozenClock, SequentialIds
from tests.checks.looking import NAMESPACE, TARGET, condition, look

NAME = "training-pipeline"
SERVICE = replace(TARGET, cronjob=NAME)


def cronjob(*, suspend: bool = False, **status: Any) -> dict[str, Any]:
    """The CronJob that trains."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"schedule": "0 3 * * *", "suspend": suspend},
        "status": status,
    }


def job(
    name: str, *, hours: float, ended: str = "", minutes: int = 30, owner: str = NAME, **labels: str
) -> dict[str, Any]:
    """A Job begun so many hours ago; `ended` is Complete, Failed or nothing."""
    began = START - timedelta(hours=hours)
    finish = began + timedelta(minutes=minutes)
    status: dict[str, Any] = {"startTime": stamp(began)}
    if ended == "Complete":
        status |= {
            "completionTime": stamp(finish),
            "conditions": [condition("Complete", "True", "", since=finish)],
        }
    if ended == "Failed":
        message = "Job has reached the specified backoff limit"
        failed = condition("Failed", "True", "BackoffLimitExceeded", since=finish, message=message)
        status |= {"failed": 3, "conditions": [failed]}
    owners = [{"kind": "CronJob", "name": owner, "controller": True}] if owner else []
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels, "creationTimestamp": stamp(began)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata | ({"ownerReferences": owners} if owners else {}),
        "spec": {},
        "status": status,
    }


def pod_of(run: str, name: str, *, phase: str = "Failed", hours: float = 1) -> dict[str, Any]:
    """A pod of a Job."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"job-name": run},
            "creationTimestamp": stamp(START - timedelta(hours=hours)),
        },
        "spec": {"containers": [{"name": "train"}]},
        "status": {"phase": phase},
    }


def world_of(*manifests: dict[str, Any]) -> World:
    """A world with these objects alone."""
    return World(FrozenClock(), SequentialIds(), manifests=manifests)


async def test_all_is_well() -> None:
    """The last run succeeded: when, how long it took, and a row a run, the newest first."""
    world = world_of(cronjob(), job("t-1", hours=33, ended="Complete"), job("t-2", hours=9, ended="Complete"))
    finding = await look("jobs", world, SERVICE)
    assert finding.verdict is Verdict.OK
    assert finding.summary == "the last run succeeded 8h30m ago after 30m; schedule 0 3 * * *"
    assert set(finding.facts) == set(FACTS)
    assert (finding.facts["hours_since_success"], finding.facts["last_minutes"]) == (8.5, 30)
    assert finding.table is not None
    assert finding.table.rows[0] == ("t-2", "succeeded", "9h ago", "30m", "", "schedule")


async def test_a_failed_run_says_its_last_words() -> None:
    """The last run failed: why, when one last succeeded, and its newest failed pod's last lines, redacted."""
    world = world_of(
        cronjob(),
        job("t-1", hours=33, ended="Complete"),
        job("t-2", hours=9, ended="Failed"),
        pod_of("t-2", "t-2-a", hours=9),
        pod_of("t-2", "t-2-b", hours=8.8),
    )
    world.state.logs[NAMESPACE, "t-2-a"] = "not this one\n"
    world.state.logs[NAMESPACE, "t-2-b"] = (
        "loading\n\x1b[31mpassword=hunter2hunter2\x1b[0m\nKeyError: 'tenure'\n"
    )
    finding = await look("jobs", world, SERVICE)
    assert finding.verdict is Verdict.FAIL
    assert finding.summary.startswith(
        "the last run failed 8h30m ago after 30m (BackoffLimitExceeded: Job has"
    )
    assert "the last success was 1d8h ago" in finding.summary
    assert finding.details[0].startswith("t-2 failed: BackoffLimitExceeded")
    assert finding.details[1:] == ("log: loading", "log: password=[redacted]", "log: KeyError: 'tenure'")
    assert (finding.facts["failed"], finding.facts["last_failed"]) == (1, True)


async def test_a_failure_that_was_overcome_warns() -> None:
    """A failed run among the newest, a success after it: a warning."""
    world = world_of(cronjob(), job("t-1", hours=33, ended="Failed"), job("t-2", hours=9, ended="Complete"))
    finding = await look("jobs", world, SERVICE)
    assert (finding.verdict, finding.facts["last_failed"]) == (Verdict.WARN, False)


async def test_suspended_and_running_are_told() -> None:
    """A suspended CronJob warns; a run under way is told with its time so far."""
    world = world_of(cronjob(suspend=True), job("t-1", hours=0.2))
    finding = await look("jobs", world, SERVICE)
    assert finding.verdict is Verdict.WARN
    assert finding.summary.startswith("suspended; t-1 runs, 12m so far; no success is known")
    assert (finding.facts["suspended"], finding.facts["active"]) == (True, 1)


async def test_runs_made_by_hand_count_and_strangers_do_not() -> None:
    """Jobs without an owner that carry the name count; other CronJobs' jobs do not."""
    world = world_of(
        cronjob(),
        job("retry-1", hours=1, ended="Complete", owner="", app=NAME),
        job(f"{NAME}-manual", hours=2, ended="Complete", owner=""),
        job("other-1", hours=0.5, ended="Failed", owner="other"),
        job("stranger", hours=0.5, ended="Failed", owner=""),
    )
    finding = await look("jobs", world, SERVICE)
    assert finding.table is not None
    assert [(row[0], row[5]) for row in finding.table.rows] == [
        ("retry-1", "by hand"),
        (f"{NAME}-manual", "by hand"),
    ]
    assert finding.verdict is Verdict.OK


async def test_a_success_is_remembered_after_its_job_is_gone() -> None:
    """When the Jobs are cleaned away, the CronJob's own memory of its success counts."""
    remembered = stamp(START - timedelta(hours=20))
    finding = await look("jobs", world_of(cronjob(lastSuccessfulTime=remembered)), SERVICE)
    assert finding.verdict is Verdict.OK
    assert finding.summary == "the last success was 20h ago; schedule 0 3 * * *"


async def test_one_that_never_ran_warns() -> None:
    """A CronJob without any run is no success."""
    finding = await look("jobs", world_of(cronjob()), SERVICE)
    assert (finding.verdict, finding.summary) == (Verdict.WARN, "it has never run; schedule 0 3 * * *")
    assert finding.facts["hours_since_success"] is None


async def test_a_cronjob_can_be_named() -> None:
    """`cronjob` names another one; a missing one is unknown with its name."""
    world = world_of(cronjob(), job("t-1", hours=9, ended="Complete"))
    assert (await look("jobs", world, TARGET, cronjob=NAME)).verdict is Verdict.OK
    gone = await look("jobs", world, TARGET, cronjob="nightly")
    assert gone.verdict is Verdict.UNKNOWN
    assert "nightly" in gone.reason
    unset = await look("jobs", world, TARGET)
    assert "set `kubernetes.cronjob`" in unset.reason


@pytest.mark.parametrize(
    ("call", "words"),
    [("cluster.logs", "Lightship may not `get pods/log`"), ("cluster.list.pods", "may not `list pods`")],
)
async def test_without_the_right_to_logs_the_runs_are_shown(call: str, words: str) -> None:
    """The failed run is told even where its log may not be read, and a line says why not."""
    world = world_of(cronjob(), job("t-2", hours=9, ended="Failed"), pod_of("t-2", "t-2-a"))
    world.faults.switch_on(call, Fault.FORBIDDEN)
    finding = await look("jobs", world, SERVICE)
    assert finding.verdict is Verdict.FAIL
    assert words in finding.details[1]


@pytest.mark.parametrize("call", ["get.cronjobs", "list.jobs"])
async def test_a_missing_right_is_named(call: str) -> None:
    """Each right that it needs is named when it is missing."""
    world = world_of(cronjob())
    world.faults.switch_on(f"cluster.{call}", Fault.FORBIDDEN)
    finding = await look("jobs", world, SERVICE)
    assert finding.summary == f"unknown: the right `{call.replace('.', ' ')}` is missing"
