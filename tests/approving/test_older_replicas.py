"""An older Lightship beside a new one: it knows nothing of votes, and the store holds the rule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bot.adapters.database.rows import APPROVAL
from bot.domain.approvals import ApprovalState, DecisionWord
from bot.domain.commands import OutcomeReason
from bot.domain.errors import Permanent
from bot.domain.policies import ApprovalPolicy
from tests.acting import BOB, CAROL, POLICY

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from tests.acting import Bench

OLD = "UPDATE approvals SET state = :state, revision = revision + 1, body = :body WHERE id = :id"


async def decided_by_an_older_one(bench: Bench, approval: Approval, state: ApprovalState) -> None:
    """What a version writes that knows one approver and the columns of its time."""
    body = replace(approval, state=state, decided_by=BOB, decided_at=bench.clock.now())
    async with bench.store._database.begin() as link:
        values = {"state": state.value, "body": APPROVAL.dump(body), "id": approval.id}
        await link.run(text(OLD).bindparams(**values))


async def test_an_older_replica_cannot_grant_what_two_must_agree_to(bench: Bench) -> None:
    """The store refuses its grant, also after the first of two votes; the second person still counts."""
    bench.policy = ApprovalPolicy(general=replace(POLICY.general, approvals=2))
    start = bench.start()
    approval = await bench.asked(start)
    with pytest.raises(Permanent):
        await decided_by_an_older_one(bench, approval, ApprovalState.GRANTED)
    await bench.press(start, approval, by=BOB)
    with pytest.raises(Permanent):
        await decided_by_an_older_one(bench, await bench.approval(approval.id), ApprovalState.GRANTED)
    assert (await bench.press(start, approval, by=CAROL)).reason is OutcomeReason.DONE
    assert (await bench.approval(approval.id)).state is ApprovalState.GRANTED


async def test_an_older_replica_grants_where_one_is_enough_and_denies_always(bench: Bench) -> None:
    """What needs one approver goes on during an upgrade, and nobody is kept from saying no."""
    start = bench.start()
    one = await bench.asked(start, 4)
    await decided_by_an_older_one(bench, one, ApprovalState.GRANTED)
    assert (await bench.approval(one.id)).state is ApprovalState.GRANTED
    bench.policy = ApprovalPolicy(general=replace(POLICY.general, approvals=2))
    two = await bench.asked(start, 5)
    await decided_by_an_older_one(bench, two, ApprovalState.DENIED)
    assert (await bench.approval(two.id)).state is ApprovalState.DENIED


async def test_a_policy_that_was_loosened_meanwhile_holds(bench: Bench) -> None:
    """The row follows the rule in force: asked under three, granted by the two that are needed now."""
    group = replace(POLICY.general, approvers=("S0LEADS",), approvals=3)
    bench.policy = ApprovalPolicy(general=group)
    start = bench.start()
    approval = await bench.asked(start)
    await bench.press(start, approval, by=BOB)
    bench.policy = ApprovalPolicy(general=replace(group, approvals=2))
    assert (await bench.press(start, approval, DecisionWord.APPROVE, by=CAROL)).reason is OutcomeReason.DONE
    assert (await bench.approval(approval.id)).state is ApprovalState.GRANTED
