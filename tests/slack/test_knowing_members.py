"""Who somebody is, how long that is remembered, and that a failure is never an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.adapters.slack_directory import read_member
from bot.console.faults import Fault
from bot.console.values import UserGroup
from bot.domain.actors import Membership
from bot.domain.errors import NotFound, Temporary

if TYPE_CHECKING:
    from bot.adapters.slack_directory import SlackDirectory
    from bot.console import SlackStandIn
    from bot.testing import FrozenClock


@pytest.mark.parametrize(
    ("user", "membership"),
    [
        ("U0ALICE", Membership.FULL),
        ("U0GUEST", Membership.GUEST),
        ("U0OTHER", Membership.STRANGER),
        ("U0GONE", Membership.DEACTIVATED),
        ("U0BOT", Membership.BOT),
    ],
)
async def test_everybody_is_what_slack_says(
    directory: SlackDirectory, user: str, membership: Membership
) -> None:
    """Full members, guests, strangers, bots and people who left are told apart."""
    assert (await directory.member(user)).membership is membership


async def test_nobody_is_not_found(directory: SlackDirectory) -> None:
    """An id that the workspace does not know is no member."""
    with pytest.raises(NotFound):
        await directory.member("U0NOBODY")


def test_a_member_of_the_organisation_is_at_home_in_its_workspaces() -> None:
    """On Enterprise Grid the home team is among the user's teams."""
    user = {"id": "W1", "team_id": "T9", "enterprise_user": {"teams": ["T1", "T9"]}}
    assert read_member(user, home="T1").membership is Membership.FULL
    assert read_member(user, home="T2").membership is Membership.STRANGER


async def test_answers_are_remembered_for_five_minutes_and_no_longer(
    directory: SlackDirectory, slack: SlackStandIn, clock: FrozenClock
) -> None:
    """One question within five minutes, a new one after; many at once ask once."""
    await asyncio.gather(*(directory.member("U0ALICE") for _ in range(20)))
    await clock.advance(seconds=299)
    await directory.member("U0ALICE")
    assert len(slack.recording.of("users.info")) == 1
    await clock.advance(seconds=1)
    await directory.member("U0ALICE")
    assert len(slack.recording.of("users.info")) == 2


async def test_leaving_a_group_takes_effect_within_five_minutes(
    directory: SlackDirectory, slack: SlackStandIn, clock: FrozenClock
) -> None:
    """A group's members are asked anew; a group that is gone has none."""
    assert await directory.groups_of("U0BOB", ("S0ONCALL", "S0GONE")) == {"S0ONCALL"}
    slack.workspace.usergroups["S0ONCALL"] = UserGroup(id="S0ONCALL", handle="oncall", users=("U0ALICE",))
    await clock.advance(seconds=300)
    assert await directory.groups_of("U0BOB", ("S0ONCALL",)) == frozenset()


async def test_a_failure_is_raised_and_the_old_answer_is_not_used(
    directory: SlackDirectory, slack: SlackStandIn, clock: FrozenClock
) -> None:
    """Callers must be able to fail closed; once Slack answers again, so does the directory."""
    await directory.member("U0ALICE")
    await directory.groups_of("U0ALICE", ("S0ONCALL",))
    await clock.advance(seconds=301)
    slack.faults.add(Fault.unavailable(times=2))
    with pytest.raises(Temporary):
        await directory.member("U0ALICE")
    with pytest.raises(Temporary):
        await directory.groups_of("U0ALICE", ("S0ONCALL",))
    assert (await directory.member("U0ALICE")).id == "U0ALICE"
