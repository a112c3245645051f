"""Finding our own messages in the chat again, by the id in their metadata; used where messages are shown.

A post may have happened although its answer never came. What is in the chat decides, not what is remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bot.domain.messages import Message
    from bot.ports.message_stores import Claimed
    from bot.ports.notifier import Notifier
    from bot.ports.stores import Store


class LookingUp:
    """Looks messages up. `clock_difference` is how far the chat's clock may be from the store's."""

    def __init__(self, *, store: Store, notifier: Notifier, clock_difference: timedelta) -> None:
        self._store = store
        self._notifier = notifier
        self._difference = clock_difference

    async def find_one(self, claimed: Claimed, *, since: datetime) -> str | None:
        """The message in the chat; where it is there more than once, all but the oldest are removed."""
        found = await self._find(claimed.message, thread=claimed.thread_ts, since=since)
        for extra in found[1:]:
            await self._notifier.delete(channel=claimed.message.channel, ts=extra)
        return found[0] if found else None

    async def remove_others(self, claimed: Claimed, *, keep: str) -> None:
        """Remove every copy but that one."""
        message = claimed.message
        for ts in await self._find(message, thread=claimed.thread_ts, since=message.created_at):
            if ts != keep:
                await self._notifier.delete(channel=message.channel, ts=ts)

    async def forget_lost_parent(self, claimed: Claimed) -> None:
        """The thread is gone, because somebody deleted its first message: that one has to be posted anew."""
        async with self._store.transaction() as tx:
            parent = await tx.messages.get(claimed.message.thread_of or "")
        if parent is None:
            return
        if not await self._find(parent, thread=None, since=parent.created_at):
            async with self._store.transaction() as tx:
                await tx.messages.forget(parent.id)

    async def _find(self, message: Message, *, thread: str | None, since: datetime) -> tuple[str, ...]:
        return await self._notifier.find(
            channel=message.channel, thread=thread, message_id=message.id, since=since - self._difference
        )
