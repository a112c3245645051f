"""The chat of a rehearsal, which remembers everything that was shown and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from bot.domain.actors import Member, Membership
from bot.rendering.likeness import likeness
from bot.testing import MemoryChat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.pictures import Picture
    from bot.ports.clock import Clock
    from bot.ports.notifier import RenderedMessage

TEAM: Final = "T0REHEARSAL"
_DATE: Final = re.compile(r"<!date\^[^|>]*\|([^>]*)>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Showing:
    """A message as it was posted or edited at a time. `to` is the person who alone sees it, if one does."""

    at: datetime
    ts: str
    channel: str
    thread: str | None
    message: RenderedMessage
    to: str = ""

    @property
    def words(self) -> str:
        """All that a reader sees of it, as text; times in UTC."""
        seen = likeness({"text": self.message.text, "blocks": list(self.message.blocks)})
        return _DATE.sub(r"\1", seen)


class RecordedChat(MemoryChat):
    """`bot.ports.notifier.Notifier` in memory, with the history of every message."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.history: list[Showing] = []

    async def post(
        self, *, channel: str, thread: str | None, message: RenderedMessage, metadata: Mapping[str, str]
    ) -> str:
        """Show a new message."""
        ts = await super().post(channel=channel, thread=thread, message=message, metadata=metadata)
        self.keep(ts, channel, thread, message)
        return ts

    async def update(self, *, channel: str, ts: str, message: RenderedMessage) -> None:
        """Replace a message's content."""
        await super().update(channel=channel, ts=ts, message=message)
        self.keep(ts, channel, self.shown[ts].thread, message)

    def keep(
        self, ts: str, channel: str, thread: str | None, message: RenderedMessage, *, to: str = ""
    ) -> None:
        """Remember what was shown."""
        now = self._clock.now()
        self.history.append(Showing(at=now, ts=ts, channel=channel, thread=thread, message=message, to=to))


class PrivateChat:
    """`handlers.answering.Chat` in memory: private answers, and modals by their ids."""

    def __init__(self, chat: RecordedChat) -> None:
        self._chat = chat
        self._numbers = count(1)
        self.views: dict[str, Mapping[str, Any]] = {}

    async def respond(self, *, url: str, thread: str | None, message: RenderedMessage) -> None:
        """Answer a press; the address says whose it was."""
        self._chat.keep("", "", thread, message, to=url.rpartition("/")[2])

    async def whisper(self, *, channel: str, user: str, thread: str | None, message: RenderedMessage) -> None:
        """Show a message to one member."""
        self._chat.keep("", channel, thread, message, to=user)

    async def open_view(self, *, trigger_id: str, view: Mapping[str, Any]) -> str:  # noqa: ARG002 - Slack's
        """Open a modal; its id."""
        view_id = f"V{next(self._numbers)}"
        self.views[view_id] = view
        return view_id

    async def update_view(self, *, view_id: str, view: Mapping[str, Any]) -> None:
        """Replace a modal's content."""
        self.views[view_id] = view


class EverybodyIsMember:
    """`bot.ports.notifier.Directory`: every user of the rehearsal is a full member, in no group."""

    async def member(self, user_id: str) -> Member:
        """Who a user is."""
        return Member(id=user_id, team=TEAM, membership=Membership.FULL, name=user_id)

    async def groups_of(self, user_id: str, among: tuple[str, ...]) -> frozenset[str]:  # noqa: ARG002 - the port's
        """None."""
        return frozenset()


class BlankPictures:
    """`bot.ports.drawing.Drawer` that draws nothing: nobody looks at the pictures of a rehearsal."""

    async def draw(self, picture: Picture) -> bytes:  # noqa: ARG002 - the port's
        """The signature of a PNG, and nothing after it."""
        return b"\x89PNG\r\n\x1a\n"
