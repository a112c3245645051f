"""The product's main job, on real parts: an alert fires, people read, look, ask, approve, and it resolves.

The parts are real: exporter, Prometheus, Alertmanager, Kubernetes, the database, `lightship run`. Slack is
the stand-in with Slack's limits. Run by `make e2e`.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from tests.e2e.scenes import ALERT, DEPLOYMENT, Begin, Scene
from tests.e2e.servers.chat import buttons, read
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.exporter import Traffic
from tests.e2e.servers.prometheus import alert, scraping
from tests.e2e.servers.workloads import disruption_budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.console.values import Message
    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.exporter import Exporter
    from tests.e2e.servers.prometheus import Prometheus

ALICE, BOB = "U0ALICE", "U0BOB"
SCALE_UP = "request_remediation:scale-up"
P95 = "histogram_quantile(0.95, sum by (le) (rate(churn_prediction_latency_seconds_bucket[5s])))"
SLOW, QUICK = Traffic(calls=50, latency=1.6), Traffic(calls=50, latency=0.04)
RULE = alert(
    ALERT["alertname"],
    f"{P95} > 1",
    hold="1s",
    labels={"service": ALERT["service"], "severity": ALERT["severity"]},
    summary="P95 latency is above one second",
    value='{{ printf "%.2f" $value }} s',
    threshold="1 s",
)


async def test_a_slow_service_is_scaled_by_approval_and_recovers(
    begin: Begin, exporter: Exporter, start_prometheus: Callable[..., Prometheus]
) -> None:
    """From the first slow answer to the resolved message, with one PATCH of the cluster in between."""

    def watching(alertmanager: Alertmanager) -> Prometheus:
        job = scraping("churn-api", exporter.address, service="churn")
        return start_prometheus(scrape=[job], rules=[RULE], alertmanagers=[alertmanager.address])

    exporter.turn(QUICK)
    scene = await begin(prometheus=watching)
    scene.cluster.apply(disruption_budget(scene.namespace))
    before = await scene.pods()
    exporter.turn(SLOW)
    incident = await fires(scene)
    await is_looked_at(scene, incident, before)
    request = await is_asked_for(scene, incident)
    await is_approved(scene, incident, request)
    await is_done_once(scene, request)
    exporter.turn(QUICK)
    await resolves(scene, incident)
    await is_on_record(scene)
    assert scene.chat.complaints() == []
    assert await scene.counted("lightship_loop_errors_total") == 0


async def fires(scene: Scene) -> Message:
    """Prometheus' alert becomes one message that tells a person what is wrong, and repeats make no other."""
    chat = scene.chat
    incident = await chat.message("HighAPILatency")
    text = await chat.shows(incident, "3 of 3 pods ready")
    headline, standing, *_ = text.splitlines()
    assert headline == "🟠 P2 firing · HighAPILatency · #1"
    assert standing.startswith("*churn* · since ")
    assert standing.endswith("*nobody has it yet*")
    for words in (
        "P95 latency is above one second",
        "s* · threshold *1 s*",
        "*Predictions are slow*",
        "P95 latency above 1 s (5 s is the largest bucket",
        "*1.* Pods\n✅ 3 of 3 pods ready, no restarts",
        'Open the dashboard "Churn Prediction Service"',
        "|Prometheus>",
        f"<{scene.alertmanager.url}|Alertmanager>",
    ):
        assert words in text
    assert {"acknowledge", "silence", "resolve", "run_check:pods", SCALE_UP} <= set(buttons(incident))
    await eventually(
        lambda: scene.counted("lightship_alerts_stored_total"), lambda count: count >= 4, "three repeats"
    )
    await chat.shows(incident, "value *1.95 s*")  # the window held quick answers too when it began to fire
    history = chat.slack.workspace.history(incident.channel)
    assert [message.ts for message in history if message.only_for is None] == [incident.ts]
    return incident


async def is_looked_at(scene: Scene, incident: Message, pods: list[str]) -> None:
    """A press runs the check again, and its table with the real pods comes into the thread."""
    await scene.chat.press(BOB, incident, "run_check:pods")
    finding = await scene.chat.message("3 of 3 pods ready", thread=incident)
    assert all(pod in read(finding) for pod in pods)
    assert "node-" in read(finding) or not scene.cluster.owned
    await scene.chat.told(BOB, "Checked pods: ok")


async def is_asked_for(scene: Scene, incident: Message) -> Message:
    """The runbook's button opens a form with its proposal; what is sent waits for approval in the thread."""
    chat = scene.chat
    await chat.press(ALICE, incident, SCALE_UP)
    form = await chat.modal(ALICE, "scale")
    (replicas,) = [block for block in form["blocks"] if block["block_id"] == "replicas"]
    assert replicas["element"]["initial_value"] == "6"
    assert replicas["hint"]["text"] == "Now: 3"
    await chat.submit(ALICE, replicas="6", reason="requests queue")
    request = await chat.message("Approval needed", thread=incident)
    text = read(request)
    assert text.startswith("✋ Approval needed: scale churn-api, replicas 3 → 6")
    for words in (
        "<@U0ALICE> <@U0BOB>: please approve",
        "requests queue",
        "scale back to 3",
        "PodDisruptionBudget churn-api: minAvailable 2",
        "expires <!date^",
    ):
        assert words in text
    assert "Asked by <@U0ALICE>" in text
    assert buttons(request) == ["approve", "deny"]
    await chat.press(ALICE, request, "approve")
    await chat.told(ALICE, "somebody else has to approve it")
    assert buttons(chat.now(request)) == ["approve", "deny"]
    assert await scene.replicas() == 3
    return request


async def is_approved(scene: Scene, incident: Message, request: Message) -> None:
    """Another approver's press scales the Deployment, and the outcome stands in both places."""
    chat = scene.chat
    await chat.press(BOB, request, "approve")
    await chat.told(BOB, "Approved. The outcome follows in the thread.")
    text = await chat.shows(request, "✅ Done: scale churn-api, replicas 3 → 6", "Approved by <@U0BOB>")
    assert "Rolled out: 6 of 6 pods ready" in text
    assert buttons(chat.now(request)) == ["undo:action"]
    await chat.message("✅ Done: scale", "6 of 6 pods ready", thread=incident)
    assert await scene.replicas() == 6
    assert len(await scene.pods()) == 6


async def is_done_once(scene: Scene, request: Message) -> None:
    """A second press does nothing; one PATCH of the scale was sent, and nothing else was changed."""
    await scene.chat.press_stale(BOB, request, "approve")
    await scene.chat.told(BOB, "granted already")
    if not scene.cluster.owned:
        return
    done, tried = await scene.writes()
    (patch,) = done
    assert patch["verb"] == "patch"
    assert patch["responseStatus"]["code"] == 200
    about = patch["objectRef"]
    assert (about["resource"], about["subresource"], about["name"]) == ("deployments", "scale", DEPLOYMENT)
    assert patch["requestObject"]["spec"] == {"replicas": 6}
    assert patch["requestObject"]["metadata"]["resourceVersion"]
    assert patch["userAgent"].startswith("lightship/")
    assert "fieldManager=lightship-" in patch["requestURI"]
    assert {(event["verb"], event["objectRef"]["subresource"]) for event in tried} == {("patch", "scale")}


async def resolves(scene: Scene, incident: Message) -> None:
    """The service is quick again: the alert ends, the message says so and offers nothing but a look back."""
    chat = scene.chat
    text = await chat.shows(incident, "✅ P2 resolved · HighAPILatency · #1")
    assert "Was firing: 1 *HighAPILatency*" in text
    assert buttons(chat.now(incident)) == ["timeline"]
    await chat.message("✅ Resolved: all its alerts have ended.", thread=incident)


async def is_on_record(scene: Scene) -> None:
    """The command line reads the same story from the same store."""
    listed = await asyncio.to_thread(scene.bot.command, "incident", "list", "--all")
    assert "P2  resolved" in listed
    assert "HighAPILatency" in listed
    assert "not shown" not in listed
    told = await asyncio.to_thread(scene.bot.command, "incident", "timeline", "1")
    for words in ("# Incident 1: HighAPILatency", "Time to resolve (MTTR): ", "Check `pods` run: ok"):
        assert words in told
    content = json.loads(
        await asyncio.to_thread(scene.bot.command, "incident", "timeline", "1", "--format", "json")
    )
    others = {"check_run", "causes_ranked", "cause_changed", "remediation_fixed"}
    kinds = [event["kind"] for event in content["events"]]
    assert [kind for kind in kinds if kind not in others] == [
        "incident_opened",
        "remediation_requested",
        "approval_shown",
        "press_refused",
        "approval_granted",
        "remediation_applied",
        "remediation_succeeded",
        "press_refused",
        "incident_resolved",
    ]
