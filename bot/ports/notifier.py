"""Showing messages in the chat. Only the publishing engine calls it: nothing talks to the chat in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.actors import Member

Block = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedMessage:
    """What a message shows: Block Kit blocks, and the text that notifications and screen readers get."""

    text: str
    blocks: tuple[Block, ...] = ()


class Notifier(Protocol):
    """Posts and edits messages.

    Raises `Temporary` (with the delay that was asked for), `Ambiguous` (it may have been posted), `NotFound`
    (the message to edit is gone), `Permanent` (the channel, the token or the blocks; the text says which).
    """

    async def post(
        self, *, channel: str, thread: str | None, message: RenderedMessage, metadata: Mapping[str, str]
    ) -> str:
        """Post once, without any repeat of its own; the message's timestamp id."""
        ...

    async def update(self, *, channel: str, ts: str, message: RenderedMessage) -> None:
        """Replace a message's content."""
        ...

    async def find(
        self, *, channel: str, thread: str | None, message_id: str, since: datetime
    ) -> tuple[str, ...]:
        """The timestamp ids of the bot's own messages with that id in their metadata, oldest first."""
        ...

    async def delete(self, *, channel: str, ts: str) -> None:
        """Remove a message of the bot's own; one that is gone is no error."""
        ...

    async def upload(self, *, name: str, content: bytes, alt_text: str) -> str:
        """Bring a file to the chat, where nobody sees it yet; the chat's id of it. It may be repeated."""
        ...

    async def share(self, *, file_id: str, channel: str, thread: str | None, title: str, text: str) -> None:
        """Show an uploaded file, with a line of text, once. Raises Ambiguous where it may have been shown."""
        ...

    async def is_shared(self, *, file_id: str, channel: str) -> bool:
        """Whether the channel shows it. Raises NotFound where the chat has no such file."""
        ...


class Directory(Protocol):
    """Knows the members of the workspace."""

    async def member(self, user_id: str) -> Member:
        """Who a user is. Raises Temporary or NotFound."""
        ...

    async def groups_of(self, user_id: str, among: tuple[str, ...]) -> frozenset[str]:
        """Those of the named user groups that the user is in. Raises Temporary; callers fail closed."""
        ...
