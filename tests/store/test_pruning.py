"""What is old is forgotten, in batches, and nothing that somebody may still need."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.actors import LIGHTSHIP, user
from bot.domain.events import Event, EventKind
from bot.domain.files import StoredFile
from bot.domain.findings import Finding, Verdict
from bot.domain.incidents import IncidentState
from bot.domain.messages import Message, MessageKind
from bot.testing import START
from tests.making import make_approval, make_delivery, make_group, make_incident, make_key

if TYPE_CHECKING:
    from bot.domain.incidents import Incident
    from bot.ports.stores import Transaction
    from tests.store.conftest import World

LONG_AGO = START - timedelta(days=3000)
BETWEEN = START - timedelta(days=2000)


async def keep_incident(
    tx: Transaction, name: str, *, state: IncidentState = IncidentState.RESOLVED, shown: bool = True
) -> Incident:
    """An old incident with everything that an incident can have."""
    made = await tx.incidents.save(
        make_incident(key=make_key(group_key=name), state=state, opened_at=LONG_AGO)
    )
    for check in ("pods", "logs"):
        finding = Finding(
            check=check,
            target="churn",
            verdict=Verdict.FAIL,
            summary="1 of 3",
            observed_at=LONG_AGO,
            fresh_for=timedelta(minutes=1),
        )
        await tx.findings.save(made.id, finding)
    file = StoredFile(id=f"f-{name}", incident_id=made.id, name="logs.txt", title="Logs", content=b"a line")
    await tx.files.add(file)
    await tx.approvals.add(replace(make_approval(), id=f"a-{name}", incident_id=made.id))
    for number, kind in enumerate((EventKind.OPENED, EventKind.REMEDIATION_REQUESTED)):
        event = Event(
            id=f"e-{name}-{number}",
            at=LONG_AGO,
            kind=kind,
            actor=user("U0ALICE") if number else LIGHTSHIP,
            service="churn",
            incident_id=made.id,
        )
        await tx.events.add(event)
    for message_kind, subject, parent in (
        (MessageKind.INCIDENT, str(made.id), None),
        (MessageKind.FILE, f"f-{name}", f"m-{name}-incident"),
    ):
        message = Message(
            id=f"m-{name}-{message_kind.value}",
            kind=message_kind,
            subject=subject,
            channel="C0CHURN",
            thread_of=parent,
            incident_id=made.id,
            urgency=1,
            desired_revision=1,
            posted_revision=1 if shown else 0,
            created_at=LONG_AGO,
        )
        await tx.messages.put(message)
    return made


async def counts(world: World, number: int) -> tuple[bool, int, bool, int]:
    """Whether the incident is there, its findings, whether its file has its content, and its events."""
    async with world.store.transaction() as tx:
        incident = await tx.incidents.get(number)
        file = await tx.files.get("f-old")
        findings = await tx.findings.of_incident(number)
        events = await tx.events.of_incident(number)
        return incident is not None, len(findings), bool(file and file.content), len(events)


async def test_findings_and_contents_go_first_and_the_incident_stays(world: World) -> None:
    """After their time the results of checks and what files hold are gone; incident and events are there."""
    async with world.store.transaction() as tx:
        old = await keep_incident(tx, "old")
    assert await counts(world, old.id) == (True, 2, True, 2)
    async with world.store.transaction() as tx:
        assert await tx.pruning.findings(before=BETWEEN, logs_before=LONG_AGO, limit=10) == 1
        assert await tx.pruning.findings(before=BETWEEN, logs_before=BETWEEN, limit=10) == 1
        assert await tx.pruning.excerpts(before=tx.now + timedelta(days=1), limit=10) == 1
    assert await counts(world, old.id) == (True, 0, False, 2)


async def test_an_incident_goes_with_all_that_belongs_to_it_and_the_audit_stays(world: World) -> None:
    """No row of any table is left of it; the audit still holds what was decided, and verifies."""
    async with world.store.transaction() as tx:
        old = await keep_incident(tx, "old")
    async with world.store.transaction() as tx:
        entries = len(await tx.audit.entries(after=0, limit=10))
        assert await tx.pruning.incidents(before=BETWEEN, limit=10) == 1
    assert await counts(world, old.id) == (False, 0, False, 0)
    async with world.store.transaction() as tx:
        assert await tx.approvals.get("a-old") is None
        assert await tx.messages.get("m-old-incident") is None
        kept = await tx.audit.entries(after=0, limit=10)
    assert len(kept) == entries == 1
    assert [recorded for _, recorded in kept] == [None]


@pytest.mark.parametrize(
    "arguments", [{"state": IncidentState.TRIGGERED}, {"shown": False}], ids=["open", "not shown"]
)
async def test_what_is_open_or_not_shown_stays(world: World, arguments: dict[str, object]) -> None:
    """An incident that is open, or of which the chat lacks something, loses nothing however old it is."""
    async with world.store.transaction() as tx:
        old = await keep_incident(tx, "old", **arguments)  # type: ignore[arg-type]
    async with world.store.transaction() as tx:
        assert await tx.pruning.incidents(before=BETWEEN, limit=10) == 0
        assert await tx.pruning.findings(before=BETWEEN, logs_before=BETWEEN, limit=10) == 0
    assert (await counts(world, old.id))[:2] == (True, 2)


async def test_an_incident_to_which_something_happened_lately_stays(world: World) -> None:
    """One that opened long ago and was ended yesterday is kept."""
    async with world.store.transaction() as tx:
        old = await keep_incident(tx, "old")
        event = Event(
            id="e-late",
            at=BETWEEN + timedelta(days=1),
            kind=EventKind.RESOLVED,
            actor=LIGHTSHIP,
            service="churn",
            incident_id=old.id,
        )
        await tx.events.add(event)
    async with world.store.transaction() as tx:
        assert await tx.pruning.incidents(before=BETWEEN, limit=10) == 0


async def test_batches_are_bounded(world: World) -> None:
    """No call removes more than it may; repeated calls come to the end."""
    async with world.store.transaction() as tx:
        for number in range(5):
            await keep_incident(tx, f"old{number}")
    removed = []
    for _ in range(4):
        async with world.store.transaction() as tx:
            removed.append(await tx.pruning.incidents(before=BETWEEN, limit=2))
    assert removed == [2, 2, 1, 0]


async def test_only_webhooks_that_failed_are_given_up(world: World) -> None:
    """A webhook that waits for its first try is no payload to be removed, whatever its age."""
    async with world.store.transaction() as tx:
        await tx.deliveries.add([make_delivery(make_group(key=key)) for key in ("a", "b")])
    async with world.store.transaction() as tx:
        first, _ = await tx.deliveries.take(limit=2)
        await tx.deliveries.failed(first.id, error="no", retry_at=tx.now)
        later = tx.now + timedelta(days=1)
    async with world.store.transaction() as tx:
        assert await tx.pruning.payloads(before=later, limit=10) == 1
        assert (await tx.deliveries.backlog()).waiting == 1
