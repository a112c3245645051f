"""Messages that have to be shown: what, where, up to which revision; the publisher brings the chat to it.

A row is written by whoever changes what it shows, in the same transaction; its content is rendered only when
it is sent, from the latest state, so that a newer revision takes an older one's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class MessageKind(StrEnum):
    """What a message shows; `subject` is the id of it."""

    INCIDENT = "incident"  # subject: the incident's number
    EVENT = "event"  # subject: the event's id
    APPROVAL = "approval"  # subject: the approval's id
    FINDINGS = "findings"  # subject: "<incident number>/<check>"
    FILE = "file"  # subject: the file's id
    NOTICE = "notice"  # subject: "<notice name>/<id>"
    DIGEST = "digest"  # subject: the storm's id
    DRIFT = "drift"  # subject: the id of the first run of its verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message of the chat. `thread_of` is the id of the message whose thread it belongs to.

    `ts` is the chat's own id once it is known; `intent_at` is set while a first post may be under way.
    `urgency` is the severity's rank, the lowest number goes first. `due_since` is when it last ceased to show
    the latest state. `digest_of` is the id of the digest that stands for it: it is not posted then.
    """

    id: str
    kind: MessageKind
    subject: str
    channel: str
    thread_of: str | None
    incident_id: int | None
    urgency: int
    desired_revision: int
    posted_revision: int = 0
    ts: str | None = None
    intent_at: datetime | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    last_error: str = ""
    created_at: datetime
    due_since: datetime | None = None
    digest_of: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast the chat may be spoken to: calls of one channel, and edits of the whole workspace."""

    channel_interval: timedelta
    edit_interval: timedelta
    edit_burst: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """A claim on a row: who holds it and for how long; `owner` is unique to a start of a process."""

    owner: str
    duration: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """What waits to be done, and since when."""

    waiting: int
    failing: int
    oldest: datetime | None
