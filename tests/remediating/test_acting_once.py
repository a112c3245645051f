"""What was approved is done once, whatever hangs, gets lost, moves or dies in between."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bot.adapters.database.store import SqlStore
from bot.domain.approvals import ApprovalState, grant_of
from bot.domain.errors import Temporary
from bot.domain.events import EventKind
from bot.domain.messages import Lease
from bot.domain.remedies import ExecutionState
from bot.ports.readers import Resource
from bot.rehearsal.faults import Fault
from tests.acting import ALICE, CAROL, LEASE_SECONDS, NAMESPACE, VERIFY
from tests.worlds.objects import NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.ports.stores import Transaction
    from tests.acting import Bench


async def test_one_approval_is_one_patch_and_is_watched_to_its_end(bench: Bench) -> None:
    """Granted, applied, verified; the next round finds nothing to do."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.granted(start, incident=incident)
    assert [await start.work(), await start.work()] == [1, 0]
    assert bench.writer.effects == [(approval.id, 6)]
    assert await bench.outcome(approval) == ("succeeded", "6 of 6 pods ready")
    kinds = [event.kind for event in await bench.events(incident)]
    assert kinds[-2:] == [EventKind.REMEDIATION_APPLIED, EventKind.REMEDIATION_SUCCEEDED]
    (applied,) = await bench.events(incident, EventKind.REMEDIATION_APPLIED)
    assert (applied.detail["approval"], applied.detail["digest"]) == (approval.id, approval.digest)


async def test_nothing_is_done_without_a_grant(bench: Bench) -> None:
    """A request alone is no reason to act."""
    start = bench.start()
    await bench.asked(start)
    assert await start.work() == 0
    assert bench.writer.orders == []


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_hanging_patch_is_cut_off_and_looked_up(bench: Bench, *, arrives: bool) -> None:
    """Without an answer in time the world is asked; a PATCH that never came is sent again, with its lock."""
    bench.answers_within = 0.2
    start = bench.start()
    approval = await bench.granted(start)
    if arrives:
        bench.world.faults.switch_on("writer", Fault.LOST_ANSWER, times=1)
        bench.world.faults.switch_on("cluster.get", Fault.HANG, times=1)
    else:
        bench.world.faults.switch_on("writer", Fault.HANG, times=1)
    await start.work()
    assert bench.writer.effects == [(approval.id, 6)]
    assert len(bench.writer.orders) == (1 if arrives else 2)
    assert len(set(bench.writer.orders)) == 1
    assert (await bench.outcome(approval))[0] == ExecutionState.SUCCEEDED


async def test_a_lost_answer_and_a_cluster_that_is_away_need_a_human(bench: Bench) -> None:
    """What the world never tells is not guessed: neither done again nor called done."""
    start = bench.start()
    approval = await bench.granted(start)
    bench.world.faults.switch_on("writer", Fault.LOST_ANSWER)
    bench.world.faults.switch_on("cluster", Fault.SERVER_ERROR)
    await start.work()
    state, sentence = await bench.outcome(approval)
    assert state == ExecutionState.NEEDS_HUMAN
    assert "cannot be told" in sentence
    assert len(bench.writer.orders) == 1


async def test_a_lost_answer_is_looked_up_until_the_world_tells(bench: Bench) -> None:
    """A cluster that is away for a moment after the lost answer does not cost the outcome."""
    start = bench.start()
    approval = await bench.granted(start)
    bench.world.faults.switch_on("writer", Fault.LOST_ANSWER, times=1)
    bench.world.faults.switch_on("cluster", Fault.SERVER_ERROR, times=3)
    await start.work()
    assert (await bench.outcome(approval))[0] == ExecutionState.SUCCEEDED
    assert bench.writer.effects == [(approval.id, 6)]


@pytest.mark.parametrize(
    ("fault", "times", "state", "orders"),
    [
        (Fault.THROTTLED, 2, ExecutionState.SUCCEEDED, 3),
        (Fault.THROTTLED, 99, ExecutionState.FAILED, 5),
        (Fault.SERVER_ERROR, 1, ExecutionState.SUCCEEDED, 2),
        (Fault.FORBIDDEN, 1, ExecutionState.FAILED, 1),
        (Fault.REFUSED, 1, ExecutionState.FAILED, 1),
    ],
)
async def test_refusals_of_the_api_server(
    bench: Bench, fault: Fault, times: int, state: ExecutionState, orders: int
) -> None:
    """429 and 500 are tried again within bounds; a refusal is the end, in words."""
    start = bench.start()
    approval = await bench.granted(start)
    bench.world.faults.switch_on("writer", fault, times=times)
    await start.work()
    found, sentence = await bench.outcome(approval)
    assert (found, len(bench.writer.orders)) == (state, orders)
    assert state is ExecutionState.SUCCEEDED or "nothing was done" in sentence
    assert len(bench.writer.effects) == (state is ExecutionState.SUCCEEDED)


async def test_a_moved_status_is_met_by_another_try(bench: Bench) -> None:
    """409 because the status moved is no change of the object: the plan holds."""
    start = bench.start()
    approval = await bench.granted(start)
    bench.world.state.touch(Resource.DEPLOYMENTS, namespace=NAMESPACE, name=NAME)
    await start.work()
    assert (await bench.outcome(approval))[0] == ExecutionState.SUCCEEDED
    assert bench.writer.effects == [(approval.id, 6)]


async def test_a_changed_object_is_left_alone_and_asked_about_anew(bench: Bench) -> None:
    """Somebody scaled between plan and grant: nothing is done, the new plan waits for a new answer."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.granted(start, incident=incident)
    bench.scale_by_hand(4)
    await start.work()
    state, sentence = await bench.outcome(approval)
    assert (state, bench.writer.effects) == (ExecutionState.FAILED, [])
    assert "4 replicas now, not 3; nothing was done" in sentence
    (again,) = await bench.waiting()
    assert (again.requester, again.incident_id, again.plan.changes[0].before) == (ALICE, incident.id, "4")
    await bench.press(start, again)
    await start.work()
    assert bench.writer.effects == [(again.id, 6)]


async def test_the_new_question_keeps_the_runbook_s_limits(bench: Bench) -> None:
    """What the runbook would not have allowed in the first place is not asked for anew."""
    start = bench.start()
    approval = await bench.granted(start, 6, runbook="careful")
    bench.scale_by_hand(2)
    await start.work()
    assert (await bench.outcome(approval))[0] == ExecutionState.FAILED
    assert await bench.waiting() == []


async def test_nobody_is_asked_anew_beside_a_newer_wish_or_after_the_end(bench: Bench) -> None:
    """A request that waits already stands, and a resolved incident needs no repair."""
    start, incident = bench.start(), await bench.open_incident()
    await bench.granted(start, incident=incident)
    bench.scale_by_hand(4)
    newer = await bench.asked(start, 5, by=CAROL, incident=incident)
    await start.work()
    assert await bench.waiting() == [newer]
    await bench.press(start, newer)
    bench.scale_by_hand(3)
    await bench.resolve(incident)
    await start.work()
    assert (await bench.waiting(), bench.writer.effects) == ([], [])


async def test_the_kill_switch_holds_for_what_was_granted_before(bench: Bench) -> None:
    """Switched off between grant and act: nothing is done, and that is said."""
    start = bench.start()
    approval = await bench.granted(start)
    bench.enabled = False
    await start.work()
    assert await bench.outcome(approval) == ("failed", "remediations are switched off; nothing was done")
    assert bench.writer.orders == []


async def test_the_kill_switch_ends_the_tries(bench: Bench) -> None:
    """Switched off while a throttled PATCH waits for its next try: there is none."""
    start = bench.start()
    approval = await bench.granted(start)
    bench.world.faults.switch_on("writer", Fault.THROTTLED)
    real = bench.clock.sleep

    async def switch_off(seconds: float) -> None:
        bench.enabled = False
        await real(seconds)

    bench.clock.sleep = switch_off  # type: ignore[method-assign]  # the moment between two tries
    await start.work()
    assert (await bench.outcome(approval))[0] == ExecutionState.FAILED
    assert len(bench.writer.orders) == 1


async def test_somebody_else_s_number_ends_the_watch(bench: Bench) -> None:
    """The change was applied, then undone by somebody: no effect, and who it was not."""
    start = bench.start()
    approval = await bench.granted(start)
    real = bench.clock.sleep

    async def undone(seconds: float) -> None:
        bench.scale_by_hand(2)
        await real(seconds)

    bench.clock.sleep = undone  # type: ignore[method-assign]  # the moment between two looks
    await start.work()
    assert await bench.outcome(approval) == ("no_effect", "somebody or something set it to 2 replicas")


async def test_pods_that_never_become_ready_have_no_effect(bench: Bench) -> None:
    """When the time is up the last sight is told."""
    bench.world.state.controller._starts_in = VERIFY * 2
    start = bench.start()
    approval = await bench.granted(start)
    await start.work()
    assert await bench.outcome(approval) == ("no_effect", "time is up: 3 of 6 pods ready")


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.FORBIDDEN])
async def test_what_cannot_be_verified_is_not_called_without_effect(bench: Bench, fault: Fault) -> None:
    """The change was applied, and nobody can look: that needs a human."""
    start = bench.start()
    approval = await bench.granted(start)
    bench.world.faults.switch_on("cluster", fault)
    await start.work()
    state, sentence = await bench.outcome(approval)
    assert (state, sentence.startswith("time is up: ")) == (ExecutionState.NEEDS_HUMAN, True)
    assert bench.writer.effects == [(approval.id, 6)]


async def test_a_stop_in_the_middle_leaves_it_to_the_next_start(bench: Bench) -> None:
    """SIGTERM while the PATCH is under way: claims are given back, the next start takes up at once."""
    bench.writer.gate = asyncio.Event()
    first = bench.start("first")
    approval = await bench.granted(first)
    await first.remediating.begin_due()
    await asyncio.wait_for(bench.writer.entered.wait(), 5)
    await first.remediating.stop()
    assert await first.remediating.begin_due() == 0
    assert (await bench.outcome(approval))[0] == ExecutionState.INTENDED
    bench.writer.gate = None
    assert await bench.start("second").work() == 1
    assert (await bench.outcome(approval))[0] == ExecutionState.SUCCEEDED
    assert bench.writer.effects == [(approval.id, 6)]


async def test_two_replicas_do_it_once(bench: Bench) -> None:
    """Both look at the same moment; one has it, the other finds nothing."""
    starts = [bench.start("first"), bench.start("second")]
    approval = await bench.granted(starts[0])
    assert sorted(await asyncio.gather(*(start.work() for start in starts))) == [0, 1]
    assert bench.writer.effects == [(approval.id, 6)]


@pytest.mark.parametrize(
    ("acted", "then", "state"),
    [
        (True, None, ExecutionState.SUCCEEDED),
        (False, None, ExecutionState.SUCCEEDED),
        (True, 2, ExecutionState.NEEDS_HUMAN),
        (False, 2, ExecutionState.NEEDS_HUMAN),
    ],
)
async def test_after_a_crash_the_world_is_asked_first(
    bench: Bench, *, acted: bool, then: int | None, state: ExecutionState
) -> None:
    """Acted or not, once in all; where somebody scaled since, it cannot be told, so a human is asked."""
    bench.writer.gate = asyncio.Event()
    first = bench.start("first")
    approval = await bench.granted(first)
    await first.remediating.begin_due()
    await asyncio.wait_for(bench.writer.entered.wait(), 5)
    bench.writer.gate = None
    (crashed,) = first.remediating._tasks
    crashed.cancel()
    await asyncio.wait([crashed])
    if acted:
        await bench.writer.edit(grant_of(approval), resource_version=bench.writer.orders[0])
    if then is not None:
        bench.scale_by_hand(then)
    second = bench.start("second")
    assert await second.work() == 0
    bench.pass_time(LEASE_SECONDS)
    assert await second.work() == 1
    assert (await bench.outcome(approval))[0] == state
    assert len(bench.writer.effects) <= 1
    assert (await bench.waiting()) == []


async def test_the_kill_switch_does_not_deny_what_a_crash_left_behind(bench: Bench) -> None:
    """Switched off after an earlier start had acted: it is not called undone."""
    bench.writer.gate = asyncio.Event()
    first = bench.start("first")
    approval = await bench.granted(first)
    await first.remediating.begin_due()
    await asyncio.wait_for(bench.writer.entered.wait(), 5)
    await first.remediating.stop()
    bench.writer.gate = None
    await bench.writer.edit(grant_of(approval), resource_version=bench.writer.orders[0])
    bench.enabled = False
    await bench.start("second").work()
    assert (await bench.outcome(approval))[0] == ExecutionState.SUCCEEDED
    assert bench.writer.effects == [(approval.id, 6)]


@pytest.mark.parametrize("fails", range(1, 7))
async def test_a_store_that_goes_away_for_a_moment_strands_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    """Whichever transaction fails: the same process takes the intent up again and finishes it, once."""
    start = bench.start()
    approval = await bench.granted(start)
    real, count = SqlStore.transaction, [0]

    @asynccontextmanager
    async def flaky(self: SqlStore) -> AsyncIterator[Transaction]:
        count[0] += 1
        if fails < count[0] <= fails + 3:
            raise Temporary("the store is away")
        async with real(self) as tx:
            yield tx

    monkeypatch.setattr(SqlStore, "transaction", flaky)
    await start.work()
    assert count[0] > fails + 3
    assert (await bench.outcome(approval))[0] == ExecutionState.SUCCEEDED
    assert bench.writer.effects == [(approval.id, 6)]


async def test_an_error_of_our_own_is_handed_to_a_human(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug neither vanishes in a task nor leaves the intent claimed for ever."""
    start = bench.start()
    approval = await bench.granted(start)

    def broken(_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(start.remediating._executing, "_verify_within", broken)
    await start.work()
    state, sentence = await bench.outcome(approval)
    assert state == ExecutionState.NEEDS_HUMAN
    assert "an error of its own" in sentence


async def test_a_plan_that_was_tampered_with_is_not_carried_out(bench: Bench) -> None:
    """A row whose plan does not fit its digest gives no grant."""
    start = bench.start()
    approval = await bench.granted(start)
    async with bench.store._database.begin() as link:
        await link.run(text("UPDATE approvals SET body = replace(body, 'replicas\"\\:6', 'replicas\"\\:9')"))
    await start.work()
    state, sentence = await bench.outcome(approval)
    assert (state, bench.writer.orders) == (ExecutionState.NEEDS_HUMAN, [])
    assert "does not match the plan" in sentence


async def test_a_claim_is_given_back_when_the_process_ends(bench: Bench) -> None:
    """What the store says of it: nobody holds anything after a stop."""
    first = bench.start("first")
    approval = await bench.granted(first)
    async with bench.store.transaction() as tx:
        lease = Lease(owner="first", duration=VERIFY)
        assert [one.approval_id for one in await tx.executions.claim(lease, limit=5)] == [approval.id]
    await first.remediating.stop()
    assert (await bench.approval(approval.id)).state is ApprovalState.GRANTED
    assert await bench.start("second").work() == 1
