"""The store itself: one transaction over all tables (`bot.ports.stores.Store`)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from bot.adapters.database.approvals import ApprovalTable
from bot.adapters.database.audit import AuditTable
from bot.adapters.database.deliveries import DeliveryTable, row_of
from bot.adapters.database.drift_reports import DriftReportTable
from bot.adapters.database.drift_runs import DriftRunTable, TrackedRunTable
from bot.adapters.database.drills import DrillTable
from bot.adapters.database.engine import StoreLimits
from bot.adapters.database.escalations import EscalationTable
from bot.adapters.database.events import EventTable
from bot.adapters.database.executions import ExecutionTable
from bot.adapters.database.fallbacks import FallbackTable
from bot.adapters.database.files import FileTable
from bot.adapters.database.findings import FindingTable
from bot.adapters.database.freezes import FreezeTable
from bot.adapters.database.heartbeats import HeartbeatTable
from bot.adapters.database.incidents import IncidentTable
from bot.adapters.database.messages import MessageTable
from bot.adapters.database.opening import make_database
from bot.adapters.database.own_file import OwnFile, sqlite_file
from bot.adapters.database.pruning import PruningTable
from bot.adapters.database.pruning_apart import PruningApartTable
from bot.adapters.database.storms import StormTable
from bot.adapters.database.tables import deliveries
from bot.adapters.database.upgrading import empty_store, upgrade_database
from bot.adapters.database.verifications import VerificationTable
from bot.ports.stores import Transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from bot.adapters.database.engine import Database
    from bot.domain.auditing import Head
    from bot.domain.deliveries import Delivery
    from bot.ports.clock import Clock

_DEFAULTS = StoreLimits()
_ASKED = "store/asked"
_IN_MEMORY = "sqlite+aiosqlite:///:memory:"


class SqlStore:
    """`bot.ports.stores.Store` over SQLite or PostgreSQL. Close it when done."""

    def __init__(self, database: Database, *, audit_key: bytes = b"", file: str = "") -> None:
        self._database = database
        self._file = OwnFile(file)
        self._audit_key = audit_key
        self._listeners: list[Callable[[], None]] = []
        self._auditors: list[Callable[[Head], None]] = []

    def on_due(self, listener: Callable[[], None]) -> None:
        """Call that after each commit of this process that made a message due."""
        self._listeners.append(listener)

    def on_audited(self, listener: Callable[[Head], None]) -> None:
        """Tell that the audit's new head after each commit of this process that appended to it."""
        self._auditors.append(listener)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A read-write transaction: committed when left, rolled back when left with an exception."""
        due: list[str] = []
        head: Head | None = None
        self._file.check()
        async with self._database.begin() as link:
            recorded, audit, shown = EventTable(link), AuditTable(link), MessageTable(link, due)
            yield Transaction(
                now=link.now,
                deliveries=DeliveryTable(link),
                incidents=IncidentTable(link),
                messages=shown,
                approvals=ApprovalTable(link),
                executions=ExecutionTable(link),
                escalations=EscalationTable(link),
                events=recorded,
                audit=audit,
                findings=FindingTable(link),
                files=FileTable(link),
                drift_reports=DriftReportTable(link),
                drift_runs=DriftRunTable(link),
                tracked_runs=TrackedRunTable(link),
                drills=DrillTable(link),
                freezes=FreezeTable(link),
                verifications=VerificationTable(link),
                storms=StormTable(link, shown),
                heartbeats=HeartbeatTable(link),
                fallbacks=FallbackTable(link),
                pruning=PruningTable(link),
                pruning_apart=PruningApartTable(link),
            )
            await shown.mark()
            await recorded.write()
            if recorded.audited:
                head = await audit.append(recorded.audited, key=self._audit_key)
        if head is not None:
            for tell in self._auditors:
                tell(head)
        if due:
            for listener in self._listeners:
                listener()

    async def keep(self, new: Sequence[Delivery]) -> None:
        """Commit webhooks, before whatever else waits."""
        await self._database.insert_first(
            deliveries, lambda now: [row_of(delivery, received_at=now) for delivery in new]
        )
        self._file.check()  # afterwards, as nothing may be answered that is in no file

    async def ping(self, *, writing: bool = False) -> None:
        """Ask for the shortest sign of life.

        SQLite answers from a full disk as from any other, so there something is kept where `writing` asks for
        it. On PostgreSQL replicas would wait for each other at it, and one that is frozen would stop all.
        """
        self._file.check()
        async with self._database.begin() as link:
            if writing and not link.postgres:
                await HeartbeatTable(link).beat(_ASKED, link.now)
            else:
                await link.first(select(text("1")))

    async def upgrade(self) -> None:
        """Bring the tables to this version; safe when several replicas start at once."""
        await upgrade_database(self._database)
        self._file.know()

    async def close(self) -> None:
        """Close every connection."""
        await self._database.dispose()


def connect(url: str, *, clock: Clock, limits: StoreLimits = _DEFAULTS, audit_key: bytes = b"") -> SqlStore:
    """A store at a SQLAlchemy URL; nothing is opened yet. Raises Permanent for a URL that cannot be used."""
    database = make_database(url, clock=clock, limits=limits)
    return SqlStore(database, audit_key=audit_key, file=sqlite_file(url))


def store_in_memory(*, clock: Clock) -> SqlStore:
    """An empty store, its tables in place, that is gone when closed. It works in the event loop."""
    limits = StoreLimits(own_thread=False)
    return SqlStore(make_database(_IN_MEMORY, clock=clock, limits=limits, content=empty_store()))


@asynccontextmanager
async def open_store(
    url: str, *, clock: Clock, limits: StoreLimits = _DEFAULTS, audit_key: bytes = b""
) -> AsyncIterator[SqlStore]:
    """A store with its tables in place, for the time of a block."""
    store = connect(url, clock=clock, limits=limits, audit_key=audit_key)
    try:
        await store.upgrade()
        yield store
    finally:
        await store.close()
