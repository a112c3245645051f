"""What the policy says, as pure rules: hours, protected namespaces, how often, how many, and the glass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.actors import user
from bot.domain.approvals import ApprovalState, DecisionWord, grant_of, plan_digest
from bot.domain.decisions import Decision, DecisionReason, decide, glass_may_break, pass_by_policy
from bot.domain.hours import HoursError, parse_hours, within
from bot.domain.policies import (
    ApprovalPolicy,
    ApprovalRule,
    PolicyReason,
    RuleFor,
    may_be_asked,
    may_be_done,
)
from bot.domain.reachable import can_be_reached
from bot.domain.remedies import Action, Target
from tests.approving.test_decisions import NOW, make_approval

ALICE, BOB, CAROL = user("U0ALICE"), user("U0BOB"), user("U0CAROL")
TARGET = Target(kind="Deployment", namespace="churn", name="churn-api")
YES = DecisionWord.APPROVE
LATER = NOW + timedelta(minutes=10)


def answer(
    approval: object,
    by: object,
    rule: ApprovalRule,
    word: DecisionWord = DecisionWord.APPROVE,
    **more: object,
) -> Decision:
    """A press ten minutes after the request."""
    given = {"by": by, "digest": make_approval().digest, "now": LATER, "rule": rule, **more}
    return decide(approval, word, **given)  # type: ignore[arg-type]  # as the caller says


@pytest.mark.parametrize(
    ("text", "moment", "inside"),
    [
        ("Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-27T07:00Z", True),
        ("Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-27T06:59Z", False),
        ("Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-27T17:00Z", False),
        ("Mon-Fri 08:00-18:00 Europe/Berlin", "2026-07-03T06:00Z", True),
        ("Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-28T09:00Z", False),
        ("Fri 22:00-06:00", "2026-11-28T05:59Z", True),
        ("Fri 22:00-06:00", "2026-11-27T05:59Z", False),
        ("Sat,Sun 00:00-24:00", "2026-11-29T23:59Z", True),
        ("Fri-Mon 00:00-24:00", "2026-11-30T12:00Z", True),
        ("daily 00:00-24:00", "2026-11-25T12:00Z", True),
    ],
)
def test_hours_go_by_the_wall_clock_of_their_zone(text: str, moment: str, inside: bool) -> None:
    """Winter and summer, past midnight, over the end of the week."""
    assert parse_hours(text).include(datetime.fromisoformat(moment)) is inside


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon",
        "Mon 8-18",
        "Mon 08:00-25:00",
        "Moon 08:00-18:00",
        "Mon 08:00-18:00 Mars/Base",
        "Mon 08:00-08:00",
    ],
)
def test_what_is_no_hours_is_said(text: str) -> None:
    """Every fault is an error with words, and nothing else."""
    with pytest.raises(HoursError, match=r"\w"):
        parse_hours(text)


def test_without_hours_it_is_always_allowed() -> None:
    """Of several spans one is enough."""
    assert within((), NOW)
    assert within((parse_hours("Mon 00:00-01:00"), parse_hours("daily 00:00-24:00")), NOW)


def test_the_first_rule_that_fits_action_and_target_holds() -> None:
    """A pattern is about whole targets; what no exception names falls to the general rule."""
    strict, two = ApprovalRule(approvals=3), ApprovalRule(approvals=2)
    policy = ApprovalPolicy(
        special=(
            RuleFor(actions=frozenset({Action.SCALE}), targets=("deployment churn/churn-*",), rule=strict),
            RuleFor(actions=frozenset({Action.SCALE}), rule=two),
        )
    )
    assert policy.of(Action.SCALE, TARGET) is strict
    assert policy.of(Action.SCALE, replace(TARGET, name="batch")) is two
    assert replace(policy, special=()).of(Action.SCALE, TARGET) is policy.general


def refusal(policy: ApprovalPolicy, *begun: datetime) -> PolicyReason | None:
    """Why it may not be done now."""
    found = may_be_done(policy, Action.SCALE, TARGET, now=NOW, begun=begun)
    return found.reason if found else None


def test_a_policy_refuses_with_its_reason() -> None:
    """A service that is looked at only, a protected namespace, the wrong hour, too often; else nothing."""
    assert refusal(ApprovalPolicy()) is None
    assert refusal(ApprovalPolicy(is_looked_at_only=True)) is PolicyReason.LOOKED_AT_ONLY
    protected = ApprovalPolicy(protected_namespaces=frozenset({"churn"}))
    assert refusal(protected) is PolicyReason.PROTECTED_NAMESPACE
    closed = ApprovalPolicy(general=ApprovalRule(hours=(parse_hours("Mon 08:00-18:00"),)))
    assert refusal(closed) is PolicyReason.OUT_OF_HOURS
    twice = ApprovalPolicy(general=ApprovalRule(at_most_an_hour=2))
    recent, old = NOW - timedelta(minutes=59), NOW - timedelta(minutes=60)
    assert refusal(twice, recent, recent) is PolicyReason.TOO_OFTEN
    assert refusal(twice, recent, old) is None
    told = may_be_done(twice, Action.SCALE, TARGET, now=NOW, begun=(recent, recent))
    assert told is not None
    assert "2 times an hour; the next is possible in 1 min" in told.sentence


@given(needed=st.integers(1, 4), presses=st.lists(st.sampled_from([ALICE, BOB, CAROL, user("U0DAVE")])))
def test_it_takes_as_many_different_people_as_the_rule_says(needed: int, presses: list[object]) -> None:
    """Whoever presses how often in what order: granted exactly by that many who did not ask for it."""
    approval, rule = make_approval(), ApprovalRule(approvals=needed)
    agreed: set[object] = set()
    for by in presses:
        approval = answer(approval, by, rule).approval
        if len(agreed) < needed and by is not ALICE:
            agreed.add(by)
        assert (approval.state is ApprovalState.GRANTED) is (len(agreed) >= needed)
        assert {vote.by for vote in approval.votes} == agreed
    if approval.state is ApprovalState.GRANTED:
        assert grant_of(approval).approval_id == approval.id


def test_a_second_yes_of_the_same_person_counts_once() -> None:
    """And says so; the first says how many are missing."""
    rule = ApprovalRule(approvals=2)
    first = answer(make_approval(), BOB, rule)
    assert first.reason is DecisionReason.COUNTED
    assert answer(first.approval, BOB, rule).reason is DecisionReason.COUNTED_ALREADY
    assert answer(first.approval, CAROL, rule).reason is DecisionReason.GRANTED
    assert answer(first.approval, CAROL, rule, DecisionWord.DENY).reason is DecisionReason.DENIED


PEOPLE = st.lists(st.sampled_from(["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"]), max_size=4)


@given(named=PEOPLE, needed=st.integers(1, 4), own=st.booleans(), asks=st.sampled_from(["U0ALICE", "U0EVE"]))
def test_a_request_is_asked_exactly_where_presses_could_grant_it(
    named: list[str], needed: int, asks: str, *, own: bool
) -> None:
    """Everybody who is named presses: it is granted, or nobody had been asked in the first place."""
    rule = ApprovalRule(approvers=tuple(named), approvals=needed, requester_may_approve=own)
    approval = replace(make_approval(), requester=user(asks))
    approval = replace(
        approval, digest=plan_digest(approval.plan, approval_id=approval.id, requester=approval.requester)
    )
    digest = approval.digest
    for name in named:
        approval = answer(approval, user(name), rule, digest=digest).approval
    granted = approval.state is ApprovalState.GRANTED
    assert (may_be_asked(rule, Action.SCALE, asks) is None) is granted
    assert can_be_reached(rule, [asks]) is granted


def test_a_user_group_and_the_glass_are_no_dead_end() -> None:
    """How many are in a group is not known, and who may break the glass needs nobody."""
    assert may_be_asked(ApprovalRule(approvers=("S0LEADS",), approvals=3), Action.SCALE, "U0ALICE") is None
    glass = ApprovalRule(approvers=("U0ALICE",), break_glass_after=timedelta(minutes=5))
    assert may_be_asked(glass, Action.SCALE, "U0ALICE") is None
    assert may_be_asked(ApprovalRule(is_needed=False), Action.SCALE, "U0ALICE") is None


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (ApprovalRule(), "Nobody is named as an approver of scale in lightship.yaml"),
        (
            ApprovalRule(approvers=("U0ALICE",)),
            "One approval is needed other than yours, and nobody else is named as an approver of scale",
        ),
        (
            ApprovalRule(approvers=("U0ALICE", "U0BOB"), approvals=2),
            "2 approvals are needed other than yours, and only 1 more person is named as an approver",
        ),
    ],
)
def test_a_dead_end_is_said_with_its_mend(rule: ApprovalRule, words: str) -> None:
    """Why nobody can approve it, before anybody is asked."""
    refusal = may_be_asked(rule, Action.SCALE, "U0ALICE")
    assert refusal is not None
    assert (refusal.reason, words in refusal.sentence) == (PolicyReason.NOBODY_LEFT, True), refusal


GLASS = ApprovalRule(break_glass_after=timedelta(minutes=10), approvals=2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, DecisionReason.GRANTED),
        ({"rule": ApprovalRule()}, DecisionReason.GLASS_NOT_ALLOWED),
        ({"critical": False}, DecisionReason.GLASS_NOT_CRITICAL),
        ({"by": BOB}, DecisionReason.GLASS_NOT_YOURS),
        ({"now": LATER - timedelta(seconds=1)}, DecisionReason.GLASS_TOO_EARLY),
        ({"reason": " "}, DecisionReason.GLASS_WITHOUT_REASON),
        ({"digest": "f" * 64}, DecisionReason.DIGEST_DIFFERS),
        ({"now": NOW + timedelta(minutes=30)}, DecisionReason.EXPIRED),
    ],
)
def test_the_glass_breaks_only_in_an_emergency(changes: dict[str, object], reason: DecisionReason) -> None:
    """By who asked, after the time, for a critical incident, with a reason, where the policy allows it."""
    settled: dict[str, object] = {"critical": True, "reason": "nobody answers"}
    by, rule = changes.pop("by", ALICE), changes.pop("rule", GLASS)
    assert isinstance(rule, ApprovalRule)
    decision = answer(make_approval(), by, rule, DecisionWord.BREAK_GLASS, **(settled | changes))
    assert decision.reason is reason
    assert decision.approval.broke_glass is (reason is DecisionReason.GRANTED)


def test_the_glass_is_offered_when_it_may_be_broken() -> None:
    """Not before its time, not once it is decided."""
    approval = make_approval()
    assert glass_may_break(approval, GLASS, now=LATER, critical=True)
    assert not glass_may_break(approval, GLASS, now=NOW, critical=True)
    assert not glass_may_break(approval, GLASS, now=LATER, critical=False)
    denied = replace(approval, state=ApprovalState.DENIED)
    assert not glass_may_break(denied, GLASS, now=LATER, critical=True)


def test_what_the_policy_lets_pass_has_a_grant_in_the_policy_s_name() -> None:
    """Nobody is named as its approver who was not."""
    grant = grant_of(pass_by_policy(make_approval(), now=datetime(2026, 3, 1, tzinfo=UTC)))
    assert (grant.approver.kind.value, grant.approver.id) == ("bot", "policy")
