"""Storms, and which messages their digests stand for (`bot.ports.stores.Storms`).

A gathered message keeps the id of its digest and the revision from which that shows it; so it counts as shown
exactly while the chat shows such a revision of the digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, func, or_, select, update

from bot.adapters.database.rows import INCIDENT, STORM
from bot.adapters.database.tables import incidents, messages, storms
from bot.domain.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.adapters.database.engine import Link
    from bot.adapters.database.messages import MessageTable
    from bot.domain.incidents import Incident
    from bot.domain.messages import Message
    from bot.domain.storms import Storm

_INCIDENT: Final = messages.c.kind == MessageKind.INCIDENT.value
_UNPOSTED: Final = and_(messages.c.ts.is_(None), messages.c.intent_at.is_(None))
_ARRIVALS: Final = (
    select(messages.c.channel, func.count().label("new"))
    .where(_INCIDENT, messages.c.created_at > bindparam("since"))
    .group_by(messages.c.channel)
)
_UNCLOSED: Final = (
    select(storms).where(storms.c.closed_at.is_(None)).order_by(storms.c.began_at).with_for_update()
)


@dataclass(frozen=True, slots=True)
class StormTable:
    """Storms of all channels. `shown` writes what a transaction does to messages, in their one order."""

    link: Link
    shown: MessageTable

    async def arrivals(self, *, since: datetime) -> Mapping[str, int]:
        """How many incidents got a message since then, by channel."""
        return {row.channel: row.new for row in await self.link.all(_ARRIVALS, {"since": since})}

    async def unclosed(self) -> tuple[Storm, ...]:
        """Those whose digest can still change, locked until the transaction ends; oldest first."""
        rows = await self.link.all(_UNCLOSED)
        return STORM.load_each(row.body for row in rows)

    async def get(self, storm_id: str) -> Storm | None:
        """By id."""
        row = await self.link.first(select(storms.c.body).where(storms.c.id == storm_id))
        return STORM.load(row.body) if row else None

    async def save(self, storm: Storm) -> None:
        """Insert or update."""
        values: dict[str, Any] = {
            "channel": storm.channel,
            "began_at": storm.began_at,
            "closed_at": storm.closed_at,
            "body": STORM.dump(storm),
        }
        new = self.link.insert(storms).values(id=storm.id, **values)
        await self.link.run(new.on_conflict_do_update(index_elements=[storms.c.id], set_=values))

    async def gather(self, storm: Storm, digest: Message, *, own_critical: int) -> int:
        """Let the digest stand for what is not posted; how many those are. It has to be marked as changed."""
        own = (
            select(messages.c.id)
            .where(
                _INCIDENT,
                messages.c.channel == storm.channel,
                messages.c.created_at >= storm.began_at,
                messages.c.urgency == 1,
                messages.c.digest_of.is_(None),
            )
            .order_by(messages.c.created_at, messages.c.id)
            .limit(own_critical)
        )
        # Locked in the order in which transactions mark what they changed, or one would wait for the other.
        chosen = (
            select(messages.c.id)
            .where(
                _INCIDENT,
                _UNPOSTED,
                messages.c.channel == storm.channel,
                messages.c.digest_of.is_(None),
                messages.c.digest_revision.is_(None),
                or_(messages.c.urgency > 1, messages.c.id.not_in(own)),
            )
            .order_by(messages.c.kind, messages.c.subject)
            .with_for_update()
        )
        gathered = (
            update(messages)
            .where(messages.c.id.in_(chosen))
            .values(digest_of=digest.id, digest_revision=digest.desired_revision + 1)
            .returning(messages.c.id)
        )
        return len(await self.link.all(gathered))

    async def pulse(self, digest_id: str) -> int:
        """A number that moves whenever something gathered there changes."""
        query = select(func.coalesce(func.sum(messages.c.desired_revision), 0).label("pulse")).where(
            messages.c.digest_of == digest_id
        )
        row = await self.link.first(query)
        return int(row.pulse) if row else 0

    async def gathered(self, digest_id: str, *, limit: int) -> tuple[Incident, ...]:
        """The incidents for which a digest stands: open ones first, the worst first, the newest first."""
        is_over = incidents.c.state == "resolved"
        query = (
            select(incidents)
            .join(messages, messages.c.incident_id == incidents.c.id)
            .where(_INCIDENT, messages.c.digest_of == digest_id)
            .order_by(is_over, incidents.c.severity, incidents.c.opened_at.desc(), incidents.c.id.desc())
            .limit(limit)
        )
        return tuple(INCIDENT.load(row.body, id=row.id) for row in await self.link.all(query))

    async def let_go(self, incident_id: int, *, for_good: bool = True) -> bool:
        """An incident gets its own message, once the transaction ends; False where it has one already."""
        gathered = select(messages.c.id).where(
            _INCIDENT, messages.c.incident_id == incident_id, messages.c.digest_of.is_not(None)
        )
        if await self.link.first(gathered) is None:
            return False
        self.shown.leave_digest(incident_id, for_good=for_good)
        return True
