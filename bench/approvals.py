"""How fast an approved action begins, on a real Kubernetes API, and how fast a long audit is verified."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import Chapter, Figure, milliseconds, percentile
from bot.adapters.clock import SystemClock
from bot.adapters.database import open_store
from bot.domain.actors import LIGHTSHIP
from bot.domain.auditing import Head, follow
from bot.domain.events import Event, EventKind
from tests.e2e.scenes import ALERT, scene
from tests.e2e.servers.alertmanager import Alertmanager
from tests.e2e.servers.cluster import Cluster
from tests.e2e.servers.lightship import LIGHTSHIP as COMMAND
from tests.e2e.servers.programs import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bot.console.values import Message
    from tests.e2e.scenes import Scene

ENTRIES: Final = 100_000
VERIFY_GOAL: Final = 5.0
PLAN_GOAL: Final = 1.0
ACT_GOAL: Final = 0.5
ROUNDS: Final = 12
ALICE, BOB = "U0ALICE", "U0BOB"
TITLE: Final = "Approvals"
HOW: Final = (
    f"`lightship run` on SQLite beside a real Kubernetes API: {ROUNDS} times `/churn scale` is timed until "
    "its answer (with the plan and its dry run), and a press on approve until the API server receives the "
    f"PATCH, by the server's own audit log. `lightship audit verify` reads a signed audit of {ENTRIES:,} "
    "entries, the start of the program included."
)


async def approvals() -> Chapter:
    """The three figures; those of the cluster say what is missing where there is none."""
    return Chapter(title=TITLE, how=HOW, figures=(*await _acting(), await _verifying()))


async def _acting() -> tuple[Figure, ...]:
    try:
        cluster = await asyncio.to_thread(Cluster.start)
    except Missing as missing:
        return (Figure(name="from approve to PATCH", found=f"not measured: {missing}"),)
    try:
        plans, acts = await _rounds(cluster)
    finally:
        await asyncio.to_thread(cluster.stop)
    return (
        _figure("/churn scale to its answer, p95", percentile(plans, 0.95), PLAN_GOAL),
        _figure("press on approve to the PATCH, p95", percentile(acts, 0.95), ACT_GOAL),
    )


async def _rounds(cluster: Cluster) -> tuple[list[float], list[float]]:
    namespace = await asyncio.to_thread(cluster.create_namespace)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)

        def start(config: Mapping[str, Any]) -> Alertmanager:
            return Alertmanager(directory, config).start()

        parts = scene(
            directory,
            cluster=cluster,
            namespace=namespace,
            start_alertmanager=start,
            database=f"sqlite+aiosqlite:///{directory / 'lightship.db'}",
        )
        async with parts as made:
            made.alertmanager.fire({"labels": ALERT})
            incident = await made.chat.message(ALERT["alertname"])
            plans, pressed = [], []
            for number in range(ROUNDS):
                planned, at = await _round(made, incident, 4 + number % 2)
                plans.append(planned)
                pressed.append(at)
            done, _ = await made.writes()
            patched = [datetime.fromisoformat(one["requestReceivedTimestamp"]).timestamp() for one in done]
            await asyncio.to_thread(made.alertmanager.stop)
    return plans, [there - here for here, there in zip(pressed, patched, strict=True)]


async def _round(made: Scene, incident: Message, replicas: int) -> tuple[float, float]:
    """Ask and approve in the incident's thread; the seconds of the plan, and the time of the press."""
    chat, begun = made.chat, time.perf_counter()
    await chat.ask(ALICE, f"scale {replicas} bench", "waits for approval")
    planned = time.perf_counter() - begun
    request = await chat.message("Approval needed", thread=incident)
    pressed = time.time()
    await chat.press(BOB, request, "approve")
    await chat.shows(request, "✅ Done: scale")
    return planned, pressed


async def _verifying() -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lightship.db"
        url = f"sqlite+aiosqlite:///{file}"
        opening = open_store(url, clock=SystemClock(), audit_key=b"bench")
        async with opening as store, store.transaction() as tx:
            event = Event(
                id="e-0",
                at=tx.now,
                kind=EventKind.APPROVAL_GRANTED,
                service="churn",
                incident_id=None,
                actor=LIGHTSHIP,
                detail={"action": "scale", "target": "deployment churn/churn-api", "digest": "f" * 64},
            )
            await tx.events.add(event)
        await asyncio.to_thread(_lengthen, file)
        environment = {**os.environ, "LIGHTSHIP_DATABASE_URL": url, "LIGHTSHIP_AUDIT_KEY": "bench"}
        begun = time.perf_counter()
        await asyncio.to_thread(_verify, environment)
        return _figure(f"audit verify, {ENTRIES:,} entries", time.perf_counter() - begun, VERIFY_GOAL)


def _verify(environment: Mapping[str, str]) -> None:
    command = [str(COMMAND), "audit", "verify"]
    subprocess.run(command, env=environment, check=True, capture_output=True)  # noqa: S603 - our own program


def _lengthen(file: Path) -> None:
    """The first event again and again, each under a name of its own, in one chain."""
    connection = sqlite3.connect(file)
    (body,) = connection.execute("SELECT body FROM audit").fetchone()
    (at,) = connection.execute("SELECT at FROM events").fetchone()
    (number, newest) = connection.execute("SELECT number, hash FROM audit_head").fetchone()
    named = [(f"e-{place}", body.replace("e-0", f"e-{place}")) for place in range(1, ENTRIES)]
    entries = follow(Head(number=number, hash=newest), named, key=b"bench")
    kind = EventKind.APPROVAL_GRANTED.value
    connection.executemany(
        "INSERT INTO events (id, at, kind, service, body) VALUES (?, ?, ?, 'churn', ?)",
        [(name, at, kind, text) for name, text in named],
    )
    connection.executemany(
        "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)",
        [(one.number, one.event_id, one.body, one.previous, one.hash, one.mac) for one in entries],
    )
    connection.execute("UPDATE audit_head SET number = ?, hash = ?", (entries[-1].number, entries[-1].hash))
    connection.commit()
    connection.close()


def _figure(name: str, found: float, goal: float) -> Figure:
    return Figure(
        name=name, found=milliseconds(found), goal=f"at most {milliseconds(goal)}", met=found <= goal
    )
