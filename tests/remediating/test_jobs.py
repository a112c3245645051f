from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.commands import RequestRemediation
from bot.domain.messages import Lease
from bot.domain.remedies import Action, ExecutionState
from bot.ports.readers import Resource
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


async def test_a_job_that_is_gone_asks_a_human(bench: Bench) -> None:
    """When the bot died after its mark and there is no Job, none is made: it may have run already."""
    start = bench.start()
    approval = await granted(bench, start)
    async with bench.store.transaction() as tx:
        (claimed,) = await tx.executions.claim(Lease(owner="dead", duration=timedelta(minutes=1)), limit=1)
        assert await tx.executions.move(
            replace(claimed, begun_at=tx.now), was=ExecutionState.INTENDED, owner="dead"
        )
    bench.pass_time(61)
    await bench.start("second").work()
    state, words = await bench.outcome(approval)
    assert state == ExecutionState.NEEDS_HUMAN.value
    assert "never made, or it was removed since" in words
    assert await jobs(bench) == 0


async def test_a_running_job_is_cancelled_by_an_undo(bench: Bench) -> None:
    """The undo of a Job is asked for and approved like anything else, and ends it."""
    bench.world.state._jobs_take = timedelta(days=2)
    start = bench.start()
    approval = await granted(bench, start)
    await start.work()
    assert (await bench.outcome(approval))[0] == ExecutionState.NO_EFFECT.value
    cancel = await asked(bench, start, undo_of(approval.plan, approval.id))
    assert cancel.plan.target.kind == "Job"
    await bench.press(start, cancel)
    await start.work()
    assert await bench.outcome(cancel) == (ExecutionState.SUCCEEDED.value, "the Job is cancelled")
