"""Who may look, respond and approve."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.access import AccessPolicy, AccessReason, Role, decide_access
from bot.domain.actors import Member, Membership

POLICY = AccessPolicy(channel="C0CHURN", approvers=("U0ALICE", "S0LEADS"))
NO_GROUPS: frozenset[str] = frozenset()


def member(user_id: str = "U0BOB", membership: Membership = Membership.FULL) -> Member:
    """A member of the workspace."""
    return Member(id=user_id, team="T0", membership=membership)


def reason(role: Role, who: Member, *, channel: str = "C0CHURN", groups: frozenset[str] = NO_GROUPS) -> str:
    """The reason of the decision under POLICY."""
    return decide_access(POLICY, role, who, channel=channel, groups=groups).reason.value


def test_every_member_may_look_and_respond_by_default() -> None:
    """With nobody named, a full member in the service's channel may look and respond, not approve."""
    assert reason(Role.VIEWER, member()) == AccessReason.EVERY_MEMBER
    assert reason(Role.RESPONDER, member()) == AccessReason.EVERY_MEMBER
    assert reason(Role.APPROVER, member()) == AccessReason.NOT_NAMED


def test_an_approver_is_named_or_in_a_named_group() -> None:
    """A named user approves, and so does a member of a named group."""
    assert reason(Role.APPROVER, member("U0ALICE")) == AccessReason.NAMED
    assert reason(Role.APPROVER, member(), groups=frozenset({"S0LEADS"})) == AccessReason.NAMED
    assert reason(Role.APPROVER, member(), groups=frozenset({"S0OTHERS"})) == AccessReason.NOT_NAMED


def test_nobody_approves_where_nobody_is_named() -> None:
    """An empty list of approvers lets nobody approve."""
    policy = AccessPolicy(channel="C0CHURN")
    access = decide_access(policy, Role.APPROVER, member(), channel="C0CHURN", groups=NO_GROUPS)
    assert access.reason is AccessReason.NOBODY_NAMED
    assert not access.allowed


@pytest.mark.parametrize("role", list(Role))
@given(membership=st.sampled_from([m for m in Membership if m is not Membership.FULL]))
def test_only_full_members_may_do_anything(role: Role, membership: Membership) -> None:
    """Guests, strangers, bots and deactivated users may nothing, even when named."""
    assert reason(role, member("U0ALICE", membership)) == AccessReason.NOT_A_FULL_MEMBER


@pytest.mark.parametrize("role", list(Role))
def test_another_channel_gets_no_answer(role: Role) -> None:
    """Even an approver is refused outside the service's channel."""
    assert reason(role, member("U0ALICE"), channel="C0OTHER") == AccessReason.OTHER_CHANNEL


def test_a_higher_role_includes_the_lower_ones() -> None:
    """Where responders are named, approvers are responders as well."""
    policy = AccessPolicy(channel="C0CHURN", responders=("U0CAROL",), approvers=("U0ALICE",))
    for who in ("U0CAROL", "U0ALICE"):
        access = decide_access(policy, Role.RESPONDER, member(who), channel="C0CHURN", groups=NO_GROUPS)
        assert access.reason is AccessReason.NAMED
    refused = decide_access(policy, Role.RESPONDER, member("U0DAVE"), channel="C0CHURN", groups=NO_GROUPS)
    assert refused.reason is AccessReason.NOT_NAMED
