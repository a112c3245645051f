"""Files on their way into threads (`bot.ports.file_stores.Files`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, bindparam, insert, select, update

from bot.adapters.database.instants import Instant
from bot.adapters.database.rows import PICTURE
from bot.adapters.database.tables import files
from bot.adapters.database.texts import short, storable
from bot.domain.files import KeptPicture, StoredFile

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row, Select

    from bot.adapters.database.engine import Link

MOST_PICTURES: Final = 20
"""So many pictures of an incident are kept for its review once the chat has them; some 50 kB each."""

_MANY: Final = 1_000
_PICTURE: Final = ".png"


@dataclass(frozen=True, slots=True)
class FileTable:
    """Files; what is still to be drawn is due at `draw_at`, which also keeps two replicas from drawing it."""

    link: Link

    async def add(self, file: StoredFile) -> None:
        """Keep a new one; without content it is due to be drawn."""
        values = {
            "id": file.id,
            "incident_id": file.incident_id,
            "thread_of": file.thread_of or None,
            "name": storable(file.name),
            "title": storable(file.title),
            "alt_text": storable(file.alt_text),
            "picture": PICTURE.dump(file.picture) if file.picture is not None else None,
            "content": file.content,
            "remote_id": file.remote_id,
            "draw_at": self.link.now if file.picture is not None and file.content is None else None,
            "attempts": file.attempts,
            "last_error": "",
            "created_at": self.link.now,
        }
        await self.link.run(insert(files).values(values))

    async def get(self, file_id: str) -> StoredFile | None:
        """By id."""
        row = await self.link.first(select(files).where(files.c.id == file_id))
        return _file_of(row) if row else None

    async def claim(self, *, until: datetime, limit: int) -> tuple[StoredFile, ...]:
        """Those to be drawn, oldest first; not given again before `until`."""
        taken = await self.link.all(_TAKE, {"now": self.link.now, "until": until, "most": limit})
        rows = sorted(taken, key=lambda row: (row.created_at, row.id))
        return tuple(_file_of(row) for row in rows)

    async def drawn(self, file_id: str, content: bytes) -> bool:
        """Keep the drawn picture; False where it was drawn or given up already."""
        waiting = (files.c.id == file_id, files.c.draw_at.is_not(None))
        values = {"content": content, "draw_at": None}
        changed = update(files).where(*waiting).values(values).returning(files.c.id)
        return await self.link.first(changed) is not None

    async def undrawn(self, file_id: str, *, error: str, retry_at: datetime | None) -> None:
        """Drawing failed; try again then, or never."""
        values = {"draw_at": retry_at, "last_error": short(error)}
        await self.link.run(
            update(files).where(files.c.id == file_id, files.c.draw_at.is_not(None)).values(values)
        )

    async def uploaded(self, file_id: str, remote_id: str) -> None:
        """The chat has its content under that id; with none, it has it no more."""
        await self.link.run(update(files).where(files.c.id == file_id).values(remote_id=remote_id))

    async def shown(self, file_id: str) -> None:
        """The chat shows it: a text's content is not needed any more, nor that of older pictures."""
        row = await self.link.first(select(files.c.incident_id, files.c.name).where(files.c.id == file_id))
        if row is None:
            return
        if not row.name.endswith(_PICTURE):
            await self.link.run(update(files).where(files.c.id == file_id).values(content=None))
            return
        await self.link.run(update(files).where(files.c.id == file_id).values(picture=None))
        kept = self._kept(row.incident_id).order_by(files.c.created_at.desc(), files.c.id.desc())
        # What is not shown yet has its picture still, and needs its content.
        shown = kept.where(files.c.picture.is_(None))
        older = shown.with_only_columns(files.c.id).offset(MOST_PICTURES).limit(_MANY)
        await self.link.run(update(files).where(files.c.id.in_(older)).values(content=None))

    async def pictures_of(self, incident_id: int) -> tuple[KeptPicture, ...]:
        """Those that are drawn, shown or not, oldest first."""
        rows = await self.link.all(self._kept(incident_id).order_by(files.c.created_at, files.c.id))
        return tuple(
            KeptPicture(
                name=row.name, title=row.title, alt_text=row.alt_text, content=row.content, at=row.created_at
            )
            for row in rows
        )

    def _kept(self, incident_id: int) -> Select[Any]:
        return select(files).where(
            files.c.incident_id == incident_id, files.c.content.is_not(None), files.c.name.endswith(_PICTURE)
        )


def _file_of(row: Row[Any]) -> StoredFile:
    return StoredFile(
        id=row.id,
        incident_id=row.incident_id,
        thread_of=row.thread_of or "",
        name=row.name,
        title=row.title,
        alt_text=row.alt_text,
        picture=PICTURE.load(row.picture) if row.picture else None,
        content=row.content,
        remote_id=row.remote_id,
        attempts=row.attempts,
    )


_DUE: Final = (
    select(files.c.id)
    .where(files.c.draw_at.is_not(None), files.c.draw_at <= bindparam("now"))
    .order_by(files.c.created_at, files.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_TAKE: Final = (
    update(files)
    .where(files.c.id.in_(_DUE))
    .values(draw_at=bindparam("until", type_=Instant), attempts=files.c.attempts + 1)
    .returning(files)
)
