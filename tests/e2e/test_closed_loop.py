"""The closed loop, everything real but Slack: real load makes the real service slow, and a person mends it.

`make loop` runs this file and shows its timeline. The sample service loads its model from MLflow, its pods
are processes that take real requests, the alert is the shipped rule, and nobody but the service's callers and
the approved action makes it fire and end.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.loop import (
    PATIENCE,
    SHIPPED_WINDOWS,
    USUAL_RATE,
    Callers,
    Timeline,
    configuration,
    of_pods,
    rules,
    serving,
    yesterday,
)
from tests.e2e.servers.balancer import Balancer
from tests.e2e.servers.chat import read
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.kubelet import Kubelet
from tests.e2e.servers.prometheus import scraping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.console.values import Message
    from tests.e2e.scenes import Begin, Scene
    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.cluster import Cluster
    from tests.e2e.servers.mlflow import Mlflow
    from tests.e2e.servers.prometheus import Prometheus

ALICE, BOB = "U0ALICE", "U0BOB"
DELAY = 0.25
"""Seconds of work a prediction: a pod takes four a second, whatever the processor has left."""

QUIET, MANY = 6, 45
P95 = "histogram_quantile(0.95, sum by (le) (rate(churn_prediction_latency_seconds_bucket[20s])))"
RATE = "sum(rate(churn_prediction_latency_seconds_count[20s]))"

pytestmark = [
    pytest.mark.alone,
    pytest.mark.timeout(2400 if SHIPPED_WINDOWS else 480),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


async def test_real_load_makes_the_service_slow_and_an_approved_scaling_mends_it(  # noqa: PLR0917
    begin: Begin,
    cluster: Cluster,
    namespace: str,
    mlflow: Mlflow,
    first_training: dict[str, Any],
    start_prometheus: Callable[..., Prometheus],
    tmp_path: Path,
) -> None:
    """From the callers' coming to "fixed: p95 … → …": nothing but the approved replicas ends the alert."""
    if not cluster.owned:
        pytest.skip("the pods of a user's cluster are its own kubelets' business")
    assert first_training["alias"] == "Production"
    started: list[Prometheus] = []
    timeline = Timeline("High latency: load, an alert, a diagnosis, an approval, more replicas, resolved")
    async with AsyncExitStack() as ending:
        kubelet = await ending.enter_async_context(
            Kubelet(
                cluster=cluster,
                namespace=namespace,
                directory=tmp_path / "pods",
                environment=mlflow.environment,
            )
        )
        balancer = await ending.enter_async_context(Balancer(lambda: kubelet.backends))
        callers = Callers(tmp_path, balancer.url)
        ending.callback(callers.leave)

        def watching(alertmanager: Alertmanager) -> Prometheus:
            started.append(
                start_prometheus(
                    scrape=[of_pods(kubelet.targets)],
                    rules=[rules("HighAPILatency")],
                    alertmanagers=[alertmanager.address],
                    past=yesterday(),
                )
            )
            return started[0]

        scene = await begin(
            prometheus=watching,
            workload=serving(namespace, image=cluster.image, delay=DELAY),
            environment={"LIGHTSHIP_CONFIG": str(configuration(tmp_path)), **mlflow.environment},
        )
        prometheus = started[0]
        prometheus.reload(
            scrape=[of_pods(kubelet.targets), scraping("lightship", scene.bot.url.removeprefix("http://"))],
            rules=[rules("HighAPILatency")],
        )
        timeline.note(f"three pods serve churn-model 1; yesterday they took {USUAL_RATE:g} requests/s")
        await load_comes(callers, prometheus, timeline)
        incident = await is_diagnosed(scene, timeline)
        await is_scaled_by_approval(scene, incident, timeline)
        await replicas_take_load(scene, kubelet, balancer, timeline)
        await resolves_by_itself(scene, prometheus, incident, timeline)
        assert scene.chat.complaints() == []


async def load_comes(callers: Callers, prometheus: Prometheus, timeline: Timeline) -> None:
    """A few callers are served quickly; with many more the rule of the shipped file fires."""
    callers.come(QUIET)
    quiet = await measured(prometheus, P95, lambda value: 0 < value < 1, "quick answers")
    timeline.note(f"{QUIET} callers: p95 {quiet:.2f} s")
    assert firing(prometheus) == set()
    callers.come(MANY)
    timeline.note(f"{MANY} more callers come")
    slow = await measured(prometheus, P95, lambda value: value > 1, "slow answers")
    rate = value_of(prometheus, RATE) or 0.0
    timeline.note(f"p95 {slow:.2f} s at {rate:.0f} requests/s")
    fired = await eventually(
        lambda: asyncio.to_thread(firing, prometheus), bool, "an alert fires", seconds=PATIENCE
    )
    assert fired == {"HighAPILatency"}
    timeline.note("HighAPILatency fires")


async def is_diagnosed(scene: Scene, timeline: Timeline) -> Message:
    """The incident's message names the traffic as the likeliest cause, with the numbers that say so."""
    incident = await scene.chat.message("HighAPILatency")
    text = await scene.chat.shows(incident, "More traffic than the replicas can take")
    timeline.note("diagnosis: " + line_with(text, "More traffic than the replicas can take"))
    timeline.note("because:   " + line_with(text, "times yesterday's"))
    return incident


async def is_scaled_by_approval(scene: Scene, incident: Message, timeline: Timeline) -> None:
    """Alice asks by the runbook's button, Bob approves, and the Deployment has six."""
    chat = scene.chat
    await chat.press(ALICE, incident, "request_remediation:scale-up")
    await chat.modal(ALICE, "scale")
    await chat.submit(ALICE, replicas="6", reason="requests queue")
    request = await chat.message("Approval needed", thread=incident)
    assert "scale churn-api, replicas 3 → 6" in read(request)
    timeline.note("asked for by Alice: replicas 3 → 6")
    await chat.press(BOB, request, "approve")
    await chat.told(BOB, "Approved. The outcome follows in the thread.")
    timeline.note("approved by Bob")
    await eventually(scene.replicas, lambda replicas: replicas == 6, "the Deployment has six replicas")


async def replicas_take_load(scene: Scene, kubelet: Kubelet, balancer: Balancer, timeline: Timeline) -> None:
    """All six pods become ready, and each of them answers callers."""
    old = set(kubelet.backends)
    await eventually(scene.pods, lambda pods: len(pods) == 6, "six pods are ready", seconds=120)
    timeline.note("six pods are ready")

    async def answered() -> dict[str, int]:
        return {each: balancer.answered[each] for each in kubelet.backends}

    counts = await eventually(
        answered,
        lambda seen: len(seen) == 6 and all(count > 10 for count in seen.values()),
        "each pod has answered",
    )
    fresh = sum(count for each, count in counts.items() if each not in old)
    timeline.note(f"the three new pods have answered {fresh} requests")


async def resolves_by_itself(
    scene: Scene, prometheus: Prometheus, incident: Message, timeline: Timeline
) -> None:
    """With as many callers as before the alert ends, and the bot says what the scaling did to the p95."""
    text = await scene.chat.shows(incident, "✅ P2 resolved · HighAPILatency", seconds=PATIENCE)
    assert "Was firing: 1 *HighAPILatency*" in text or "Was firing: 2" in text
    quick = await measured(prometheus, P95, lambda value: value < 1, "quick answers")
    rate = value_of(prometheus, RATE) or 0.0
    timeline.note(f"resolved by itself: p95 {quick:.2f} s at {rate:.0f} requests/s")
    fixed = await scene.chat.message("Fixed after", "P95 latency", "→", thread=incident)
    timeline.note("the bot: " + line_with(read(fixed), "Fixed after"))
    assert firing(prometheus) == set()


async def measured(prometheus: Prometheus, query: str, accept: Callable[[float], bool], what: str) -> float:
    """The value of a query, once it is as it must be."""
    found = await eventually(
        lambda: asyncio.to_thread(value_of, prometheus, query),
        lambda value: value is not None and accept(value),
        what,
        seconds=PATIENCE,
    )
    assert found is not None
    return found


def value_of(prometheus: Prometheus, query: str) -> float | None:
    """The one number that a query gives; None where there is none."""
    found = prometheus.query(query)
    value = float(found[0]["value"][1]) if found else None
    return None if value is None or value != value else value  # noqa: PLR0124  # NaN where nothing was asked


def firing(prometheus: Prometheus) -> set[str]:
    """The alerts that fire."""
    return {one["metric"]["alertname"] for one in prometheus.query('ALERTS{alertstate="firing"}')}


def line_with(text: str, words: str) -> str:
    """The line of a message that holds the words."""
    return next((line for line in text.splitlines() if words in line), "")
