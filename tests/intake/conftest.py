"""A store in memory and the two loops over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bot.domain.incidents import Classification, IntakeRules
from bot.domain.routing import Destination
from bot.domain.severity import Severity
from bot.engines.merging import Merging
from bot.testing import FrozenClock, SequentialIds
from tests.making import make_delivery
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from bot.adapters.database import SqlStore
    from bot.domain.alerts import Alert, AlertGroup
    from bot.domain.events import Event
    from bot.domain.incidents import Incident
    from bot.domain.messages import Message

RULES = IntakeRules(resolve_settle=timedelta(seconds=60), reopen_within=timedelta(minutes=15))


def classify(alert: Alert) -> Classification:
    """By the label; an alert called `Poison` cannot be classified."""
    if alert.name == "Poison":
        raise ZeroDivisionError
    return Classification(severity=Severity.from_label(alert.labels.get("severity")), runbook=alert.name)


def route(labels: Mapping[str, str]) -> Destination | None:
    """Two services with a channel each."""
    service = labels.get("service", "")
    return Destination(service=service, channel=f"C-{service}") if service in {"churn", "billing"} else None


@dataclass(kw_only=True)
class Ledger:
    """The loop that merges, its clock, and looks into the store."""

    store: SqlStore
    clock: FrozenClock
    merging: Merging
    opened: list[int] = field(default_factory=list)

    async def tell(self, *groups: AlertGroup) -> None:
        """Let webhooks come in now and be merged."""
        async with self.store.transaction() as tx:
            await tx.deliveries.add([make_delivery(group, received_at=tx.now) for group in groups])
        await self.merging.step()

    async def incidents(self) -> tuple[Incident, ...]:
        """All of them, the newest first."""
        async with self.store.transaction() as tx:
            return await tx.incidents.recent()

    async def events(self, incident_id: int) -> list[Event]:
        """An incident's events."""
        async with self.store.transaction() as tx:
            return list(await tx.events.of_incident(incident_id))

    async def due(self) -> Sequence[Message]:
        """What is to be shown."""
        async with self.store.transaction() as tx:
            return await tx.messages.undelivered()

    async def show_all(self) -> None:
        """Say that everything is shown."""
        async with self.store._database.begin() as link:
            await link.run(text("UPDATE messages SET posted_revision = desired_revision"))


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    """A fresh one, with a default channel."""
    clock = FrozenClock()
    opened: list[int] = []
    async with open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store:
        merging = Merging(
            store=store,
            clock=clock,
            ids=SequentialIds(),
            routing=route,
            classify=classify,
            rules=RULES,
            default_channel="C-default",
            on_opened=opened.extend,
        )
        yield Ledger(store=store, clock=clock, merging=merging, opened=opened)
