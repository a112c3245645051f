from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.checks.hpa import FACTS
from bot.checks.targets import CheckTarget
from bot.domain.findings import Verdict
from bot.rehearsal.faults import Fault
from bot.rehearsal.objects import stamp
from bot.testing import START
from tests.checks.looking import NAMESPACE, TARGET, condition, look, world_of
from tests.worlds.objects import autoscaler

ABLE = condition("AbleToScale", "True", "ReadyForNewScale", since=START - timedelta(days=1))
ACTIVE = condition("ScalingActive", "True", "ValidMetricFound", since=START - timedelta(days=1))
IN_RANGE = condition("ScalingLimited", "False", "DesiredWithinRange", since=START - timedelta(days=1))


def limited(reason: str, minutes: int) -> dict[str, str]:
    """A bound that has held it back for so long."""
    return condition("ScalingLimited", "True", reason, since=START - timedelta(minutes=minutes))


def hpa(
    *conditions: dict[str, str], current: int = 3, desired: int = 3, cpu: int | None = 42, **status: Any
) -> dict[str, Any]:
    """The autoscaler from 2 to 7 at 70% CPU, with a status."""
    made = autoscaler(NAMESPACE)
    measured = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": cpu}}}
    made["status"] = {
        "currentReplicas": current,
        "desiredReplicas": desired,
        "conditions": list(conditions or (ABLE, ACTIVE, IN_RANGE)),
        **({} if cpu is None else {"currentMetrics": [measured]}),
        **status,
    }
    return made


async def test_all_is_well() -> None:
    """Replicas, bounds and the metric against its target in one line, found by its target alone."""
    finding = await look("hpa", world_of(hpa()))
    assert finding.verdict is Verdict.OK
    assert finding.target == "churn-mlops/churn-api-hpa"
    assert finding.summary == "3 replicas (from 2 to 7): cpu at 42%, target 70%"
    assert finding.table is not None
    assert finding.table.rows == (("cpu", "42%", "70%", "60%"),)
    assert finding.details == ()
    assert set(finding.facts) == set(FACTS)
    assert (finding.facts["able"], finding.facts["at_maximum"]) == (True, False)
    assert finding.facts["highest_ratio"] == 0.6


async def test_at_its_maximum_since_when() -> None:
    """At the maximum the line says for how long, by the condition's time, and what the metric asks for."""
    world = world_of(hpa(ABLE, ACTIVE, limited("TooManyReplicas", 25), current=7, desired=7, cpu=140))
    finding = await look("hpa", world)
    assert finding.verdict is Verdict.WARN
    assert finding.summary == "at its maximum of 7 for 25m, wants more: cpu at 140%, target 70%"
    assert finding.details == ("its metrics ask for more replicas than its maximum, for 25m",)
    facts = finding.facts
    assert (facts["at_maximum"], facts["wants_more"], facts["minutes_at_maximum"]) == (True, True, 25)
    assert facts["highest_ratio"] == 2


async def test_a_condition_older_than_the_last_scaling_does_not_exaggerate() -> None:
    """When only the condition's reason moved (from the lower bound to the upper), the last scaling counts."""
    scaled = stamp(START - timedelta(minutes=4))
    world = world_of(hpa(ABLE, ACTIVE, limited("TooManyReplicas", 600), desired=7, lastScaleTime=scaled))
    finding = await look("hpa", world)
    assert finding.facts["minutes_at_maximum"] == 4
    assert "it last scaled 4m ago" in finding.details


async def test_the_lower_bound_is_no_alarm() -> None:
    """At its minimum with little load it is well, and a detail says that the bound holds it."""
    finding = await look(
        "hpa", world_of(hpa(ABLE, ACTIVE, limited("TooFewReplicas", 9), current=2, desired=2))
    )
    assert finding.verdict is Verdict.OK
    assert finding.details == ("its metrics ask for fewer replicas than its minimum, for 9m",)


async def test_equal_bounds_are_not_a_maximum() -> None:
    """An autoscaler that may have three and has three is not at its maximum as long as it wants no more."""
    fixed = hpa()
    fixed["spec"].update(minReplicas=3, maxReplicas=3)
    finding = await look("hpa", world_of(fixed))
    assert (finding.verdict, finding.facts["at_maximum"]) == (Verdict.OK, False)


async def test_blind_without_metrics() -> None:
    """Without metrics it fails, in plain words, with the cluster's message below."""
    since, message = START - timedelta(minutes=11), "missing request for cpu in container api"
    blind = condition("ScalingActive", "False", "FailedGetResourceMetric", since=since, message=message)
    finding = await look("hpa", world_of(hpa(ABLE, blind, cpu=None)))
    assert finding.verdict is Verdict.FAIL
    assert finding.summary == "it cannot read CPU or memory of the pods; 3 replicas (from 2 to 7)"
    assert finding.details == (f"it cannot read CPU or memory of the pods ({message}), for 11m",)
    assert finding.facts["able"] is False
    assert finding.facts["highest_ratio"] is None


async def test_an_unknown_reason_is_shown_as_the_cluster_says_it() -> None:
    """A reason that we know no words for is shown with its message, made harmless."""
    odd = condition("AbleToScale", "False", "Strange", since=START, message="a\u202e\nb <!channel>")
    finding = await look("hpa", world_of(hpa(odd, ACTIVE)))
    assert finding.summary == "Strange: a b <!channel>; 3 replicas (from 2 to 7)"


async def test_switched_off_by_a_scale_to_nothing() -> None:
    """A deployment scaled to 0 switches its autoscaler off: a warning, no failure."""
    off = condition("ScalingActive", "False", "ScalingDisabled", since=START - timedelta(minutes=2))
    finding = await look("hpa", world_of(hpa(ABLE, off, current=0, desired=0)))
    assert finding.verdict is Verdict.WARN
    assert finding.summary == "it is off, because its target is scaled to 0"


async def test_no_autoscaler_is_a_fact() -> None:
    """A deployment without an autoscaler is no fault; its numbers are unknown and not zero."""
    finding = await look("hpa", world_of())
    assert finding.verdict is Verdict.OK
    assert finding.summary == "no autoscaler: replicas stay as somebody sets them"
    assert (finding.facts["exists"], finding.facts["maximum"]) == (False, None)


async def test_a_named_one_that_is_missing_warns() -> None:
    """When the configuration names an autoscaler that does not exist, that is said."""
    target = replace(TARGET, hpa="gone")
    finding = await look("hpa", world_of(), target)
    assert finding.verdict is Verdict.WARN
    assert finding.summary == "there is no autoscaler gone, which the configuration names"
    found = await look("hpa", world_of(hpa()), target)
    assert found.verdict is Verdict.WARN
    assert found.details == ("the configuration names gone, which does not exist",)


async def test_one_that_scales_something_else_warns() -> None:
    """A named autoscaler whose target is another object is told."""
    other = hpa()
    other["spec"]["scaleTargetRef"]["name"] = "web"
    finding = await look("hpa", world_of(other), replace(TARGET, hpa="churn-api-hpa"))
    assert finding.verdict is Verdict.WARN
    assert finding.details == ("it scales Deployment web, not churn-api",)


async def test_two_that_fight_are_both_named() -> None:
    """Two autoscalers over one deployment are a warning with their names."""
    second = hpa()
    second["metadata"]["name"] = "zz"
    finding = await look("hpa", world_of(hpa(), second))
    assert finding.verdict is Verdict.WARN
    assert finding.facts["autoscalers"] == 2
    assert "churn-api-hpa, zz" in finding.details[0]


async def test_one_that_nobody_looked_at_is_unknown() -> None:
    """An autoscaler with an empty status is unknown, never ok."""
    finding = await look("hpa", world_of(autoscaler(NAMESPACE)))
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.reason
    assert finding.facts["maximum"] == 7


async def test_every_kind_of_metric_is_read() -> None:
    """Metrics of pods, containers, objects and outside are written in their own units."""
    made = hpa()
    made["spec"]["metrics"] = [
        {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"averageValue": "100"}}},
        {
            "type": "ContainerResource",
            "containerResource": {"name": "memory", "container": "api", "target": {"averageValue": "1Gi"}},
        },
        {
            "type": "Object",
            "object": {
                "metric": {"name": "hits"},
                "describedObject": {"kind": "Ingress", "name": "web"},
                "target": {"value": "2k"},
            },
        },
        {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"value": "30"}}},
        {"type": "Martian", "martian": {}},
    ]
    made["status"]["currentMetrics"] = [
        {"type": ""},
        {"type": "Pods", "pods": {"metric": {"name": "rps"}, "current": {"averageValue": "150"}}},
        {
            "type": "ContainerResource",
            "containerResource": {"name": "memory", "container": "api", "current": {"averageValue": "512Mi"}},
        },
    ]
    finding = await look("hpa", world_of(made))
    assert finding.table is not None
    assert finding.table.rows == (
        ("rps", "150", "100", "150%"),
        ("memory of api", "512Mi", "1Gi", "50%"),
        ("hits of web", "?", "2000", "?"),
        ("queue", "?", "30", "?"),
        ("?", "?", "?", "?"),
    )


async def test_a_missing_right_is_named() -> None:
    """Without the right the finding is unknown and names it."""
    world = world_of(hpa())
    world.faults.switch_on("cluster.list.horizontalpodautoscalers", Fault.FORBIDDEN)
    finding = await look("hpa", world)
    assert finding.summary == "unknown: the right `list horizontalpodautoscalers` is missing"


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.NOT_FOUND, Fault.THROTTLED])
async def test_an_api_that_fails_is_unknown(fault: Fault) -> None:
    """An API that does not answer well makes the finding unknown, never "no autoscaler"."""
    world = world_of()
    world.faults.switch_on("cluster.list", fault)
    finding = await look("hpa", world)
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.reason


async def test_without_a_deployment_it_says_what_to_set() -> None:
    """A service without a deployment gets the name of the setting."""
    finding = await look("hpa", world_of(), CheckTarget(service="churn"))
    assert "set `kubernetes`" in finding.reason
