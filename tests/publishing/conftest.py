"""A publisher over a store in memory and a chat that fails as told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.messages import MessageKind, Pace
from bot.engines.publishing import Publishing, PublishLimits
from bot.ports.notifier import RenderedMessage
from bot.testing import FrozenClock, MemoryChat
from tests.making import make_message
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.adapters.database import SqlStore
    from bot.domain.messages import Message
    from bot.engines.delivering import Outcome
    from bot.ports.stores import Store, Transaction

LIMITS = PublishLimits(
    pace=Pace(channel_interval=timedelta(seconds=1), edit_interval=timedelta(seconds=2), edit_burst=5),
    grace=timedelta(seconds=1),
)


@dataclass(kw_only=True)
class Stage:
    """The store, the chat, and publishers between them; `words` is the state that messages show."""

    store: SqlStore
    clock: FrozenClock
    chat: MemoryChat
    words: dict[str, str]
    publisher: Publishing

    def another(self, owner: str) -> Publishing:
        """One more publisher, as of another replica."""
        return make_publisher(self, owner)

    async def compose(self, tx: Transaction, message: Message) -> RenderedMessage:
        """What a message shows: the words of its subject, with a block."""
        assert tx.now
        text = self.words.get(message.subject, message.subject)
        return RenderedMessage(text=text, blocks=({"type": "divider"},))

    async def put(self, subject: str, **changes: object) -> Message:
        """A message that is to be shown."""
        message = make_message(subject, **changes)
        async with self.store.transaction() as tx:
            await tx.messages.put(message)
        return message

    async def change(self, subject: str, words: str) -> None:
        """What a message shows changes."""
        self.words[subject] = words
        async with self.store.transaction() as tx:
            await tx.messages.touch(MessageKind.NOTICE, subject)

    async def steps(
        self, *, seconds: int, publisher: Publishing | None = None, every: int = 1
    ) -> list[Outcome]:
        """Publish once a second (or every so many seconds) for so long."""
        outcomes: list[Outcome] = []
        for _ in range(0, seconds, every):
            outcomes += await (publisher or self.publisher).step()
            await self.clock.advance(seconds=every)
        return outcomes

    def texts(self, channel: str = "C0CHURN") -> list[str]:
        """What the channel shows."""
        return [one.message.text for one in self.chat.in_channel(channel)]

    async def undelivered(self) -> list[Message]:
        """What the chat does not show in its latest state."""
        async with self.store.transaction() as tx:
            return list(await tx.messages.undelivered())


def make_publisher(stage: Stage, owner: str, *, store: Store | None = None) -> Publishing:
    """A publisher of that name, over the stage's store or one put before it."""
    return Publishing(
        store=store or stage.store,
        notifier=stage.chat,
        clock=stage.clock,
        compose=stage.compose,
        owner=owner,
        limits=LIMITS,
    )


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A fresh one."""
    clock = FrozenClock()
    async with open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store:
        chat = MemoryChat()
        made = Stage(store=store, clock=clock, chat=chat, words={}, publisher=None)  # type: ignore[arg-type]  # next line
        made.publisher = make_publisher(made, "one")
        yield made
