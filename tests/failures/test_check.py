"""The check `failures` over a rehearsed world: what it says, and what it says where it may not look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.checks.failures import FACTS
from bot.domain.findings import Verdict
from bot.rehearsal.faults import Fault
from bot.rehearsal.objects import stamp
from bot.testing import START
from tests.checks.looking import NAMESPACE, look, world_of

POD = "churn-api-aaaaa-bbbbb"


def looping() -> dict[str, Any]:
    """A pod of the deployment that runs out of memory."""
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": stamp(START - timedelta(minutes=2))}
    status = {
        "name": "api",
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": ended},
    }
    limits = {"limits": {"memory": "32Mi"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": NAMESPACE, "labels": {"app": "churn-api"}},
        "spec": {"containers": [{"name": "api", "image": "churn-api:1", "resources": limits}]},
        "status": {"phase": "Running", "conditions": [], "containerStatuses": [status]},
    }


async def test_a_healthy_service_gets_nothing_wrong_found_in_what_was_read() -> None:
    """It names the subjects, suspects nothing, and says every fact that evidence may name."""
    finding = await look("failures", world_of())
    assert finding.verdict is Verdict.OK
    assert finding.summary.startswith("nothing wrong found in pods, rollout, events, autoscalers")
    assert finding.suspects == ()
    assert set(finding.facts) == set(FACTS)


async def test_what_is_broken_is_the_summary_and_a_row_with_what_mends_it() -> None:
    """The first suspect speaks; the table has object, field, value and the mending."""
    finding = await look("failures", world_of(looping()))
    assert finding.verdict is Verdict.FAIL
    assert finding.summary == "Container api runs out of memory at its limit of 32Mi"
    assert finding.facts["first"] == "out_of_memory"
    assert finding.table is not None
    assert finding.table.rows[0][1:4] == (
        "deployment churn-api",
        "spec.template.spec.containers[api].resources.limits.memory",
        "32Mi",
    )


async def test_what_may_not_be_read_is_named_and_nothing_is_called_well() -> None:
    """Every subject beside the pods can fail alone; the verdict is then unknown, with the missing right."""
    world = world_of()
    world.faults.switch_on("cluster.list.services", Fault.FORBIDDEN)
    finding = await look("failures", world)
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.reason == "services: the right `list services` is missing, see `lightship rbac`"
    assert finding.summary.endswith("not seen: services")
    assert finding.facts["not_seen"] == ("services",)


async def test_without_the_right_to_list_pods_there_is_no_look() -> None:
    """What the check cannot do without makes all of it unknown."""
    world = world_of()
    world.faults.switch_on("cluster.list.pods", Fault.FORBIDDEN)
    finding = await look("failures", world)
    assert finding.verdict is Verdict.UNKNOWN
    assert "list pods" in finding.reason
    assert "lightship rbac" in finding.reason
