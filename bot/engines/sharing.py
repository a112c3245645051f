"""Showing one file in its thread, once; called by `bot.engines.delivering` for messages of the kind `file`.

A share carries no id of ours that could be looked up afterwards, as a post does. So the content is brought to
the chat first, where nobody sees it; the chat's id of it is kept; and only then it is shared. Whoever finds
that id from an earlier attempt asks the chat whether it is shared already.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bot.domain.drills import titled
from bot.domain.errors import NotFound, Permanent
from bot.faults import fault
from bot.rendering.escaping import mrkdwn

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.domain.files import StoredFile
    from bot.ports.message_stores import Claimed
    from bot.ports.notifier import Notifier
    from bot.ports.stores import Store

_LONGEST_TEXT: Final = 500


class Sharing:
    """Shares files."""

    def __init__(self, *, store: Store, notifier: Notifier) -> None:
        self._store = store
        self._notifier = notifier

    async def share(self, claimed: Claimed, *, before_share: Callable[[], None]) -> str:
        """The chat's id of the file, which is shown now. Raises what the notifier raises, and Permanent.

        `before_share` is called right before the call that people see; it raises to stop it.
        """
        message = claimed.message
        file = await self._file(message.subject)
        remote_id = file.remote_id
        if remote_id:
            try:
                if await self._notifier.is_shared(file_id=remote_id, channel=message.channel):
                    return remote_id
            except NotFound:
                remote_id = ""
        remote_id = remote_id or await self._upload(file)
        fault("before-share")
        before_share()
        try:
            await self._notifier.share(
                file_id=remote_id,
                channel=message.channel,
                thread=claimed.thread_ts,
                title=file.title,
                text=mrkdwn(file.alt_text, _LONGEST_TEXT),
            )
        except NotFound:
            # Either the upload has expired in the chat or the thread is gone; the next attempt uploads anew.
            await self._keep(file, "")
            raise
        fault("after-share")
        return remote_id

    async def _file(self, file_id: str) -> StoredFile:
        async with self._store.transaction() as tx:
            file = await tx.files.get(file_id)
            incident = await tx.incidents.peek(file.incident_id) if file and file.incident_id else None
        if file is None:
            raise Permanent(f"file {file_id} is not in the store")
        drill = incident.drill if incident is not None else ""
        return replace(file, title=titled(file.title, drill), alt_text=titled(file.alt_text, drill))

    async def _upload(self, file: StoredFile) -> str:
        if file.content is None:
            raise Permanent(f"the content of file {file.id} is not in the store any more")
        remote_id = await self._notifier.upload(
            name=file.name, content=file.content, alt_text=file.alt_text if file.picture else ""
        )
        fault("after-upload")
        await self._keep(file, remote_id)
        return remote_id

    async def _keep(self, file: StoredFile, remote_id: str) -> None:
        async with self._store.transaction() as tx:
            await tx.files.uploaded(file.id, remote_id)
