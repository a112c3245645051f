"""A replica that is frozen in the middle and thaws: what another one did or told since then stands."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.domain.remedies import ExecutionState
from tests.acting import LEASE_SECONDS

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.approvals import Grant
    from tests.acting import Bench


async def test_a_frozen_replica_that_thaws_does_nothing_twice(bench: Bench) -> None:
    """Its claim ran out in the middle of the PATCH; another did it; the late PATCH meets the lock."""
    bench.writer.gate = gate = asyncio.Event()
    frozen, other = bench.start("frozen"), bench.start("other")
    approval = await bench.granted(frozen)
    await frozen.remediating.begin_due()
    await asyncio.wait_for(bench.writer.entered.wait(), 5)
    bench.pass_time(LEASE_SECONDS)
    bench.writer.gate = None
    assert await other.work() == 1
    gate.set()
    await frozen.remediating.settled()
    assert bench.writer.effects == [(approval.id, 6)]
    assert len(bench.writer.orders) == 2
    assert (await bench.outcome(approval))[0] == ExecutionState.SUCCEEDED


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_replica_that_was_frozen_before_the_call_does_not_make_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, stopped: bool
) -> None:
    """Another one did it meanwhile, or has told that nothing was done because everything was stopped."""
    frozen, other = bench.start("frozen"), bench.start("other")
    approval = await bench.granted(frozen)
    executing = frozen.remediating._executing
    hold_really, thawed = executing._hold_on, [False]

    async def hold_and_freeze(grant: Grant) -> datetime:
        now = await hold_really(grant)
        if not thawed[0]:
            thawed[0] = True
            bench.pass_time(LEASE_SECONDS)
            bench.enabled = not stopped
            assert await other.work() == 1
            bench.enabled = True
        return now

    monkeypatch.setattr(executing, "_hold_on", hold_and_freeze)
    await frozen.work()
    assert thawed[0]
    state, sentence = await bench.outcome(approval)
    if stopped:
        assert (state, bench.writer.orders) == (ExecutionState.FAILED, [])
        assert "was not scaled" in sentence
    else:
        assert (state, bench.writer.effects) == (ExecutionState.SUCCEEDED, [(approval.id, 6)])
        assert len(bench.writer.orders) == 1


async def test_a_replica_that_thaws_while_all_is_stopped_does_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody took over, and the claim is still its own; but the switch was thrown meanwhile."""
    start = bench.start()
    approval = await bench.granted(start)
    executing = start.remediating._executing
    hold_really = executing._hold_on

    async def hold_and_freeze(grant: Grant) -> datetime:
        now = await hold_really(grant)
        if bench.enabled:
            bench.pass_time(LEASE_SECONDS)
            bench.enabled = False
        return now

    monkeypatch.setattr(executing, "_hold_on", hold_and_freeze)
    await start.work()
    state, sentence = await bench.outcome(approval)
    assert (state, bench.writer.orders) == (ExecutionState.FAILED, [])
    assert "all actions were stopped meanwhile" in sentence
