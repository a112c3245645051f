"""The part of the store that is about what is attached to messages: files for threads.

See `bot.ports.stores`, whose transactions have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.files import KeptPicture, StoredFile


class Files(Protocol):
    """Files on their way into threads."""

    async def add(self, file: StoredFile) -> None:
        """Keep a new one; a picture without content is due to be drawn."""
        ...

    async def get(self, file_id: str) -> StoredFile | None:
        """By id."""
        ...

    async def claim(self, *, until: datetime, limit: int) -> tuple[StoredFile, ...]:
        """Those to be drawn, oldest first; not given again before `until`."""
        ...

    async def drawn(self, file_id: str, content: bytes) -> bool:
        """Keep the drawn picture; False where it was drawn or given up already."""
        ...

    async def undrawn(self, file_id: str, *, error: str, retry_at: datetime | None) -> None:
        """Drawing failed; try again then, or never."""
        ...

    async def uploaded(self, file_id: str, remote_id: str) -> None:
        """The chat has its content under that id; an empty one means that it has it no more."""
        ...

    async def shown(self, file_id: str) -> None:
        """The chat shows it: forget a text's content. An incident's newest pictures stay for its review."""
        ...

    async def pictures_of(self, incident_id: int) -> tuple[KeptPicture, ...]:
        """The drawn pictures of an incident that are kept, oldest first."""
        ...
