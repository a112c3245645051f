"""Files in threads: kept in the transaction of the finding, drawn later, then shown.

`attach` is called by whoever has something to attach (the diagnosing engine for checks); it costs one row.
`Attaching.draw_due` runs in a loop of its own, so that no finding and no message waits for a picture. Once a
file has content, a message row is due, and the publisher shows it like any other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.backoff import Backoff
from bot.domain.errors import LightshipError, Temporary
from bot.domain.files import StoredFile
from bot.domain.messages import Message, MessageKind
from bot.domain.pictures import Mark
from bot.engines.noting import FILES_BEHIND, put_in_thread
from bot.engines.threads import below
from bot.logs import Log, LogAction
from bot.telemetry import PICTURES

if TYPE_CHECKING:
    from bot.domain.files import Attachment
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident
    from bot.ports.clock import Ids
    from bot.ports.drawing import Drawer
    from bot.ports.stores import Store, Transaction

DRAW_AT_ONCE: Final = 4
MOST_ATTEMPTS: Final = 5
DRAW_WITHIN: Final = timedelta(minutes=2)
"""Longer than four pictures take; another replica draws them again after it."""

_LOG = Log("attaching")
_WAITS: Final = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=2))


async def attach(tx: Transaction, ids: Ids, incident: Incident, attachment: Attachment) -> None:
    """Keep a file for the incident's thread; a text is due at once, a picture once it is drawn."""
    file = replace(_stored(ids, attachment), incident_id=incident.id)
    await tx.files.add(file)
    if file.content is not None:
        await put_in_thread(tx, ids, incident, kind=MessageKind.FILE, subject=file.id)


async def attach_to_message(tx: Transaction, ids: Ids, parent: Message, attachment: Attachment) -> None:
    """As `attach`, for the thread of a message that belongs to no incident."""
    file = replace(_stored(ids, attachment), thread_of=parent.id)
    await tx.files.add(file)
    if file.content is not None:
        await _put_behind(tx, ids, parent, file)


def _stored(ids: Ids, attachment: Attachment) -> StoredFile:
    """The file of an attachment, which belongs nowhere yet; a picture has no content until it is drawn."""
    return StoredFile(
        id=ids.new(),
        name=attachment.name,
        title=attachment.title,
        alt_text=attachment.alt_text,
        picture=attachment.picture,
        content=None if attachment.picture is not None else attachment.text.encode("utf-8", "replace"),
    )


async def attach_all(tx: Transaction, ids: Ids, incident: Incident, finding: Finding) -> None:
    """Attach what comes with a finding; pictures get the alert's start marked."""
    for attachment in finding.attachments:
        await attach(tx, ids, incident, _marked(attachment, incident))


async def attach_all_to_message(tx: Transaction, ids: Ids, parent: Message, finding: Finding) -> None:
    """As `attach_all`, for the thread of a message that belongs to no incident."""
    for attachment in finding.attachments:
        await attach_to_message(tx, ids, parent, attachment)


class Attaching:
    """Draws the pictures that are due."""

    def __init__(self, *, store: Store, ids: Ids, drawer: Drawer) -> None:
        self._store = store
        self._ids = ids
        self._drawer = drawer

    async def draw_due(self) -> int:
        """Draw some; how many there were."""
        async with self._store.transaction() as tx:
            due = await tx.files.claim(until=tx.now + DRAW_WITHIN, limit=DRAW_AT_ONCE)
        for file in due:
            await self._draw(file)
        return len(due)

    async def _draw(self, file: StoredFile) -> None:
        if file.picture is None:
            return await self._failed(file, LightshipError("its picture is gone"), again=False)
        try:
            content = await self._drawer.draw(file.picture)
        except LightshipError as error:
            again = isinstance(error, Temporary) and file.attempts < MOST_ATTEMPTS
            return await self._failed(file, error, again=again)
        PICTURES.labels(outcome="drawn").inc()
        async with self._store.transaction() as tx:
            await self._keep(tx, file, content)
        return None

    async def _keep(self, tx: Transaction, file: StoredFile, content: bytes) -> None:
        if file.incident_id is None:
            parent = await tx.messages.get(file.thread_of)
            if parent is not None and await tx.files.drawn(file.id, content):
                await _put_behind(tx, self._ids, parent, file)
            return
        incident = await tx.incidents.get(file.incident_id)
        if incident is not None and await tx.files.drawn(file.id, content):
            await put_in_thread(tx, self._ids, incident, kind=MessageKind.FILE, subject=file.id)

    async def _failed(self, file: StoredFile, error: Exception, *, again: bool) -> None:
        """A picture that cannot be drawn is left out: the finding that it belongs to says all in words."""
        PICTURES.labels(outcome="postponed" if again else "given_up").inc()
        _LOG.warning(LogAction.PICTURE_FAILED, file=file.id, again=again, error=str(error))
        async with self._store.transaction() as tx:
            retry_at = tx.now + _WAITS.after(file.attempts, of=file.id) if again else None
            await tx.files.undrawn(file.id, error=str(error), retry_at=retry_at)


async def _put_behind(tx: Transaction, ids: Ids, parent: Message, file: StoredFile) -> None:
    await tx.messages.put(
        Message(
            id=ids.new(),
            kind=MessageKind.FILE,
            subject=file.id,
            channel=parent.channel,
            thread_of=below(parent),
            incident_id=None,
            urgency=parent.urgency + FILES_BEHIND,
            desired_revision=1,
            created_at=tx.now,
        )
    )


def _marked(attachment: Attachment, incident: Incident) -> Attachment:
    if attachment.picture is None or not incident.alerts:
        return attachment
    started = min(tracked.alert.starts_at for tracked in incident.alerts)
    return replace(attachment, picture=attachment.picture.marked(Mark(at=started, label="alert")))
