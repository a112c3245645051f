"""Private answers to whoever pressed or typed. The chat behind it is an adapter, chosen by bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bot.domain.errors import LightshipError
from bot.logs import Log, LogAction
from bot.rendering.answers import error_answer, outcome_answer, sentence_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.commands import Outcome
    from bot.ports.notifier import RenderedMessage

_log = Log("answering")


class Chat(Protocol):
    """The private side of the chat. Every method raises Temporary or Permanent, and repeats nothing."""

    async def respond(self, *, url: str, thread: str | None, message: RenderedMessage) -> None:
        """Answer through the address that came with the press or command."""
        ...

    async def whisper(self, *, channel: str, user: str, thread: str | None, message: RenderedMessage) -> None:
        """Show a message to one member of a channel."""
        ...

    async def open_view(self, *, trigger_id: str, view: Mapping[str, Any]) -> str:
        """Open a modal; its id."""
        ...

    async def update_view(self, *, view_id: str, view: Mapping[str, Any]) -> None:
        """Replace a modal's content."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who asked, and where the answer goes. No `response_url` means the channel alone."""

    user: str
    team: str
    channel: str
    thread: str | None = None
    response_url: str = ""


class Answers:
    """Tells people what became of what they asked, in words only they see."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat

    async def tell(self, asker: Asker, message: RenderedMessage) -> None:
        """Through the response address, else as a private message in the channel. Raises where both fail."""
        if asker.response_url:
            try:
                await self.chat.respond(url=asker.response_url, thread=asker.thread, message=message)
            except LightshipError as error:
                _log.warning(LogAction.MESSAGE_POSTPONED, why=str(error), way="response_url")
            else:
                return
        await self.chat.whisper(channel=asker.channel, user=asker.user, thread=asker.thread, message=message)

    async def refuse(self, asker: Asker, sentence: str) -> None:
        """Say that it was refused, and why."""
        await self.tell(asker, sentence_answer("🚫", sentence))

    async def complain(self, asker: Asker, words: str) -> None:
        """Say that something went wrong."""
        await self.tell(asker, error_answer(words))

    async def outcome(self, asker: Asker, outcome: Outcome) -> None:
        """Say what became of a command."""
        await self.tell(asker, outcome_answer(outcome))
