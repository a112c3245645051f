"""Approvals on real parts: two people, two replicas, the kill switch, the audit, and whether it helped.

Kubernetes, Prometheus, Alertmanager, the databases and `lightship run` are real; Slack is the stand-in.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.scenes import ALERT, Begin, Scene
from tests.e2e.servers.chat import buttons, read
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.fork import fork
from tests.e2e.servers.lightship import Lightship
from tests.e2e.servers.programs import REPOSITORY
from tests.e2e.servers.prometheus import scraping
from tests.e2e.test_main_job import QUICK, RULE, SLOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.console.values import Message
    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.exporter import Exporter
    from tests.e2e.servers.prometheus import Prometheus

ALICE, BOB, CAROL = "U0ALICE", "U0BOB", "U0CAROL"
KEY = "a key of the test"


@asynccontextmanager
async def beside(scene: Scene, directory: Path) -> AsyncIterator[Lightship]:
    """A second replica on the same store."""
    await asyncio.to_thread(directory.mkdir)
    environment = {name: value for name, value in scene.bot.environment.items() if "HTTP_PORT" not in name}
    other = Lightship(directory, environment)
    await asyncio.to_thread(other.start)
    try:
        yield other
    finally:
        assert await asyncio.to_thread(other.stop) == 0


async def again_with(scene: Scene, **environment: str) -> None:
    """The bot once more, with these variables as well."""
    assert await asyncio.to_thread(scene.bot.stop) == 0
    scene.bot.environment.update(environment)
    await asyncio.to_thread(scene.bot.start)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_two_people_two_replicas_and_the_switch(begin: Begin, tmp_path: Path) -> None:
    """Frozen on one, refused on the other; then two approvers press on both at once: one PATCH."""
    scene = await begin(
        settings={"REMEDIATION__APPROVALS": "2", "APPROVERS": json.dumps([ALICE, BOB, CAROL])}
    )
    await again_with(scene, LIGHTSHIP_AUDIT_KEY=KEY)
    chat = scene.chat
    async with beside(scene, tmp_path / "other") as other:
        scene.alertmanager.fire({"labels": ALERT})
        incident = await chat.message(ALERT["alertname"])
        await chat.ask(CAROL, "scale 4 more traffic", "waits for approval")
        request = await chat.message("Approval needed", thread=incident)
        await chat.ask(BOB, "freeze the sale begins", "All actions are frozen")
        await chat.shows(request, "All actions are frozen", "the sale begins")
        assert "approve" not in buttons(chat.now(request))
        chat.slack.delivery.events_url = f"{other.url}/slack/events"
        await chat.press_stale(BOB, request, "approve")
        await chat.told(BOB, "frozen by <@U0BOB>: the sale begins")
        await chat.ask(CAROL, "scale 5 again", "All actions are frozen")
        await chat.ask(ALICE, "unfreeze", "possible again")
        await eventually(lambda: _buttons(chat.now(request)), lambda names: "approve" in names, "it is open")
        async with fork([scene.bot.url, other.url]) as url:
            chat.slack.delivery.events_url = url
            await chat.press(BOB, chat.now(request), "approve")
            await chat.shows(request, "1 of 2 approvals")
            assert await scene.replicas() == 3
            await chat.press(ALICE, chat.now(request), "approve")
            await chat.shows(request, "✅ Done: scale", "Approved by <@U0BOB> and <@U0ALICE>")
        assert await scene.replicas() == 4
        done, _ = await scene.writes()
        assert [event["verb"] for event in done] == ["patch"]
        head = re.search(r"audit `(\d+:[0-9a-f]{12})`", read(chat.now(request)))
        assert head is not None
        proof = await asyncio.to_thread(scene.bot.command, "audit", "verify", "--head", head[1], "--json")
        told = json.loads(proof)
        assert (told["intact"], told["faults"]) == (True, [])


def _prometheus(exporter: Exporter, start: Callable[..., Prometheus]) -> Callable[[Alertmanager], Prometheus]:
    def watching(alertmanager: Alertmanager) -> Prometheus:
        job = scraping("churn-api", exporter.address, service="churn")
        return start(scrape=[job], rules=[RULE], alertmanagers=[alertmanager.address])

    return watching


async def _scaled(scene: Scene, replicas: int) -> tuple[Message, Message]:
    """An incident that fires, and a request about it that was approved and done."""
    chat = scene.chat
    incident = await chat.message("HighAPILatency")
    await chat.ask(ALICE, f"scale {replicas} requests queue", "waits for approval")
    request = await chat.message("Approval needed", thread=incident)
    await chat.press(BOB, request, "approve")
    await chat.shows(request, "✅ Done: scale")
    return incident, request


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_thread_says_that_it_is_fixed(
    begin: Begin, exporter: Exporter, start_prometheus: Callable[..., Prometheus]
) -> None:
    """The rule's own expression ceases to give anything, the numbers are the named metric's."""
    exporter.turn(SLOW)
    scene = await begin(prometheus=_prometheus(exporter, start_prometheus))
    incident, request = await _scaled(scene, 6)
    exporter.turn(QUICK)
    fixed = await eventually(
        lambda: _said(scene, incident, "Fixed after"), lambda found: found is not None, "fixed", seconds=240
    )
    assert re.search(r"Fixed after \d+ (s|min)\*: P95 latency [\d.]+ m?s → [\d.]+ m?s", fixed or "")
    await scene.chat.shows(request, "Fixed after")
    assert "undo:action" in buttons(scene.chat.now(request))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_no_effect_is_undone_by_its_button(
    begin: Begin, exporter: Exporter, start_prometheus: Callable[..., Prometheus], tmp_path: Path
) -> None:
    """It stays slow for the runbook's time; the undo is asked for, approved, and restores three replicas."""
    runbooks = await asyncio.to_thread(_impatient, tmp_path / "runbooks")
    exporter.turn(SLOW)
    scene = await begin(prometheus=_prometheus(exporter, start_prometheus))
    await again_with(scene, LIGHTSHIP_RUNBOOKS=json.dumps([str(runbooks)]))
    chat = scene.chat
    incident, _ = await _scaled(scene, 5)
    entry = await chat.message("No effect after", thread=incident)
    await chat.press(ALICE, entry, "undo:action")
    undo = await chat.message("Approval needed", "replicas 5 → 3", thread=incident)
    await chat.press(BOB, undo, "approve")
    await chat.shows(undo, "✅ Done: scale")
    assert await scene.replicas() == 3
    await eventually(lambda: _buttons(chat.now(entry)), lambda names: "undo" not in names, "no dead button")


def _impatient(folder: Path) -> Path:
    """The shipped runbooks, watching for twelve seconds."""
    folder.mkdir()
    for file in (REPOSITORY / "runbooks").glob("*.yaml"):
        (folder / file.name).write_text(re.sub(r"for: 1[05]m", "for: 12s", file.read_text()))
    return folder


async def _buttons(message: Message) -> list[str]:
    return [name.partition(":")[0] for name in buttons(message)]


async def _said(scene: Scene, incident: Message, words: str) -> str | None:
    thread = scene.chat.thread(incident)
    return next((line for line in thread.splitlines() if words in line), None)
