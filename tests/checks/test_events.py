from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.checks.events import FACTS
from bot.domain.findings import Verdict
from bot.rehearsal.faults import Fault
from bot.rehearsal.objects import stamp
from bot.testing import START
from tests.checks.looking import NAMESPACE, look, world_of
from tests.worlds.objects import autoscaler

SET = "churn-api-6d4b75cb6d"


def event(
    about: str,
    reason: str = "BackOff",
    message: str = "Back-off restarting failed container",
    *,
    ago: int = 2,
    kind: str = "Pod",
    times: int = 1,
    sort: str = "Warning",
) -> dict[str, Any]:
    """An event so many minutes ago."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "type": sort,
        "metadata": {"name": f"{about}.{reason}.{ago}.{times}", "namespace": NAMESPACE},
        "involvedObject": {"kind": kind, "name": about},
        "reason": reason,
        "message": message,
        "count": times,
        "lastTimestamp": stamp(START - timedelta(minutes=ago)),
    }


def replica_set(name: str = SET, *, owner: str = "churn-api") -> dict[str, Any]:
    """A ReplicaSet of a deployment."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"app": "churn-api"},
            "ownerReferences": [{"kind": "Deployment", "name": owner, "controller": True}],
        },
    }


async def test_nothing_was_warned_about() -> None:
    """Without warnings it is ok and says for which time; normal events do not count."""
    normal = event("churn-api", "ScalingReplicaSet", kind="Deployment", sort="Normal")
    finding = await look("events", world_of(normal))
    assert (finding.verdict, finding.summary) == (Verdict.OK, "no warnings in the last 1h")
    assert set(finding.facts) == set(FACTS)
    assert finding.facts["warnings"] == 0
    assert finding.facts["minutes_ago"] is None


async def test_all_that_belongs_to_the_deployment_counts() -> None:
    """Deployment, replica sets, pods (gone ones too) and autoscaler count; the neighbours' do not."""
    world = world_of(
        replica_set(),
        replica_set("web-12345", owner="web"),
        autoscaler(NAMESPACE),
        event("churn-api", "A", kind="Deployment", ago=1),
        event(SET, "B", kind="ReplicaSet", ago=2),
        event(f"{SET}-gone1", "C", ago=3),
        event("churn-api-hpa", "D", kind="HorizontalPodAutoscaler", ago=4),
        event("web-12345-abcde", "E", ago=1),
        event("churn-api-other-12345-abcde", "F", ago=1),
    )
    finding = await look("events", world)
    assert finding.verdict is Verdict.WARN
    assert finding.facts["reasons"] == ("A", "B", "C", "D")
    assert finding.facts["objects"] == 4
    assert finding.table is not None
    assert [row[2] for row in finding.table.rows] == ["A", "B", "C", "D"]
    assert finding.summary == "A, last 1m ago: Back-off restarting failed container; also B, C, D"


async def test_equal_warnings_are_one_row() -> None:
    """Warnings that differ in names and numbers alone are folded and their counts added."""
    world = world_of(
        replica_set(),
        event(f"{SET}-aaaa1", message=f"back-off 10s container api in pod {SET}-aaaa1", ago=9, times=4),
        event(f"{SET}-bbbb2", message=f"back-off 40s container api in pod {SET}-bbbb2", ago=2, times=3),
        event(f"{SET}-bbbb2", "Unhealthy", "Readiness probe failed: HTTP 503", ago=5),
    )
    finding = await look("events", world)
    assert finding.table is not None
    assert finding.table.rows == (
        (
            "2m ago",
            "7",
            "BackOff",
            f"2 objects, {SET}-bbbb2",
            f"back-off 40s container api in pod {SET}-bbbb2",
        ),
        ("5m ago", "1", "Unhealthy", f"Pod {SET}-bbbb2", "Readiness probe failed: HTTP 503"),
    )
    assert finding.summary.startswith("BackOff 7 times, last 2m ago: back-off 40s")
    assert (finding.facts["warnings"], finding.facts["occurrences"]) == (3, 8)


async def test_how_far_back_can_be_said() -> None:
    """`since` widens or narrows the time, and a wrong one is answered with how to write it."""
    world = world_of(event("churn-api", kind="Deployment", ago=90))
    assert (await look("events", world)).verdict is Verdict.OK
    assert (await look("events", world, since="2h")).facts["warnings"] == 1
    wrong = await look("events", world, since="soon")
    assert wrong.verdict is Verdict.UNKNOWN
    assert "`soon` is not a duration" in wrong.reason


async def test_text_of_events_is_harmless() -> None:
    """Control characters, direction overrides and secrets of a message are gone."""
    evil = "evil\u202e\x1b[31m\n<!channel> password=hunter2hunter2"
    finding = await look("events", world_of(event("churn-api", kind="Deployment", message=evil)))
    assert finding.table is not None
    assert finding.table.rows[0][4] == "evil [31m <!channel> password=[redacted]"


async def test_clocks_that_differ_do_not_hide_an_event() -> None:
    """An event from a clock that is ahead counts, as just now."""
    finding = await look("events", world_of(event("churn-api", kind="Deployment", ago=-3)))
    assert finding.facts["minutes_ago"] == 0
    assert "last just now" in finding.summary


async def test_more_than_can_be_read_is_never_ok() -> None:
    """Where the namespace has more warnings than are read and none is ours, the finding is unknown."""
    strangers = [event(f"stranger-{number}") for number in range(2_001)]
    finding = await look("events", world_of(*strangers))
    assert finding.verdict is Verdict.UNKNOWN
    assert "more than 2000" in finding.reason


async def test_many_kinds_of_warning_stay_readable() -> None:
    """Twenty rows are shown and the rest is counted."""
    many = [
        event("churn-api", f"Reason{number:02}", kind="Deployment", ago=number) for number in range(1, 26)
    ]
    finding = await look("events", world_of(*many))
    assert finding.table is not None
    assert len(finding.table.rows) == 20
    assert finding.details == ("5 more kinds of warning are not shown",)
    assert finding.summary.endswith("also Reason02, Reason03, Reason04 and more")


@pytest.mark.parametrize("call", ["events", "replicasets", "pods"])
async def test_a_missing_right_is_named(call: str) -> None:
    """Each right that it needs is named when it is missing."""
    world = world_of()
    world.faults.switch_on(f"cluster.list.{call}", Fault.FORBIDDEN)
    assert (await look("events", world)).summary == f"unknown: the right `list {call}` is missing"


async def test_without_the_right_to_see_autoscalers_the_rest_is_shown() -> None:
    """The autoscaler's events are beside the point; a line says that they may be missing."""
    world = world_of(event("churn-api", kind="Deployment"))
    world.faults.switch_on("cluster.list.horizontalpodautoscalers", Fault.FORBIDDEN)
    finding = await look("events", world)
    assert finding.verdict is Verdict.WARN
    assert finding.details[-1].startswith("autoscalers: the right `list horizontalpodautoscalers` is missing")
