"""Many webhooks in one transaction: the same incidents as one after another, and a bound on what it takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.clock import OrderedIds
from bot.domain.alerts import AlertStatus
from bot.engines.merging import MergeLimits, Merging
from bot.testing import START
from tests.intake.conftest import RULES, classify, route
from tests.making import make_alert, make_delivery, make_group

if TYPE_CHECKING:
    from bot.domain.alerts import AlertGroup
    from bot.domain.incidents import IncidentState
    from tests.intake.conftest import Ledger


async def left(ledger: Ledger) -> int:
    """Webhooks in the ledger."""
    async with ledger.store.transaction() as tx:
        return (await tx.deliveries.backlog()).waiting


def told(number: int) -> AlertGroup:
    """One of many groups."""
    return make_group(make_alert(pod=str(number)), key=f"group-{number}")


async def test_repeats_are_merged_in_ever_larger_batches(ledger: Ledger) -> None:
    """Each transaction takes twice as many as the one before as long as nothing new is said."""
    await ledger.tell(told(1))
    async with ledger.store.transaction() as tx:
        await tx.deliveries.add([make_delivery(told(1), received_at=tx.now) for _ in range(60)])
    assert [await ledger.merging.step() for _ in range(5)] == [4, 8, 16, 32, 0]


async def test_a_transaction_ends_early_where_much_changes(ledger: Ledger) -> None:
    """After as many new incidents as its weight allows the rest waits for the next one, in its order."""
    await ledger.tell(told(0))
    async with ledger.store.transaction() as tx:
        await tx.deliveries.add([make_delivery(told(0), received_at=tx.now) for _ in range(12)])
        await tx.deliveries.add([make_delivery(told(number), received_at=tx.now) for number in range(1, 10)])
    merged = [await ledger.merging.step() for _ in range(5)]
    assert sum(merged) == 21
    assert max(merged[2:]) == 4
    assert [one.key.group_key for one in await ledger.incidents()] == [
        f"group-{number}" for number in reversed(range(10))
    ]


async def test_the_last_telling_of_a_batch_is_what_is_kept(ledger: Ledger) -> None:
    """A repeat, a change and a repeat of one group in one transaction leave the times of the last."""
    await ledger.tell(told(1))
    await ledger.clock.advance(seconds=30)
    worse = replace(told(1), alerts=(make_alert(pod="1"), make_alert(pod="2")))
    await ledger.tell(told(1), worse, told(1))
    (incident,) = await ledger.incidents()
    assert [one.last_firing for one in incident.alerts] == [START + timedelta(seconds=30)] * 2
    assert incident.revision == 2
    assert await left(ledger) == 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tellings=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(AlertStatus), st.integers(0, 90)),
        max_size=16,
    )
)
async def test_many_at_once_make_the_incidents_of_one_after_another(
    ledger: Ledger, tellings: list[tuple[int, int, AlertStatus, int]]
) -> None:
    """Whatever is told of a few groups: state, alerts and their times do not depend on the batches."""
    assert await merged(ledger, tellings, at_once=1) == await merged(ledger, tellings, at_once=50)


async def merged(
    ledger: Ledger, tellings: list[tuple[int, int, AlertStatus, int]], *, at_once: int
) -> list[tuple[str, IncidentState, str, int]]:
    """What becomes of tellings (group, pod, status, seconds), so many a transaction."""
    merging = Merging(
        store=ledger.store,
        clock=ledger.clock,
        ids=OrderedIds(),
        routing=route,
        classify=classify,
        rules=RULES,
        default_channel=None,
        on_opened=lambda _numbers: None,
        limits=MergeLimits(first=at_once, batch=at_once, weight=10_000),
    )
    run = OrderedIds().new()
    async with ledger.store.transaction() as tx:
        await tx.deliveries.add(
            [
                make_delivery(
                    make_group(make_alert(pod=str(pod), status=status), key=str(group), source=run),
                    received_at=tx.now + timedelta(seconds=seconds),
                )
                for group, pod, status, seconds in tellings
            ]
        )
    while await merging.step():
        pass
    async with ledger.store.transaction() as tx:
        found = [one for one in await tx.incidents.recent() if one.key.source == run]
    return sorted((one.key.group_key, one.state, repr(one.alerts), one.revision) for one in found)
