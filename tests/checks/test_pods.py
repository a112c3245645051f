from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.checks.pods import FACTS
from bot.checks.registry import run_check
from bot.checks.targets import CheckTarget
from bot.domain.findings import Verdict
from bot.rehearsal.faults import Fault
from bot.rehearsal.objects import stamp
from bot.rehearsal.world import World
from bot.testing import START, FrozenClock, SequentialIds
from tests.worlds.objects import deployment

if TYPE_CHECKING:
    from bot.domain.findings import Finding

NAMESPACE = "churn-mlops"
TARGET = CheckTarget(service="churn", namespace=NAMESPACE, deployment="churn-api")


def crashed(name: str, error: Exception) -> None:
    """No check may crash in these tests."""
    raise AssertionError(name) from error


def pod(
    name: str, *, waiting: str = "", ended: dict[str, Any] | None = None, **status: Any
) -> dict[str, Any]:
    """A pod of the deployment; without a reason to wait it runs and is ready."""
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {"startedAt": stamp(START)}}
    container = {
        "name": "api",
        "ready": not waiting,
        "restartCount": 7 if ended else 0,
        "state": state,
        "lastState": {"terminated": ended} if ended else {},
    }
    resources = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"app": "churn-api"},
            "creationTimestamp": stamp(START - timedelta(hours=2)),
        },
        "spec": {"nodeName": "node-a", "containers": [{"name": "api", "resources": resources}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "False" if waiting else "True"}],
            "containerStatuses": [container],
            **status,
        },
    }


def world_of(*manifests: dict[str, Any], replicas: int = 3) -> World:
    """A world with the deployment and these objects."""
    return World(
        FrozenClock(),
        SequentialIds(),
        manifests=[*manifests, deployment(NAMESPACE, replicas=replicas)],
    )


async def look(world: World, target: CheckTarget = TARGET) -> Finding:
    """Run the check."""
    return await run_check(
        "pods", target=target, readers=world.readers, now=world.clock.now(), crashed=crashed
    )


def oom(minutes_ago: int) -> dict[str, Any]:
    """The end of a container that ran out of memory."""
    return {
        "reason": "OOMKilled",
        "exitCode": 137,
        "finishedAt": stamp(START - timedelta(minutes=minutes_ago)),
    }


async def test_all_is_well() -> None:
    """Three ready pods without restarts are ok, in one line, with a row each."""
    finding = await look(world_of())
    assert finding.verdict is Verdict.OK
    assert finding.summary == "3 of 3 pods ready, no restarts"
    assert finding.table is not None
    assert len(finding.table.rows) == 3
    assert finding.facts["ready"] == finding.facts["desired"] == finding.facts["updated"] == 3


async def test_facts_are_documented() -> None:
    """Every fact of a finding is in the documented list, and the other way round."""
    finding = await look(world_of())
    assert set(finding.facts) == set(FACTS)


async def test_a_crash_loop_names_its_end() -> None:
    """A crash-looping pod fails the check, with reason and exit code in the one line."""
    finding = await look(world_of(pod("a", waiting="CrashLoopBackOff", ended=oom(1)), pod("b"), pod("c")))
    assert finding.verdict is Verdict.FAIL
    assert finding.summary == (
        "2 of 3 pods ready, 1 crash-looping (OOMKilled, exit 137), 7 restarts (in the last hour too)"
    )
    assert (finding.facts["crash_looping"], finding.facts["oom_killed"]) == (1, 1)
    assert finding.table is not None
    assert finding.table.rows[0][:5] == ("a", "0/1", "CrashLoopBackOff", "7", "OOMKilled (exit 137)")


async def test_an_old_end_is_history() -> None:
    """A container that ended yesterday and runs since is no cause for alarm."""
    finding = await look(world_of(pod("a", ended=oom(24 * 60)), pod("b"), pod("c")))
    assert finding.verdict is Verdict.OK
    assert finding.facts["oom_killed"] == 0
    assert finding.summary == "3 of 3 pods ready, 7 restarts (none in the last hour)"


async def test_a_recent_end_warns() -> None:
    """All ready, but one ran out of memory minutes ago: a warning."""
    finding = await look(world_of(pod("a", ended=oom(5)), pod("b"), pod("c")))
    assert finding.verdict is Verdict.WARN
    assert "1 out of memory within the hour" in finding.summary


@pytest.mark.parametrize(
    ("waiting", "fact", "words"),
    [
        ("ImagePullBackOff", "image_pull", "1 without an image"),
        ("CreateContainerConfigError", "config_error", "1 not startable as configured"),
    ],
)
async def test_why_a_pod_cannot_start(waiting: str, fact: str, words: str) -> None:
    """An image that cannot be pulled and a broken configuration have facts and words of their own."""
    finding = await look(world_of(pod("a", waiting=waiting), pod("b"), pod("c")))
    assert finding.verdict is Verdict.FAIL
    assert finding.facts[fact] == 1
    assert words in finding.summary


async def test_an_unscheduled_pod_is_pending() -> None:
    """A pod that no node takes is pending, with the scheduler's reason."""
    nowhere = pod("a", phase="Pending", containerStatuses=[])
    nowhere["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},
        {"type": "Ready", "status": "False"},
    ]
    finding = await look(world_of(nowhere, pod("b"), pod("c")))
    assert finding.verdict is Verdict.WARN
    assert finding.facts["pending"] == 1
    assert "1 not ready (Unschedulable)" in finding.summary


async def test_usage_is_measured_against_limits() -> None:
    """With metrics the fullest pod's ratios are facts, and a nearly full memory warns."""
    world = world_of(pod("a"), pod("b"), pod("c"))
    world.state.usage = lambda one, _: (0.1, 500 * 2**20 if one["metadata"]["name"] == "b" else 100 * 2**20)
    finding = await look(world)
    assert finding.facts["memory_usage_ratio"] == pytest.approx(500 / 512, abs=0.001)
    assert finding.facts["cpu_usage_ratio"] == pytest.approx(0.2)
    assert finding.verdict is Verdict.WARN
    assert finding.summary.endswith("memory at 98%")
    assert finding.table is not None
    assert finding.table.rows[0][7:] == ("100m (250m to 500m)", "100Mi (256Mi to 512Mi)")


async def test_without_a_metrics_api_the_rest_is_shown() -> None:
    """A cluster without metrics leaves the ratios empty and says so."""
    finding = await look(world_of())
    assert finding.facts["cpu_usage_ratio"] is None
    assert "CPU and memory: the cluster does not have them" in finding.details


async def test_the_newest_warnings_are_shown() -> None:
    """Warnings about the deployment's pods are shown newest first; others are not."""

    def event(name: str, about: str, minutes_ago: int, message: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "type": "Warning",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "involvedObject": {"kind": "Pod", "name": about},
            "reason": "BackOff",
            "message": message,
            "count": 3,
            "lastTimestamp": stamp(START - timedelta(minutes=minutes_ago)),
        }

    world = world_of(
        event("1", "a", 9, "older"),
        event("2", "a", 2, "evil\u202e\x1b[31m\n<!channel>"),
        event("3", "somebody-else", 1, "not ours"),
        event("4", "a", 90, "too old"),
        pod("a"),
        pod("b"),
        pod("c"),
    )
    finding = await look(world)
    assert [line for line in finding.details if "BackOff" in line] == [
        "2m ago: BackOff (3 times) a: evil [31m <!channel>",
        "9m ago: BackOff (3 times) a: older",
    ]
    assert finding.facts["warnings"] == 2


async def test_a_missing_right_is_named() -> None:
    """Without the right to list pods the finding is unknown and says which right is missing."""
    world = world_of()
    world.faults.switch_on("cluster.list.pods", Fault.FORBIDDEN)
    finding = await look(world)
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.summary == "unknown: the right `list pods` is missing"
    assert "lightship rbac" in finding.reason


@pytest.mark.parametrize("call", ["cluster.list.events", "cluster.list.pod-metrics"])
@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.SERVER_ERROR, Fault.NOT_FOUND])
async def test_what_is_beside_the_point_may_fail(call: str, fault: Fault) -> None:
    """Without events or metrics the pods are still judged, and a line says what is missing."""
    world = world_of()
    world.faults.switch_on(call, fault)
    finding = await look(world)
    assert finding.verdict is Verdict.OK
    assert any(line.startswith(("events:", "CPU and memory:")) for line in finding.details)


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.THROTTLED, Fault.NOT_FOUND, Fault.LOST_ANSWER])
async def test_an_api_that_fails_is_unknown(fault: Fault) -> None:
    """When the deployment cannot be read the verdict is unknown with a reason, never ok."""
    world = world_of()
    world.faults.switch_on("cluster.get", fault)
    finding = await look(world)
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.reason


async def test_a_hanging_api_ends_in_time() -> None:
    """A call that never answers ends with the time limit, as unknown."""
    world = world_of()
    world.faults.switch_on("cluster.list", Fault.HANG)
    finding = await run_check(
        "pods",
        target=TARGET,
        readers=world.readers,
        now=world.clock.now(),
        crashed=crashed,
        time_limit=timedelta(milliseconds=50),
    )
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.reason == "no answer within 0.05 seconds"


async def test_a_defect_is_told_and_contained(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that no API server serves makes the check unknown and is counted."""
    world = world_of()
    world.state.store.held(("apps/v1", "Deployment", NAMESPACE, "churn-api"))["spec"]["replicas"] = "many"
    told: list[str] = []
    monkeypatch.setattr(world.state.controller, "settle", lambda _: None)  # it could not read it either
    finding = await run_check(
        "pods",
        target=TARGET,
        readers=world.readers,
        now=world.clock.now(),
        crashed=lambda name, error: told.append(f"{name} {type(error).__name__}"),
    )
    assert finding.verdict is Verdict.UNKNOWN
    assert told == ["pods ValueError"]


async def test_a_service_without_a_deployment_is_unknown() -> None:
    """What is not configured is said, with the setting that is missing."""
    finding = await look(world_of(), CheckTarget(service="churn"))
    assert finding.verdict is Verdict.UNKNOWN
    assert "set `kubernetes`" in finding.reason


async def test_scaled_to_nothing_is_said() -> None:
    """A deployment that wants no pods is not a failure."""
    finding = await look(world_of(replicas=0))
    assert finding.verdict is Verdict.OK
    assert finding.summary == "scaled to 0, no pods wanted"


async def test_many_pods_stay_readable() -> None:
    """Of forty pods thirty have a row, those in trouble first, and the rest is counted."""
    world = world_of(pod("zz", waiting="CrashLoopBackOff", ended=oom(1)), replicas=40)
    finding = await look(world)
    assert finding.table is not None
    assert len(finding.table.rows) == 30
    assert finding.table.rows[0][0] == "zz"
    assert "10 more pods are not shown" in finding.details
