"""Incidents with their alerts (`bot.ports.stores.Incidents`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, bindparam, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from bot.adapters.database.rows import INCIDENT, KEY
from bot.adapters.database.tables import incidents
from bot.domain.incidents import IncidentState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row, Select

    from bot.adapters.database.engine import Link
    from bot.domain.incidents import Incident, IncidentKey


@dataclass(frozen=True, slots=True)
class IncidentTable:
    """Incidents; one row each, the alerts within."""

    link: Link

    async def lock(self, keys: Sequence[IncidentKey]) -> None:
        """Hold other replicas off. Sorted, so that two of them never wait for each other in a ring.

        SQLite has one writer, which holds the whole store already.
        """
        if not self.link.postgres:
            return
        numbers = sorted({_lock_number(key) for key in keys})
        if numbers:
            each = func.unnest(cast(numbers, ARRAY(BigInteger))).column_valued("number")
            await self.link.run(select(func.pg_advisory_xact_lock(each)))

    async def newest(self, key: IncidentKey) -> Incident | None:
        """The latest incident with that key."""
        query = select(incidents).where(incidents.c.key_hash == key_hash(key))
        row = await self.link.first(query.order_by(incidents.c.id.desc()).limit(1).with_for_update())
        return _incident(row) if row else None

    async def newest_of(self, keys: Sequence[IncidentKey]) -> Mapping[IncidentKey, Incident]:
        """The latest of each key, locked in the order of their numbers."""
        hashes = {key_hash(key): key for key in keys}
        if not hashes:
            return {}
        newest = select(func.max(incidents.c.id)).where(incidents.c.key_hash.in_(list(hashes)))
        query = select(incidents).where(incidents.c.id.in_(newest.group_by(incidents.c.key_hash)))
        rows = await self.link.all(query.order_by(incidents.c.id).with_for_update())
        return {hashes[row.key_hash]: _incident(row) for row in rows}

    async def get(self, incident_id: int) -> Incident | None:
        """By number, locked."""
        row = await self.link.first(_TO_CHANGE, {"number": incident_id})
        return _incident(row) if row else None

    async def peek(self, incident_id: int) -> Incident | None:
        """By number, not locked."""
        row = await self.link.first(_BY_NUMBER, {"number": incident_id})
        return _incident(row) if row else None

    async def save(self, incident: Incident) -> Incident:
        """Insert or update."""
        columns = _columns(incident)
        if incident.id:
            await self.link.run(_CHANGE, {"number": incident.id, **columns})
            return incident
        row = await self.link.first(_NEW, columns)
        return replace(incident, id=row.id) if row else incident

    async def update_all(self, changed: Sequence[Incident]) -> None:
        """Write them."""
        if changed:
            await self.link.run(_CHANGE, [{"number": one.id, **_columns(one)} for one in changed])

    async def unresolved(
        self, *, service: str | None = None, limit: int | None = None
    ) -> tuple[Incident, ...]:
        """Worst and oldest first."""
        everything, some = _UNRESOLVED if service is None else _UNRESOLVED_OF
        rows = await self.link.all(everything if limit is None else some, {"of": service, "most": limit})
        return tuple(_incident(row) for row in rows)

    async def unresolved_ids(self, *, service: str, limit: int) -> tuple[int, ...]:
        """Their numbers alone."""
        rows = await self.link.all(_UNRESOLVED_IDS, {"of": service, "most": limit})
        return tuple(row.id for row in rows)

    async def recent(self, *, service: str | None = None, limit: int = 20) -> tuple[Incident, ...]:
        """The newest ones."""
        query = _of(service, select(incidents)).order_by(incidents.c.id.desc()).limit(limit)
        return tuple(_incident(row) for row in await self.link.all(query))


def _columns(incident: Incident) -> dict[str, Any]:
    return {
        "key_hash": key_hash(incident.key),
        "service": incident.key.service,
        "state": incident.state.value,
        "severity": incident.severity.rank,
        "opened_at": incident.opened_at,
        "revision": incident.revision,
        "body": INCIDENT.dump(incident),
    }


def key_hash(key: IncidentKey) -> str:
    """What an index can hold: group keys grow as long as their labels."""
    return sha256(KEY.dump(key).encode()).hexdigest()


def _lock_number(key: IncidentKey) -> int:
    return int.from_bytes(bytes.fromhex(key_hash(key))[:8], "big", signed=True)


def _of(service: str | None, query: Select[Any]) -> Select[Any]:
    return query if service is None else query.where(incidents.c.service == service)


def _worst_first(query: Select[Any]) -> Select[Any]:
    open_states = [state.value for state in IncidentState if state is not IncidentState.RESOLVED]
    return query.where(incidents.c.state.in_(open_states)).order_by(
        incidents.c.severity, incidents.c.opened_at, incidents.c.id
    )


def _incident(row: Row[Any]) -> Incident:
    return replace(INCIDENT.load(row.body), id=row.id)


_BY_NUMBER: Final = select(incidents).where(incidents.c.id == bindparam("number"))
_TO_CHANGE: Final = _BY_NUMBER.with_for_update()
_CHANGE: Final = update(incidents).where(incidents.c.id == bindparam("number"))
_NEW: Final = insert(incidents).returning(incidents.c.id)
_OF_SERVICE: Final = incidents.c.service == bindparam("of")
_MOST: Final = bindparam("most", type_=Integer)
_ALL: Final = _worst_first(select(incidents))
_UNRESOLVED: Final = (_ALL, _ALL.limit(_MOST))
_UNRESOLVED_OF: Final = (_ALL.where(_OF_SERVICE), _ALL.where(_OF_SERVICE).limit(_MOST))
_UNRESOLVED_IDS: Final = _worst_first(select(incidents.c.id).where(_OF_SERVICE)).limit(_MOST)
