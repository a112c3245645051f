"""Buttons that are too old, pressed twice or forged: refused with a sentence, kept, and nothing happens."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from bot.adapters.clock import SystemClock
from bot.adapters.database import connect
from tests.e2e.scenes import ALERT, Begin
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.fork import fork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bot.console.values import Message
    from tests.e2e.scenes import Scene
    from tests.e2e.servers.chat import Chat

ALICE, BOB = "U0ALICE", "U0BOB"
ACKNOWLEDGE, APPROVE = "acknowledge", "approve"


async def test_old_and_forged_buttons_do_nothing(begin: Begin, database: str) -> None:
    """Of all requests one is granted and acts once; every other press is answered, and kept."""
    scene = await begin()
    chat = scene.chat
    scene.alertmanager.fire({"labels": ALERT})
    incident = await chat.message(ALERT["alertname"])

    older = await ask(chat, incident, 4)
    newer = await ask(chat, incident, 5)
    await chat.press_stale(BOB, older, APPROVE)
    await chat.told(BOB, "superseded already")

    await chat.press(BOB, newer, "deny")
    await chat.modal(BOB, "deny")
    await chat.submit(BOB, reason="too many")
    await chat.shows(newer, "Denied")
    await chat.press_stale(BOB, newer, APPROVE)
    await chat.told(BOB, "denied already")

    granted = await ask(chat, incident, 6)
    await forge(chat, granted, APPROVE, lambda value: {**value, "d": "f" * len(value["d"])})
    await chat.told(BOB, "does not belong to the plan")
    await forge(chat, granted, APPROVE, lambda value: {**value, "a": "no-such-request"})
    await chat.told(BOB, "no such request")
    await forge(chat, granted, APPROVE, lambda value: {"v": 0, "approval": value["a"]})
    await chat.told(BOB, "says too little")

    async with replaying(scene):
        await chat.press(BOB, granted, APPROVE)
        await chat.told(BOB, "granted already")
    await chat.shows(granted, "✅ Done: scale")
    await chat.press_stale(BOB, granted, APPROVE)

    last = await ask(chat, incident, 7)
    await chat.press(ALICE, incident, "resolve")
    await chat.shows(incident, "resolved")
    await chat.press_stale(BOB, last, APPROVE)
    await chat.told(BOB, "#1 is resolved")
    await chat.press_stale(BOB, incident, ACKNOWLEDGE)
    await chat.told(BOB, "is resolved already")

    assert await scene.replicas() == 6
    done, _ = await scene.writes()
    assert [event["verb"] for event in done] == ["patch"]
    expected = [
        (APPROVE, "already_decided"),  # superseded
        (APPROVE, "already_decided"),  # denied
        (APPROVE, "digest_differs"),
        (APPROVE, "unknown_request"),
        (APPROVE, "other_kind"),  # as another version would write it
        (APPROVE, "already_decided"),  # the replay
        (APPROVE, "already_decided"),  # finished
        (APPROVE, "incident_resolved"),
        (ACKNOWLEDGE, "incident_resolved"),
    ]
    await eventually(lambda: kept(database), lambda found: found == expected, "every press is kept")


async def ask(chat: Chat, incident: Message, replicas: int) -> Message:
    """Alice asks for so many; the message with the buttons."""
    await chat.ask(ALICE, f"scale {replicas} more traffic", "waits for approval")
    return await chat.message("Approval needed", f"→ {replicas}", thread=incident)


async def forge(
    chat: Chat, message: Message, action: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Bob presses a copy of the message whose button carries something else."""
    workspace = chat.slack.workspace
    blocks = json.loads(json.dumps(chat.now(message).blocks))
    for block in blocks:
        for element in block.get("elements", ()):
            if element.get("action_id") == action:
                element["value"] = json.dumps(change(json.loads(element["value"])))
    copy = workspace.post(message.channel, user=message.user, text=message.text, blocks=blocks)
    assert (await chat.slack.people.press(BOB, copy.channel, copy.ts, action)).ok
    workspace.remove(copy.channel, copy.ts)


@asynccontextmanager
async def replaying(scene: Scene) -> AsyncIterator[None]:
    """Every signed request of Slack's reaches the bot twice."""
    delivery = scene.chat.slack.delivery
    address = delivery.events_url
    async with fork([scene.bot.url, scene.bot.url]) as url:
        delivery.events_url = url
        yield
        delivery.events_url = address


async def kept(database: str) -> list[tuple[str, str]]:
    """What was pressed in vain, and why, in the order in which it was kept."""
    store = connect(database, clock=SystemClock())
    async with store._database.begin() as link:
        rows = await link.all(text("SELECT body FROM events WHERE kind = 'press_refused' ORDER BY seq"))
    await store.close()
    details = [json.loads(row.body)["detail"] for row in rows]
    return [(detail["what"], detail["why"]) for detail in details]
