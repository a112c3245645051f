"""What a press on a button is about, and whether it fits the message that was pressed; for the actions door.

A button's value cannot be forged by a user, but it can be old, copied into another message, or drawn by
another version. So the incident or approval it names is loaded, and the channel and message must be its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.domain.messages import MessageKind
from bot.rendering.buttons import ActionWord, ApprovalButton, ButtonRefusal, read_press
from handlers.answering import Asker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.approvals import Approval
    from bot.domain.incidents import Incident
    from bot.domain.services import WatchedService
    from bot.rendering.buttons import Press
    from handlers.engines import Recording
    from handlers.services import Services

NOT_ITS_MESSAGE = "This button does not belong to this message, so nothing was done."
_LONGEST_WORD = 40
NO_SERVICE = "The service that this is about is no longer configured, so nothing was done."


@dataclass(frozen=True, kw_only=True, slots=True)
class Pressed:
    """A press as it came: who, where, on which message, what the button is called and what it says."""

    asker: Asker
    message_ts: str
    trigger_id: str
    word: str
    press: Press | ButtonRefusal


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a press is about, loaded. Exactly one of approval and incident decides over the channel."""

    service: WatchedService
    incident: Incident | None
    approval: Approval | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stray:
    """A press that counts for nothing: why in a word for the record, and in a sentence for the person."""

    why: str
    sentence: str
    service: str = ""
    incident_id: int | None = None


def read_pressed(payload: Mapping[str, Any]) -> Pressed:
    """A `block_actions` payload; what is missing in it becomes empty, never an error."""
    container = _mapping(payload.get("container"))
    person = _mapping(payload.get("user"))
    actions = payload.get("actions")
    action = _mapping(actions[0]) if isinstance(actions, list) and actions else {}
    channel = container.get("channel_id") or _mapping(payload.get("channel")).get("id") or ""
    thread = container.get("thread_ts")
    return Pressed(
        asker=Asker(
            user=str(person.get("id", "")),
            team=str(person.get("team_id") or _mapping(payload.get("team")).get("id") or ""),
            channel=str(channel),
            thread=str(thread) if thread else None,
            response_url=str(payload.get("response_url") or ""),
        ),
        message_ts=str(container.get("message_ts") or ""),
        trigger_id=str(payload.get("trigger_id") or ""),
        word=str(action.get("action_id") or "").partition(":")[0][:_LONGEST_WORD],
        press=read_press(action.get("action_id"), action.get("value")),
    )


async def find_subject(
    pressed: Pressed, press: Press, *, recording: Recording, services: Services
) -> Subject | Stray:
    """What the press is about, or why it counts for nothing."""
    approval = None
    if isinstance(press.value, ApprovalButton):
        approval = await recording.approval(press.value.approval_id)
        if approval is None:
            return Stray(why="unknown_request", sentence="There is no such request any more.")
        incident_id = approval.incident_id
    else:
        incident_id = press.value.incident_id
    incident = await recording.incident(incident_id) if incident_id is not None else None
    if incident is None and approval is None:
        return Stray(why="unknown_incident", sentence=f"There is no incident #{incident_id}.")
    name = approval.plan.service if approval else incident.key.service if incident else ""
    service = services.by_name(name)
    if service is None:
        return Stray(why="no_service", sentence=NO_SERVICE, service=name, incident_id=incident_id)
    subject = Subject(service=service, incident=incident, approval=approval)
    if await _fits(pressed, subject, recording):
        return subject
    return Stray(why="other_message", sentence=NOT_ITS_MESSAGE, service=name, incident_id=incident_id)


async def _fits(pressed: Pressed, subject: Subject, recording: Recording) -> bool:
    """Whether channel and message are the subject's own.

    A message that the record does not know is a private answer, or was posted a moment ago; for these the
    channel alone decides, and for an approval its digest.
    """
    channel = subject.incident.channel if subject.incident else subject.service.channel
    if pressed.asker.channel != channel:
        return False
    shown = await recording.by_message(pressed.asker.channel, pressed.message_ts)
    if shown is None:
        return True
    if shown.kind is MessageKind.DIGEST:
        return pressed.word == ActionWord.OPEN.value
    if subject.approval is not None and shown.kind is MessageKind.EVENT:
        # The thread's entry that says what came of it offers to undo it.
        return pressed.word == ActionWord.UNDO.value and shown.incident_id == subject.approval.incident_id
    if subject.approval is not None:
        return shown.kind is MessageKind.APPROVAL and shown.subject == subject.approval.id
    return subject.incident is not None and shown.incident_id == subject.incident.id


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
