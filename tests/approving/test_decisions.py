"""The rules of approvals, as pure decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.actors import user
from bot.domain.approvals import (
    APPROVAL_TRANSITIONS,
    Approval,
    ApprovalState,
    DecisionWord,
    grant_of,
    plan_digest,
)
from bot.domain.decisions import DecisionReason, decide
from bot.domain.policies import ApprovalRule
from bot.domain.remedies import Action, Change, Plan, Target

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
ALICE, BOB = user("U0ALICE"), user("U0BOB")


def make_plan(*, replicas: int = 6) -> Plan:
    """A plan to scale from three replicas."""
    return Plan(
        action=Action.SCALE,
        service="churn",
        target=Target(kind="Deployment", namespace="churn-mlops", name="churn-api"),
        arguments={"replicas": replicas},
        changes=(Change(field="replicas", before="3", after=str(replicas)),),
        resource_version="41",
        observed={"replicas": 3},
    )


def make_approval(plan: Plan | None = None) -> Approval:
    """A request of Alice's that expires in half an hour."""
    plan = plan or make_plan()
    return Approval(
        id="a1",
        incident_id=7,
        plan=plan,
        digest=plan_digest(plan, approval_id="a1", requester=ALICE),
        requester=ALICE,
        reason="traffic doubled",
        requested_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
    )


def press(approval: Approval, word: DecisionWord, **changes: object) -> DecisionReason:
    """What a press of Bob's comes to, unless told otherwise."""
    arguments: dict[str, object] = {
        "by": BOB,
        "digest": approval.digest,
        "now": NOW + timedelta(minutes=1),
        "rule": ApprovalRule(),
    }
    return decide(approval, word, **(arguments | changes)).reason  # type: ignore[arg-type]  # built above


def test_another_person_grants() -> None:
    """An approver who did not ask grants the request."""
    decision = decide(
        make_approval(),
        DecisionWord.APPROVE,
        by=BOB,
        digest=make_approval().digest,
        now=NOW,
        rule=ApprovalRule(),
    )
    assert decision.reason is DecisionReason.GRANTED
    assert decision.approval.state is ApprovalState.GRANTED
    assert decision.approval.decided_by == BOB


def test_the_requester_cannot_approve() -> None:
    """Who asked cannot approve unless the policy says so, and can always withdraw."""
    approval = make_approval()
    assert press(approval, DecisionWord.APPROVE, by=ALICE) is DecisionReason.OWN_REQUEST
    assert press(approval, DecisionWord.DENY, by=ALICE) is DecisionReason.WITHDRAWN
    allowed = press(approval, DecisionWord.APPROVE, by=ALICE, rule=ApprovalRule(requester_may_approve=True))
    assert allowed is DecisionReason.GRANTED


def test_an_expired_request_is_not_granted() -> None:
    """A press at the very second of the expiry comes too late and closes the request."""
    late = decide(
        make_approval(),
        DecisionWord.APPROVE,
        by=BOB,
        digest=make_approval().digest,
        now=NOW + timedelta(minutes=30),
        rule=ApprovalRule(),
    )
    assert late.reason is DecisionReason.EXPIRED
    assert late.approval.state is ApprovalState.EXPIRED


def test_a_foreign_digest_is_refused() -> None:
    """A button of another plan neither grants nor closes the request."""
    other = make_approval(make_plan(replicas=9)).digest
    approval = make_approval()
    decision = decide(approval, DecisionWord.APPROVE, by=BOB, digest=other, now=NOW, rule=ApprovalRule())
    assert decision.reason is DecisionReason.DIGEST_DIFFERS
    assert decision.approval is approval


@given(state=st.sampled_from([s for s in ApprovalState if s is not ApprovalState.REQUESTED]))
def test_a_decided_request_stays_decided(state: ApprovalState) -> None:
    """No press moves a request that has left `requested`, and the table has no way out either."""
    approval = replace(make_approval(), state=state)
    for word in DecisionWord:
        assert press(approval, word) is DecisionReason.ALREADY_DECIDED
    assert not APPROVAL_TRANSITIONS[state]


@given(state=st.sampled_from([s for s in ApprovalState if s is not ApprovalState.GRANTED]))
def test_only_a_granted_approval_makes_a_grant(state: ApprovalState) -> None:
    """Without the state `granted` there is no grant."""
    with pytest.raises(ValueError, match="not granted"):
        grant_of(replace(make_approval(), state=state, decided_by=BOB))


@given(replicas=st.integers(min_value=1, max_value=1000).filter(lambda n: n != 6))
def test_a_changed_plan_makes_no_grant(replicas: int) -> None:
    """An approval whose plan was exchanged after the digest was made gives no grant."""
    granted = replace(make_approval(), state=ApprovalState.GRANTED, decided_by=BOB)
    assert grant_of(granted).plan == granted.plan
    with pytest.raises(ValueError, match="does not match"):
        grant_of(replace(granted, plan=make_plan(replicas=replicas)))
