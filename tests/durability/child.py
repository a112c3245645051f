"""A bot small enough to be killed: intake, merging and publishing over a store and a chat that is a file.

Run by the tests of this folder as `python -m tests.durability.child URL CHAT SEND [WITHOUT]`. With SEND `yes`
it sends webhooks (each until it is accepted, as Alertmanager does), with `file` one and then a file; it ends
when everything is shown. WITHOUT names a protection that is taken out, to show its worth; the product itself
has no such switch.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bot.adapters.clock import OrderedIds, SystemClock
from bot.adapters.database import connect
from bot.adapters.database import store as store_module
from bot.adapters.database.deliveries import DeliveryTable
from bot.domain.backoff import Backoff
from bot.domain.errors import NotFound, Overloaded
from bot.domain.files import Attachment
from bot.domain.incidents import Classification, IntakeRules
from bot.domain.messages import Pace
from bot.domain.routing import Destination
from bot.domain.severity import Severity
from bot.engines.attaching import attach
from bot.engines.delivering import Waits
from bot.engines.intake import Intake, IntakeLimits
from bot.engines.merging import Merging
from bot.engines.publishing import Publishing, PublishLimits
from bot.ports.notifier import RenderedMessage
from tests.making import make_alert, make_delivery, make_group

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.deliveries import Delivery
    from bot.domain.messages import Message
    from bot.ports.stores import Transaction

LEASE = timedelta(seconds=1)
PATIENCE = timedelta(seconds=40)
"""A webhook waits for as long: the tests are about crashes, not about a machine that is busy."""

WAITS = Waits(temporary=Backoff(first=timedelta(seconds=0.05), longest=timedelta(seconds=0.2)))
LIMITS = PublishLimits(
    pace=Pace(channel_interval=timedelta(seconds=0.02), edit_interval=timedelta(seconds=0.02), edit_burst=5),
    lease=LEASE,
    poll=0.05,
    waits=WAITS,
)


class FileChat:
    """A chat that outlives the process: one line a call in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def shown(self) -> dict[str, dict[str, Any]]:
        """What is to be seen: by timestamp id."""
        shown: dict[str, dict[str, Any]] = {}
        for line in self._path.read_text().splitlines() if self._path.exists() else []:
            call = json.loads(line)
            if call["call"] == "post":
                shown[call["ts"]] = call
            elif call["call"] == "update" and call["ts"] in shown:
                shown[call["ts"]]["text"] = call["text"]
            elif call["call"] == "delete":
                shown.pop(call["ts"], None)
        return shown

    async def post(
        self, *, channel: str, thread: str | None, message: RenderedMessage, metadata: Mapping[str, str]
    ) -> str:
        """One line more."""
        ts = f"{len(self._path.read_text().splitlines()) if self._path.exists() else 0}.{channel}.{thread}"
        self._write({"call": "post", "ts": ts, "id": metadata["message_id"], "text": message.text})
        return ts

    async def update(self, *, channel: str, ts: str, message: RenderedMessage) -> None:  # noqa: ARG002 - the port's
        """One line more."""
        if ts not in self.shown():
            raise NotFound("no such message")
        self._write({"call": "update", "ts": ts, "text": message.text})

    async def find(
        self,
        *,
        channel: str,  # noqa: ARG002 - the port's
        thread: str | None,  # noqa: ARG002 - the port's
        message_id: str,
        since: datetime,  # noqa: ARG002 - the port's
    ) -> tuple[str, ...]:
        """By the id in the lines."""
        found = (ts for ts, call in self.shown().items() if call["id"] == message_id)
        return tuple(found)

    async def delete(self, *, channel: str, ts: str) -> None:  # noqa: ARG002 - the port's
        """One line more."""
        self._write({"call": "delete", "ts": ts})

    async def upload(self, *, name: str, content: bytes, alt_text: str) -> str:  # noqa: ARG002 - the port's
        """One line more."""
        file_id = f"F{uuid4()}"
        self._write({"call": "upload", "id": file_id, "text": content.decode()})
        return file_id

    async def share(self, *, file_id: str, channel: str, thread: str | None, title: str, text: str) -> None:  # noqa: ARG002 - the port's
        """One line more."""
        self._write({"call": "share", "id": file_id, "thread": thread})

    async def is_shared(self, *, file_id: str, channel: str) -> bool:  # noqa: ARG002 - the port's
        """By the lines."""
        return any(one["id"] == file_id for one in self.shares())

    def shares(self) -> list[dict[str, Any]]:
        """The files that are to be seen, as often as they are."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [call for call in map(json.loads, lines) if call["call"] == "share"]

    def _write(self, call: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(call) + "\n")


class BlindChat(FileChat):
    """Without the look-up: nothing is ever found again."""

    async def find(self, **_: object) -> tuple[str, ...]:
        """Nothing."""
        return ()

    async def is_shared(self, **_: object) -> bool:
        """No."""
        return False


class HastyIntake(Intake):
    """Without the wait for the commit: answered as soon as it is in memory."""

    async def submit(self, delivery: Delivery) -> None:
        """Return at once."""
        self._enqueue(delivery)


class HastyLedger(DeliveryTable):
    """Without the one transaction: webhooks are out of the ledger before their incidents are changed."""

    told = asyncio.Event()
    """The sender has its answer: before that nothing is promised, and nothing can be lost."""

    async def take(self, *, limit: int) -> tuple[Delivery, ...]:
        """Take, forget, commit."""
        taken = await super().take(limit=limit)
        if taken:
            await self.told.wait()
        await self.merged([delivery.id for delivery in taken])
        await self.link._raw.commit()
        return taken


async def compose(tx: Transaction, message: Message) -> RenderedMessage:
    """The incident's state and how often it was told, so that an older state is seen."""
    incident = await tx.incidents.get(message.incident_id or 0)
    words = f"{incident.state} {len(incident.alerts)}" if incident else "?"
    return RenderedMessage(text=f"{message.kind} {words}")


async def main(url: str, chat: str, send: str, without: str = "") -> None:
    """Run until everything that was accepted is shown."""
    clock, ids = SystemClock(), OrderedIds()
    if send == "no":
        HastyLedger.told.set()
    if without == "one-transaction":
        store_module.DeliveryTable = HastyLedger  # type: ignore[attr-defined]  # the point of it
    store = connect(url, clock=clock)
    merging = Merging(
        store=store,
        clock=clock,
        ids=ids,
        routing=lambda _: Destination(service="churn", channel="C1"),
        classify=lambda _: Classification(severity=Severity.P1, runbook=None),
        rules=IntakeRules(resolve_settle=timedelta(seconds=60), reopen_within=timedelta(minutes=15)),
        default_channel=None,
        on_opened=lambda _: None,
    )
    publishing = Publishing(
        store=store,
        notifier=(BlindChat if without == "look-up" else FileChat)(Path(chat)),
        clock=clock,
        compose=compose,
        owner=ids.new(),
        limits=LIMITS,
    )
    intake = (HastyIntake if without == "commit" else Intake)(
        store=store, on_stored=merging.wake, limits=IntakeLimits(patience=PATIENCE)
    )
    store.on_due(publishing.wake)
    loops = [asyncio.create_task(one.run()) for one in (intake, merging, publishing)]
    if send == "yes":
        # The second webhook changes the message, so that there is an edit to be killed in.
        await _send(intake, 1)
        await _until_shown(store, incidents=1)
        await _send(intake, 2)
    if send == "file":
        await _send(intake, 1)
        await _until_shown(store, incidents=1)
        async with store.transaction() as tx:
            (incident,) = await tx.incidents.recent()
            await attach(tx, ids, incident, Attachment(name="logs.txt", title="Logs", text="all of it"))
    await _until_shown(store)
    await intake.stop()
    merging.stop()
    publishing.stop()
    await asyncio.gather(*loops)
    await store.close()


async def _send(intake: Intake, alerts: int) -> None:
    group = make_group(*(make_alert(pod=f"api-{number}") for number in range(alerts)))
    while True:
        try:
            await intake.submit(replace(make_delivery(group), id=str(uuid4())))
        except Overloaded:
            await asyncio.sleep(0.05)
        else:
            sys.stdout.write(f"accepted {alerts}\n")
            sys.stdout.flush()
            HastyLedger.told.set()
            return


async def _until_shown(store: Any, *, incidents: int = 0) -> None:
    """Nothing waits, and there are so many incidents: a webhook may be neither where transactions are two."""
    while True:
        async with store.transaction() as tx:
            waiting = (await tx.deliveries.backlog()).waiting + (await tx.messages.backlog()).waiting
            known = len(await tx.incidents.recent())
        if not waiting and known >= incidents:
            return
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
