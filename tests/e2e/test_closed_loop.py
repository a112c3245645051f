"""The closed loop, everything real but Slack: real load makes the real service slow, and a person mends it.

`make loop` runs this and shows its timeline. The sample service loads its model from MLflow, its pods are
processes that take real requests, the alert is the shipped rule, and nobody but the service's callers and the
approved action makes it fire and end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.loop import ALICE, BOB, PATIENCE, SHIPPED_WINDOWS, USUAL_RATE, WINDOW, Callers
from tests.e2e.play import Play, Stage, line_with, playing
from tests.e2e.servers.chat import read
from tests.e2e.servers.eventually import eventually
from tests.monitoring.panels import LIGHTSHIP, SERVICE

if TYPE_CHECKING:
    from bot.console.values import Message

DELAY = 0.25
"""Seconds of work a prediction: a pod takes four a second, whatever the processor has left."""

QUIET, MANY = 6, 45
P95 = f"histogram_quantile(0.95, sum by (le) (rate(churn_prediction_latency_seconds_bucket[{WINDOW}])))"
RATE = f"sum(rate(churn_prediction_latency_seconds_count[{WINDOW}]))"

pytestmark = [
    pytest.mark.alone,
    pytest.mark.timeout(2400 if SHIPPED_WINDOWS else 900),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


async def test_real_load_makes_the_service_slow_and_an_approved_scaling_mends_it(
    stage: Stage, first_training: dict[str, Any]
) -> None:
    """From the callers' coming to "fixed: p95 … → …": nothing but the approved replicas ends the alert."""
    title = "High latency: load, an alert, a diagnosis, an approval, more replicas, resolved"
    assert first_training["alias"] == "Production"
    async with playing(stage, title, alert="HighAPILatency", delay=DELAY) as play:
        play.timeline.note(f"three pods serve churn-model 1; yesterday they took {USUAL_RATE:g} requests/s")
        callers = Callers(stage.directory, play.balancer.url)
        try:
            await load_comes(play, callers)
            incident = await is_diagnosed(play)
            await is_scaled_by_approval(play, incident)
            await replicas_take_load(play)
            await resolves_by_itself(play, incident)
            await play.is_on_the_dashboard(*SERVICE, *LIGHTSHIP)
        finally:
            callers.leave()
        assert play.firing() == set()
        assert play.scene.chat.complaints() == []


async def load_comes(play: Play, callers: Callers) -> None:
    """A few callers are served quickly; with many more the rule of the shipped file fires."""
    callers.come(QUIET)
    quiet = await play.measured(P95, lambda value: 0 < value < 1, "quick answers")
    play.timeline.note(f"{QUIET} callers: p95 {quiet:.2f} s")
    assert play.firing() == set()
    callers.come(MANY)
    play.timeline.note(f"{MANY} more callers come")
    slow = await play.measured(P95, lambda value: value > 1, "slow answers")
    play.timeline.note(f"p95 {slow:.2f} s")
    await play.until_fires("HighAPILatency")


async def is_diagnosed(play: Play) -> Message:
    """The incident's message names the traffic as the likeliest cause, with the numbers that say so."""
    chat = play.scene.chat
    incident = await chat.message("HighAPILatency")
    text = await chat.shows(incident, "More traffic than the replicas can take", "times yesterday's")
    play.timeline.note("diagnosis: " + line_with(text, "More traffic than the replicas can take"))
    await chat.press(BOB, incident, "acknowledge")
    await chat.shows(incident, f"<@{BOB}>")
    play.timeline.note("acknowledged by Bob")
    return incident


async def is_scaled_by_approval(play: Play, incident: Message) -> None:
    """Alice asks by the runbook's button, Bob approves, and the Deployment has six."""
    chat, scene = play.scene.chat, play.scene
    await chat.press(ALICE, incident, "request_remediation:scale-up")
    await chat.modal(ALICE, "scale")
    await chat.submit(ALICE, replicas="6", reason="requests queue")
    request = await chat.message("Approval needed", thread=incident)
    assert "scale churn-api, replicas 3 → 6" in read(request)
    play.timeline.note("asked for by Alice: replicas 3 → 6")
    await chat.press(BOB, request, "approve")
    await chat.told(BOB, "Approved. The outcome follows in the thread.")
    play.timeline.note("approved by Bob")
    await eventually(scene.replicas, lambda replicas: replicas == 6, "the Deployment has six replicas")


async def replicas_take_load(play: Play) -> None:
    """All six pods become ready, and each of them answers callers."""
    old = set(play.kubelet.backends)
    await eventually(play.scene.pods, lambda pods: len(pods) == 6, "six pods are ready", seconds=PATIENCE)
    play.timeline.note("six pods are ready")

    async def answered() -> dict[str, int]:
        return {each: play.balancer.answered[each] for each in play.kubelet.backends}

    counts = await eventually(
        answered,
        lambda seen: len(seen) == 6 and all(count > 10 for count in seen.values()),
        "each pod has answered",
    )
    fresh = sum(count for each, count in counts.items() if each not in old)
    play.timeline.note(f"the three new pods have answered {fresh} requests")


async def resolves_by_itself(play: Play, incident: Message) -> None:
    """With as many callers as before the alert ends, and the bot says what the scaling did to the p95."""
    chat = play.scene.chat
    await chat.shows(incident, "✅ P2 resolved · HighAPILatency", seconds=PATIENCE)
    quick = await play.measured(P95, lambda value: value < 1, "quick answers")
    rate = play.value(RATE) or 0.0
    play.timeline.note(f"resolved by itself: p95 {quick:.2f} s at {rate:.0f} requests/s")
    fixed = await chat.message("Fixed after", "P95 latency", "→", thread=incident, seconds=PATIENCE)
    play.timeline.note("the bot: " + line_with(read(fixed), "Fixed after"))
