from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.approvals import grant_of
from bot.domain.commands import RequestRemediation
from bot.domain.messages import Lease
from bot.domain.remedies import Action, ExecutionState
from bot.engines import executing
from bot.ports.readers import Resource
from bot.rehearsal.faults import Fault
from tests.acting import ALICE, NAMESPACE
from tests.planning import ask, undo_of
from tests.worlds.objects import cron_job

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from bot.domain.remedies import RemediationRequest
    from tests.acting import Bench, Start

TRAINING = "training-pipeline"


async def asked(bench: Bench, start: Start, wish: RemediationRequest) -> Approval:
    """Somebody asks for it, and the request waits."""
    outcome = await start.approving.request(RequestRemediation(request=wish, actor=ALICE))
    waiting = await bench.waiting()
    assert waiting, outcome
    return waiting[-1]


async def granted(bench: Bench, start: Start) -> Approval:
    """A training that was approved and not yet begun."""
    bench.world.state.put(cron_job(NAMESPACE))
    wish = ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name=TRAINING)
    approval = await asked(bench, start, wish)
    await bench.press(start, approval)
    return await bench.approval(approval.id)


async def jobs(bench: Bench) -> int:
    """How many Jobs there are."""
    return len(await bench.world.cluster.list(Resource.JOBS, namespace=NAMESPACE))


async def test_a_training_is_watched_for_as_long_as_it_takes(bench: Bench) -> None:
    """A Job that runs longer than a rollout may is no failure; its end is told."""
    bench.world.state._jobs_take = timedelta(hours=2)
    start = bench.start()
    approval = await granted(bench, start)
    await start.work()
    assert await bench.outcome(approval) == (ExecutionState.SUCCEEDED.value, "the Job is complete")
    assert await jobs(bench) == 1


async def died_after_its_mark(bench: Bench) -> Approval:
    """The bot committed that it begins, and was killed; it lets its claim run out."""
    approval = await granted(bench, bench.start())
    async with bench.store.transaction() as tx:
        (claimed,) = await tx.executions.claim(Lease(owner="dead", duration=timedelta(minutes=1)), limit=1)
        assert await tx.executions.move(
            replace(claimed, begun_at=tx.now), was=ExecutionState.INTENDED, owner="dead"
        )
    return approval


async def test_a_job_that_was_never_made_is_made_after_the_crash(bench: Bench) -> None:
    """Within the request's life, and no event tells of such a Job: it is made, once."""
    approval = await died_after_its_mark(bench)
    bench.pass_time(61)
    await bench.start("second").work()
    assert await bench.outcome(approval) == (ExecutionState.SUCCEEDED.value, "the Job is complete")
    assert await jobs(bench) == 1


async def test_a_job_that_is_gone_asks_a_human(bench: Bench) -> None:
    """It ran, or began to, and somebody removed it: an event still tells, and none is made."""
    approval = await died_after_its_mark(bench)
    await bench.world.writer.create(grant_of(approval))
    (job,) = await bench.world.cluster.list(Resource.JOBS, namespace=NAMESPACE)
    bench.world.state.store.remove(("batch/v1", "Job", NAMESPACE, job["metadata"]["name"]))
    bench.pass_time(61)
    await bench.start("second").work()
    state, words = await bench.outcome(approval)
    assert (state, "somebody removed it since" in words) == (ExecutionState.NEEDS_HUMAN.value, True)
    assert await jobs(bench) == 0


@pytest.mark.parametrize("seconds", [30 * 60, 24 * 3600])
async def test_later_nobody_can_tell_whether_a_job_was_made(bench: Bench, seconds: int) -> None:
    """Once the request's life is over events may be gone: a human is asked."""
    approval = await died_after_its_mark(bench)
    bench.pass_time(seconds)
    await bench.start("second").work()
    state, words = await bench.outcome(approval)
    assert (state, "never made, or it was removed" in words) == (ExecutionState.NEEDS_HUMAN.value, True)
    assert await jobs(bench) == 0


async def test_without_the_right_to_see_events_a_human_is_asked(bench: Bench) -> None:
    """What cannot be looked at proves nothing; the missing right is named."""
    approval = await died_after_its_mark(bench)
    bench.world.faults.switch_on("cluster.list.events", Fault.FORBIDDEN)
    bench.pass_time(61)
    await bench.start("second").work()
    state, words = await bench.outcome(approval)
    assert (state, "list events" in words) == (ExecutionState.NEEDS_HUMAN.value, True), words
    assert await jobs(bench) == 0


async def test_the_kill_switch_keeps_a_job_from_being_made_after_a_crash(bench: Bench) -> None:
    """Switched off meanwhile: that it was never made is said, and it is not made."""
    approval = await died_after_its_mark(bench)
    bench.enabled = False
    bench.pass_time(61)
    await bench.start("second").work()
    assert (await bench.outcome(approval))[0] == ExecutionState.FAILED.value
    assert await jobs(bench) == 0


async def test_a_running_job_is_cancelled_by_an_undo(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The undo of a Job is asked for and approved like anything else, and ends it."""
    bench.world.state._jobs_take = timedelta(days=2)
    monkeypatch.setattr(executing, "JOBS_WITHIN", timedelta(minutes=20))
    start = bench.start()
    approval = await granted(bench, start)
    await start.work()
    assert (await bench.outcome(approval))[0] == ExecutionState.NO_EFFECT.value
    cancel = await asked(bench, start, undo_of(approval.plan, approval.id))
    assert cancel.plan.target.kind == "Job"
    await bench.press(start, cancel)
    await start.work()
    assert await bench.outcome(cancel) == (ExecutionState.SUCCEEDED.value, "the Job is cancelled")
