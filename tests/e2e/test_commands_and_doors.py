"""Beside the main path, on the same real parts: commands, silences, refusals, expiry, Socket Mode, the token.

The alerts are handed to the real Alertmanager, which posts them to `lightship run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.scenes import ALERT, TOKEN, Begin
from tests.e2e.servers.chat import buttons
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.workloads import autoscaler

if TYPE_CHECKING:
    from tests.e2e.scenes import Scene

ALICE, BOB = "U0ALICE", "U0BOB"
FIRING = {"labels": ALERT, "annotations": {"summary": "P95 latency is above one second"}}


async def test_commands_tell_and_act(begin: Begin) -> None:
    """Status, pods and alerts are told privately, an incident is taken, and an HPA keeps its replicas."""
    scene = await begin()
    chat = scene.chat
    scene.alertmanager.fire(FIRING)
    incident = await chat.message("HighAPILatency")
    assert "🟠 P2 #1 HighAPILatency" in await chat.ask(ALICE, "status", "1 open incident")
    pods = await chat.ask(ALICE, "pods", "3 of 3 pods ready")
    assert all(name in pods for name in await scene.pods())
    await chat.ask(BOB, "alerts", "1 firing alert", "P95 latency is above one second")
    await chat.ask(BOB, "stauts", "Did you mean `/churn status`?")
    await chat.ask(ALICE, "ack", "#1")
    text = await chat.shows(incident, "🟠 P2 acknowledged", "acknowledged by <@U0ALICE>")
    assert "nobody has it yet" not in text
    await chat.message("<@U0ALICE> acknowledged it", thread=incident)
    await is_silenced_and_heard_again(scene)
    scene.cluster.apply(autoscaler(scene.namespace, minimum=3))
    await chat.ask(ALICE, "scale 6 more traffic", "waits for approval")
    request = await chat.message("Approval needed", thread=incident)
    words = await chat.shows(request, "minReplicas", "churn-api-hpa owns the replicas")
    assert "set the autoscaler's bounds back to 3 to 10" in words
    await chat.press(BOB, request, "approve")
    await chat.shows(request, "✅ Done: scale")
    assert await scene.replicas() == 6
    assert chat.complaints() == []


async def is_silenced_and_heard_again(scene: Scene) -> None:
    """`silence 1h` makes one silence in Alertmanager, for an hour; the message's own button ends it."""
    chat = scene.chat
    incident = await chat.message("HighAPILatency")
    await chat.ask(ALICE, "silence 1h deploying the fix", "is silenced for 1h")
    (silence,) = await scene.silences("active")
    matchers = {each["name"]: each["value"] for each in silence["matchers"]}
    assert matchers == {"alertname": ALERT["alertname"], "service": ALERT["service"]}
    assert silence["comment"].startswith("deploying the fix")
    text = await chat.shows(incident, "🔕 Silenced until <!date^", "deploying the fix")
    assert "by <@U0ALICE>" in text
    await chat.message("<@U0ALICE> silenced it until", thread=incident)
    await chat.press(BOB, incident, "undo:silence")
    await chat.told(BOB, "is heard again")
    await eventually(lambda: scene.silences("active"), lambda active: not active, "the silence has ended")
    assert [each["id"] for each in await scene.silences("expired")] == [silence["id"]]
    await chat.message("<@U0BOB> lifted the silence", thread=incident)
    await chat.until(lambda: "silence" in buttons(chat.now(incident)), "it can be silenced again")


async def test_a_request_that_nobody_answers_expires(begin: Begin) -> None:
    """Past its time a request is refused, then its message says so, and even an old button does nothing."""
    scene = await begin(settings={"REMEDIATION__APPROVAL_TIMEOUT": "8s"})
    chat = scene.chat
    await chat.ask(ALICE, "scale 6 more traffic", "waits for approval")
    request = await chat.message("Approval needed")
    text = await chat.shows(request, "⌛ Expired: scale churn-api, replicas 3 → 6")
    assert "Nothing was done." in text
    assert buttons(chat.now(request)) == []
    await chat.press_stale(BOB, request, "approve")
    await chat.told(BOB, "expired")
    assert await scene.replicas() == 3
    if scene.cluster.owned:
        assert (await scene.writes())[0] == []
    assert chat.complaints() == []


async def test_socket_mode_carries_presses(begin: Begin) -> None:
    """With an app token alone the bot connects to Slack, and a press arrives through that connection."""
    scene = await begin(socket=True)
    chat = scene.chat
    await chat.until(lambda: chat.slack.sockets.connections, "the bot is connected")
    scene.alertmanager.fire(FIRING)
    incident = await chat.message("HighAPILatency")
    await chat.press(BOB, incident, "acknowledge")
    await chat.told(BOB, "#1")
    assert "acknowledged by <@U0BOB>" in await chat.shows(incident, "P2 acknowledged")
    assert chat.complaints() == []


async def test_webhooks_without_the_token_are_refused_and_people_are_told(begin: Begin) -> None:
    """401 without the token and with another one, counted, and a notice in the default channel."""
    scene = await begin()
    assert [await scene.post_alerts(None), await scene.post_alerts("another")] == [401, 401]
    assert await scene.post_alerts(TOKEN) == 400
    assert await scene.counted("lightship_alerts_rejected_total") == 3
    for told in ("bearer token", "could not be read"):
        await scene.chat.message("Alerts are being refused", told, channel="C0OPS")
