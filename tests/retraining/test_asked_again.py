"""A retraining's preconditions at the press, and again before a Job is made that waited for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain.approvals import ApprovalState
from bot.domain.commands import OutcomeReason, RequestRemediation
from bot.domain.remedies import Action
from bot.ports.readers import Resource
from bot.rehearsal.objects import stamp
from tests.acting import ALICE, NAMESPACE
from tests.planning import ask
from tests.retraining.conftest import TRAINING
from tests.retraining.making import drifted, emptied, make_version, moved

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from tests.retraining.conftest import Loop


async def waits(loop: Loop) -> Approval:
    """A drift report came, and somebody's request to retrain waits."""
    await loop.report(drifted(moved("tenure", 0.8)))
    wish = ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name=TRAINING)
    await loop.start.approving.request(RequestRemediation(request=wish, actor=ALICE))
    (approval,) = await loop.bench.waiting()
    return approval


def start_a_training(loop: Loop, **status: Any) -> None:
    """Somebody else, or the clock, starts one."""
    now = stamp(loop.bench.clock.now())
    owner = {"kind": "CronJob", "name": TRAINING, "controller": True}
    loop.bench.world.state._jobs_take = timedelta(hours=1)
    loop.bench.world.state.put(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": f"{TRAINING}-by-hand",
                "namespace": NAMESPACE,
                "creationTimestamp": now,
                "ownerReferences": [owner],
            },
            "spec": {"template": {}},
            "status": {"startTime": now, "active": 1, **status},
        }
    )


async def jobs(loop: Loop) -> list[str]:
    """The Jobs that there are."""
    found = await loop.bench.world.cluster.list(Resource.JOBS, namespace=NAMESPACE)
    return [str(one["metadata"]["name"]) for one in found]


async def refused(loop: Loop, approval: Approval) -> str:
    """A press that is refused, with its sentence; it is on record, and nothing is made."""
    before = await jobs(loop)
    outcome = await loop.bench.press(loop.start, approval)
    assert outcome.reason is OutcomeReason.REFUSED
    await loop.start.work()
    assert await jobs(loop) == before
    assert (await loop.bench.approval(approval.id)).state is ApprovalState.REQUESTED
    async with loop.bench.store.transaction() as tx:
        entries = [entry.body for entry, _ in await tx.audit.entries(after=0, limit=9)]
    assert '"press_refused"' in entries[-1]
    assert '"precondition"' in entries[-1]
    return outcome.sentence


async def test_a_training_that_began_meanwhile_refuses_the_press(loop: Loop) -> None:
    """No second Job beside the one that runs; once that is over and taught nothing, the press counts."""
    approval = await waits(loop)
    start_a_training(loop)
    sentence = await refused(loop, approval)
    assert f"a training runs already: Job {TRAINING}-by-hand" in sentence


async def test_a_version_that_came_meanwhile_refuses_the_press(loop: Loop) -> None:
    """Somebody trained by hand while the request waited: it is too soon for another one."""
    approval = await waits(loop)
    loop.bench.world.models.register(make_version("8", days=0, accuracy=0.9))
    assert "the last training was" in await refused(loop, approval)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"min_between": timedelta(days=20)}, "less than 20 days"),
        ({"fewest_rows": 50_000}, "there are 5,000 fresh rows, fewer than 50,000"),
        ({"most_a_week": 0}, "0 of the 0 trainings a week"),
    ],
)
async def test_stricter_rules_hold_for_what_waits(loop: Loop, rules: dict[str, Any], words: str) -> None:
    """Days between trainings, fresh rows, the week's budget: those of the press count."""
    approval = await waits(loop)
    loop.bench.rules = replace(loop.bench.rules, **rules)
    assert words in await refused(loop, approval)


async def test_data_that_broke_meanwhile_refuses_the_press(loop: Loop) -> None:
    """The newest report says that a column came empty: no model is to learn that."""
    approval = await waits(loop)
    await loop.report(drifted(emptied("tenure", 0.5)))
    assert "the data looks broken" in await refused(loop, approval)


async def test_a_grant_that_waited_makes_no_job_beside_another(loop: Loop) -> None:
    """The bot was away between the approval and the Job, and the clock started a training: it is left."""
    approval = await waits(loop)
    assert (await loop.bench.press(loop.start, approval)).reason is OutcomeReason.DONE
    start_a_training(loop)
    loop.bench.pass_time(600)
    await loop.bench.start("second").work()
    state, sentence = await loop.bench.outcome(approval)
    assert (state, await jobs(loop)) == ("failed", [f"{TRAINING}-by-hand"])
    assert "a training runs already" in sentence
