"""One digest in place of many first messages while a channel is in a storm; by the clock, and on a press.

Run by the scheduler on one replica a tick. What was not posted yet is gathered in the transaction that marks
the digest as changed, so an incident is always in its own message, in the digest, or counted as undelivered.
After the storm nothing is posted late: what was gathered stays in the digest, which goes on saying how it
stands, and anybody can open one. The publisher keeps the pace, as for all messages.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bot import telemetry
from bot.domain.commands import Outcome, OutcomeReason
from bot.domain.incidents import IncidentState
from bot.domain.messages import Message, MessageKind
from bot.domain.storms import Storm, Weather, weather
from bot.engines.noting import show
from bot.engines.responding import no_such_incident

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.domain.storms import StormRules
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction

MOST_GATHERED: Final = 5_000


class Gathering:
    """The job, and opening one incident. `on_opened` is told of those that got their own message."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        rules: StormRules,
        on_opened: Callable[[Sequence[int]], None],
    ) -> None:
        self._store = store
        self._ids = ids
        self._rules = rules
        self._on_opened = on_opened

    async def step(self) -> int:
        """Look once; how many incidents were gathered."""
        gathered = 0
        async with self._store.transaction() as tx:
            storms = await tx.storms.unclosed()
            new = await tx.storms.arrivals(since=tx.now - self._rules.window)
            raging = {storm.channel for storm in storms if storm.ended_at is None}
            for channel in sorted(set(new) - raging):
                if weather(None, new[channel], now=tx.now, rules=self._rules)[0] is Weather.BEGINS:
                    gathered += await self._begin(tx, channel)
            for storm in storms:
                gathered += await self._follow(tx, storm, new.get(storm.channel, 0))
        telemetry.GATHERED.inc(gathered)
        return gathered

    async def open(self, incident_id: int) -> Outcome:
        """Give one incident its own message; its checks run then."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.get(incident_id)
            if incident is None:
                return no_such_incident(incident_id)
            freed = await tx.storms.let_go(incident_id)
            await show(tx, self._ids, incident)
        if not freed:
            words = f"Incident #{incident_id} has its own message in this channel."
            return Outcome(reason=OutcomeReason.ALREADY, sentence=words)
        self._on_opened((incident_id,))
        words = f"Incident #{incident_id} gets its own message in this channel, and its checks run."
        return Outcome(reason=OutcomeReason.DONE, sentence=words)

    async def _begin(self, tx: Transaction, channel: str) -> int:
        storm = Storm(id=self._ids.new(), channel=channel, began_at=tx.now - self._rules.window)
        digest = Message(
            id=self._ids.new(),
            kind=MessageKind.DIGEST,
            subject=storm.id,
            channel=channel,
            thread_of=None,
            incident_id=None,
            urgency=0,
            desired_revision=0,
            created_at=tx.now,
        )
        await tx.storms.save(storm)
        await tx.messages.put(digest)
        telemetry.STORMS.inc()
        return await self._gather(tx, storm, storm, digest)

    async def _follow(self, tx: Transaction, storm: Storm, new: int) -> int:
        digest = await tx.messages.find(MessageKind.DIGEST, storm.id)
        if digest is None:
            return 0
        if storm.ended_at is None:
            turn, after = weather(storm, new, now=tx.now, rules=self._rules)
            if turn is not Weather.ENDS:
                return await self._gather(tx, storm, after or storm, digest)
            return await self._settle(tx, storm, after or storm, digest)
        return await self._settle(tx, storm, storm, digest)

    async def _gather(self, tx: Transaction, before: Storm, storm: Storm, digest: Message) -> int:
        gathered = await tx.storms.gather(storm, digest, own_critical=self._rules.own_critical)
        await self._keep(tx, before, storm, digest, changed=gathered > 0)
        return gathered

    async def _settle(self, tx: Transaction, before: Storm, storm: Storm, digest: Message) -> int:
        """After its end: show what changes, and close it once all that it gathered is over."""
        found = await tx.storms.gathered(digest.id, limit=1)
        if not found or found[0].state is IncidentState.RESOLVED:
            storm = replace(storm, closed_at=tx.now)
        await self._keep(tx, before, storm, digest, changed=storm != before)
        return 0

    async def _keep(
        self, tx: Transaction, before: Storm, storm: Storm, digest: Message, *, changed: bool
    ) -> None:
        """Save it where it differs, and mark the digest where that is to say something else."""
        storm = replace(storm, pulse=await tx.storms.pulse(digest.id))
        if changed or storm.pulse != before.pulse:
            await tx.messages.touch(MessageKind.DIGEST, storm.id)
        if storm != before:
            await tx.storms.save(storm)
