"""Noting what happened, in the transaction of the change itself; every engine that changes things calls it.

An event is kept, gets its short thread entry where its kind has one, and whatever shows the incident is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.actors import LIGHTSHIP
from bot.domain.approvals import told
from bot.domain.events import THREAD_KINDS, Event, EventKind
from bot.domain.messages import Message, MessageKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.actors import Actor
    from bot.domain.approvals import Approval
    from bot.domain.events import Detail
    from bot.domain.incidents import Incident
    from bot.ports.clock import Ids
    from bot.ports.stores import Transaction

FILES_BEHIND = 100
"""Files wait for all else of their channel: in a storm, what is wrong comes before its pictures."""

UNDO_OFFERED = (EventKind.REMEDIATION_UNFIXED, EventKind.REMEDIATION_NO_EFFECT)
"""What the thread is told together with a button that takes the action back."""

NAMED_NEIGHBOURS = 5
"""How many other open incidents a message names; no more of them are edited when the set changes."""


_NEWS = frozenset({EventKind.REOPENED, EventKind.ESCALATED})


def ending_of(event_id: str) -> str:
    """The id of the event that ends a notice; where it is there, the notice shows its words."""
    return f"{event_id}/ended"


async def append(
    tx: Transaction,
    ids: Ids,
    kind: EventKind,
    *,
    service: str,
    incident_id: int | None,
    actor: Actor,
    detail: Mapping[str, Detail] | None = None,
) -> Event:
    """Append an event, of an incident or of none, and nothing else."""
    event = Event(
        id=ids.new(),
        at=tx.now,
        kind=kind,
        service=service,
        incident_id=incident_id,
        actor=actor,
        detail=detail or {},
    )
    await tx.events.add(event)
    return event


async def note(
    tx: Transaction,
    ids: Ids,
    incident: Incident,
    kind: EventKind,
    *,
    actor: Actor,
    detail: Mapping[str, Detail] | None = None,
) -> Event:
    """Append an event of an incident, and put its thread entry where its kind has one."""
    event = await append(
        tx, ids, kind, service=incident.key.service, incident_id=incident.id, actor=actor, detail=detail
    )
    if kind in _NEWS:
        # A digest may be closed, and does not call anybody: this is worth a message of its own.
        await tx.storms.let_go(incident.id, for_good=False)
    if kind in THREAD_KINDS:
        await put_in_thread(tx, ids, incident, kind=MessageKind.EVENT, subject=event.id)
    return event


async def note_about(
    tx: Transaction,
    ids: Ids,
    approval: Approval,
    kind: EventKind,
    *,
    actor: Actor,
    detail: Mapping[str, Detail] | None = None,
) -> None:
    """Append an event about a request for approval, with a thread entry where it has an incident to go to."""
    shown = await tx.messages.find(MessageKind.APPROVAL, approval.id)
    where = {"channel": shown.channel, "ts": shown.ts} if shown and shown.ts else {}
    about, service = {**told(approval), **where, **(detail or {})}, approval.plan.service
    await _show_undone(tx, approval)
    incident = await tx.incidents.get(approval.incident_id) if approval.incident_id else None
    if incident is not None:
        await note(tx, ids, incident, kind, actor=actor, detail=about)
        return
    await append(tx, ids, kind, service=service, incident_id=approval.incident_id, actor=actor, detail=about)


async def _show_undone(tx: Transaction, approval: Approval) -> None:
    """What offers an undo is shown anew whenever something becomes of one: no button stays that is dead."""
    if not approval.plan.undoes:
        return
    await tx.messages.touch(MessageKind.APPROVAL, approval.plan.undoes)
    if approval.incident_id is not None:
        offering = await tx.events.newest(approval.incident_id, UNDO_OFFERED)
        if offering is not None:
            await tx.messages.touch(MessageKind.EVENT, offering.id)


async def note_shown(tx: Transaction, message: Message, ts: str) -> None:
    """Keep that the chat shows a request for approval now, by which of its messages."""
    approval = await tx.approvals.get(message.subject)
    event_id = f"{message.id}/{ts}"
    if approval is None or await tx.events.get(event_id) is not None:
        return
    await tx.events.add(
        Event(
            id=event_id,
            at=tx.now,
            kind=EventKind.APPROVAL_SHOWN,
            service=approval.plan.service,
            incident_id=approval.incident_id,
            actor=LIGHTSHIP,
            detail={**told(approval), "channel": message.channel, "ts": ts},
        )
    )


async def note_too_late(tx: Transaction, ids: Ids, incident: Incident, what: str, *, actor: Actor) -> None:
    """Keep that somebody pressed a button of an incident that is over."""
    detail = {"what": what, "why": "incident_resolved"}
    await note(tx, ids, incident, EventKind.PRESS_REFUSED, actor=actor, detail=detail)


async def put_in_thread(
    tx: Transaction, ids: Ids, incident: Incident, *, kind: MessageKind, subject: str
) -> None:
    """Add a message to the incident's thread unless it is there, else mark it to be shown anew."""
    if await tx.messages.find(kind, subject) is not None:
        await tx.messages.touch(kind, subject)
        return
    parent = await tx.messages.find(MessageKind.INCIDENT, str(incident.id))
    if parent is not None and parent.digest_of is not None and kind is not MessageKind.EVENT:
        # Somebody works on it: a request or a finding needs a thread to be in.
        await tx.storms.let_go(incident.id)
    await tx.messages.put(
        Message(
            id=ids.new(),
            kind=kind,
            subject=subject,
            channel=incident.channel,
            thread_of=parent.id if parent else None,
            incident_id=incident.id,
            urgency=incident.severity.rank + (FILES_BEHIND if kind is MessageKind.FILE else 0),
            desired_revision=1,
            created_at=tx.now,
        )
    )


async def show(tx: Transaction, ids: Ids, incident: Incident) -> None:
    """The incident's own message is due: put it when it is new, else mark it."""
    subject = str(incident.id)
    if await tx.messages.find(MessageKind.INCIDENT, subject) is not None:
        await tx.messages.touch(MessageKind.INCIDENT, subject, urgency=incident.severity.rank)
        return
    await show_new(tx, ids, incident)


async def show_new(tx: Transaction, ids: Ids, incident: Incident) -> None:
    """An incident that this transaction opened: nothing shows it yet."""
    await tx.messages.put(
        Message(
            id=ids.new(),
            kind=MessageKind.INCIDENT,
            subject=str(incident.id),
            channel=incident.channel,
            thread_of=None,
            incident_id=incident.id,
            urgency=incident.severity.rank,
            desired_revision=1,
            created_at=tx.now,
        )
    )


async def show_neighbours(tx: Transaction, incident: Incident) -> None:
    """The set of open incidents changed: the others of the service name it in their header line."""
    others = await tx.incidents.unresolved_ids(service=incident.key.service, limit=NAMED_NEIGHBOURS + 1)
    for other in [number for number in others if number != incident.id][:NAMED_NEIGHBOURS]:
        await tx.messages.touch(MessageKind.INCIDENT, str(other))
