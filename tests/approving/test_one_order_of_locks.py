"""An incident is locked before its requests, whoever answers them: else two replicas wait in a ring."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.adapters.database.approvals import ApprovalTable
from bot.adapters.database.incidents import IncidentTable
from bot.domain.approvals import DecisionWord
from tests.acting import LIFETIME

if TYPE_CHECKING:
    from bot.adapters.database.engine import Link
    from bot.domain.approvals import Approval
    from bot.domain.incidents import Incident
    from tests.acting import Bench

Locks = list[tuple[int, str, int]]


@pytest.fixture
def locks(monkeypatch: pytest.MonkeyPatch) -> Locks:
    """What is locked, in this order: the transaction, which table, and of which incident."""
    found: Locks = []
    links: list[Link] = []  # kept, so that no two of them have one number
    get, change = IncidentTable.get, ApprovalTable.replace

    def of(link: Link) -> int:
        links.append(link)
        return id(link)

    async def getting(self: IncidentTable, incident_id: int) -> Incident | None:
        found.append((of(self.link), "incident", incident_id))
        return await get(self, incident_id)

    async def replacing(self: ApprovalTable, approval: Approval) -> bool:
        found.append((of(self.link), "request", approval.incident_id or 0))
        return await change(self, approval)

    monkeypatch.setattr(IncidentTable, "get", getting)
    monkeypatch.setattr(ApprovalTable, "replace", replacing)
    return found


def held(locks: Locks) -> list[list[tuple[str, int]]]:
    """The locks of each transaction that changed a request, each once, in their order."""
    each: dict[int, dict[tuple[str, int], None]] = {}
    for link, table, number in locks:
        each.setdefault(link, {})[(table, number)] = None
    return [list(taken) for taken in each.values() if any(table == "request" for table, _ in taken)]


@pytest.mark.parametrize("word", [DecisionWord.APPROVE, DecisionWord.DENY])
async def test_an_answer_locks_the_incident_first(bench: Bench, locks: Locks, word: DecisionWord) -> None:
    """A grant and a denial alike."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    locks.clear()
    await bench.press(start, approval, word)
    assert held(locks) == [[("incident", incident.id), ("request", incident.id)]]


async def test_expiry_locks_one_incident_at_a_time_and_first(bench: Bench, locks: Locks) -> None:
    """Requests of two incidents that expire in one tick never hold both incidents."""
    start = bench.start()
    incidents = [await bench.open_incident() for _ in range(2)]
    first = await bench.asked(start, incident=incidents[0])
    async with bench.store.transaction() as tx:
        # For the same object two would not both wait.
        await tx.approvals.add(replace(first, id="another", incident_id=incidents[1].id))
    bench.pass_time(LIFETIME.total_seconds() + 1)
    locks.clear()
    assert await start.deciding.expire_due() == 2
    assert sorted(held(locks)) == [[("incident", one.id), ("request", one.id)] for one in incidents]


async def test_a_request_that_gives_way_is_locked_after_its_incident(bench: Bench, locks: Locks) -> None:
    """Also where a newer request takes its place."""
    start, incident = bench.start(), await bench.open_incident()
    await bench.asked(start, 5, incident=incident)
    locks.clear()
    await bench.asked(start, 6, incident=incident)
    assert held(locks) == [[("incident", incident.id), ("request", incident.id)]]
