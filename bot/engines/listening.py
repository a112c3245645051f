"""Noticing that Alertmanager is silent: its heartbeat, the alert that always fires, stays away.

A job by the clock, on one replica a tick. The merging engine keeps the time of each receipt under `BEAT`.
Silence counts from the last beat, and from when the replicas began to listen: right after an installation
nothing was heard yet, and if nothing is heard within the limit of that start, that is silence too, because a
heartbeat that was configured and never came is a route that does not work. Where nobody listened for a while
(the bot was down) listening begins anew, so that the bot's own absence is not told as Alertmanager's.
One notice stands for one absence, over all replicas; the first beat after it ends it, by editing it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.durations import format_duration
from bot.domain.events import Event, EventKind
from bot.domain.heartbeats import SILENCE_NOTICE, Listened, Silence, listen
from bot.domain.messages import MessageKind
from bot.engines.noticing import put_notice
from bot.engines.noting import ending_of

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction

BEAT: Final = "heartbeat/beat"
"""The name of the last receipt's time."""
_LISTENED: Final = "heartbeat/listened"
_SINCE: Final = "heartbeat/listening-since"
_TOLD: Final = "heartbeat/told"
_ENDED: Final = "heartbeat/ended"
_WON: Final = "heartbeat-silence"
_HEARD: Final = "heard-again/"
"""How a notice of the end alone begins: as that of a silence it would call people."""


class Listening:
    """The job. `every` is the distance of its ticks; a gap of several of them means that nobody listened."""

    def __init__(
        self, *, store: Store, ids: Ids, channel: str | None, within: timedelta, every: timedelta
    ) -> None:
        self._store = store
        self._ids = ids
        self._channel = channel
        self._within = within
        self._longest_gap = every * 3

    async def step(self) -> Silence:
        """Listen once; what was found."""
        async with self._store.transaction() as tx:
            known = await self._listened(tx)
            found = listen(known, now=tx.now, within=self._within)
            if found is Silence.SILENT and not await tx.heartbeats.win(_WON, known.since):
                found = Silence.SILENT_STILL
            if found is Silence.SILENT:
                await self._tell(tx, known.since)
            elif found is Silence.BACK and known.told is not None:
                await self._end(tx, known.told, beat=known.beat or tx.now)
        if found is Silence.SILENT:
            telemetry.ALERTMANAGER_SILENCES.inc()
        return found

    async def _listened(self, tx: Transaction) -> Listened:
        beats = tx.heartbeats
        last, since = await beats.last(_LISTENED), await beats.last(_SINCE)
        if last is None or since is None or tx.now - last > self._longest_gap:
            since = tx.now
            await beats.beat(_SINCE, since)
        await beats.beat(_LISTENED, tx.now)
        return Listened(
            beat=await beats.last(BEAT),
            listening_since=since,
            told=await beats.last(_TOLD),
            ended=await beats.last(_ENDED),
        )

    async def _tell(self, tx: Transaction, since: datetime) -> None:
        await tx.heartbeats.beat(_TOLD, tx.now)
        event = await self._append(
            tx,
            _notice_id(tx.now),
            title=f"Alertmanager has been silent since {since:%Y-%m-%d %H:%M} UTC",
            text=(
                f"No heartbeat came for {format_duration(self._within)}, so alerts may not come either. Look "
                "whether Prometheus and Alertmanager run, and whether Alertmanager reaches Lightship."
            ),
        )
        if self._channel is not None:
            await put_notice(tx, self._ids, event, channel=self._channel)

    async def _end(self, tx: Transaction, told: datetime, *, beat: datetime) -> None:
        await tx.heartbeats.beat(_ENDED, tx.now)
        notice = _notice_id(told)
        shown = await tx.messages.find(MessageKind.NOTICE, notice) is not None
        ending = await self._append(
            tx,
            ending_of(notice) if shown else f"{_HEARD}{notice}",
            title="Alertmanager is heard again",
            text=f"Its heartbeat is back since {beat:%Y-%m-%d %H:%M} UTC; the silence was noticed at "
            f"{told:%Y-%m-%d %H:%M} UTC.",
        )
        if shown:
            await tx.messages.touch(MessageKind.NOTICE, notice)
        elif self._channel is not None:
            # The silence lasted longer than notices are kept, or was noticed before there was a channel.
            await put_notice(tx, self._ids, ending, channel=self._channel)

    async def _append(self, tx: Transaction, event_id: str, *, title: str, text: str) -> Event:
        event = Event(
            id=event_id,
            at=tx.now,
            kind=EventKind.NOTICE,
            service="",
            incident_id=None,
            actor=LIGHTSHIP,
            detail={"name": "heartbeat", "title": title, "text": text},
        )
        await tx.events.add(event)
        return event


def _notice_id(told: datetime) -> str:
    """The same for whoever knows when the silence was told, so that its ending finds the notice."""
    return f"{SILENCE_NOTICE}{int(told.timestamp() * 1_000_000)}"
