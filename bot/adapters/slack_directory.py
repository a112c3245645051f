"""Who is who in the workspace, from Slack, remembered for five minutes at most. The doors ask it.

A failure is raised, never answered with an old or an empty membership: the doors then refuse.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from bot.domain.actors import Member, Membership
from bot.domain.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.adapters.slack_calls import SlackCalls
    from bot.ports.clock import Clock

KEPT_FOR: Final = timedelta(minutes=5)
_MEMBERS_KEPT: Final = 5_000
_GROUPS_KEPT: Final = 500
_LONGEST_NAME: Final = 80

V = TypeVar("V")


class _Remembered(Generic[V]):
    """Answers with their time, the oldest forgotten beyond a bound; one question at a time for each key."""

    def __init__(self, *, clock: Clock, kept_for: timedelta, bound: int) -> None:
        self._clock = clock
        self._kept_for = kept_for
        self._bound = bound
        self._answers: OrderedDict[str, tuple[datetime, V]] = OrderedDict()
        self._asking: dict[str, asyncio.Future[V]] = {}

    async def get(self, key: str, ask: Callable[[], Awaitable[V]]) -> V:
        known = self._answers.get(key)
        if known is not None and timedelta(0) <= self._clock.now() - known[0] < self._kept_for:
            return known[1]
        under_way = self._asking.get(key)
        if under_way is None:
            under_way = asyncio.ensure_future(self._ask(key, ask))
            self._asking[key] = under_way
            under_way.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(under_way)

    def _answered(self, key: str, done: asyncio.Future[V]) -> None:
        self._asking.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen here too: whoever asked may have given up waiting

    async def _ask(self, key: str, ask: Callable[[], Awaitable[V]]) -> V:
        asked_at = self._clock.now()  # the age counts from the question: the answer may be that old
        self._answers.pop(key, None)
        value = await ask()
        self._answers[key] = (asked_at, value)
        while len(self._answers) > self._bound:
            self._answers.popitem(last=False)
        return value


class SlackDirectory:
    """`bot.ports.notifier.Directory` over users.info and usergroups.users.list."""

    def __init__(self, calls: SlackCalls, *, clock: Clock, kept_for: timedelta = KEPT_FOR) -> None:
        kept_for = min(kept_for, KEPT_FOR)
        self._calls = calls
        self._members: _Remembered[Member] = _Remembered(clock=clock, kept_for=kept_for, bound=_MEMBERS_KEPT)
        self._groups: _Remembered[frozenset[str]] = _Remembered(
            clock=clock, kept_for=kept_for, bound=_GROUPS_KEPT
        )

    async def member(self, user_id: str) -> Member:
        """Who a user is. Raises Temporary, NotFound or Permanent."""
        return await self._members.get(user_id, lambda: self._ask_member(user_id))

    async def groups_of(self, user_id: str, among: tuple[str, ...]) -> frozenset[str]:
        """Those of the named groups that the user is in; a group that is gone has nobody in it."""
        lists = await asyncio.gather(*(self._users_of(group) for group in among))
        return frozenset(group for group, users in zip(among, lists, strict=True) if user_id in users)

    async def _users_of(self, group: str) -> frozenset[str]:
        return await self._groups.get(group, lambda: self._ask_group(group))

    async def _ask_member(self, user_id: str) -> Member:
        home = (await self._calls.identity()).team
        answer = await self._calls.call("users.info", {"user": user_id}, form=True)
        return read_member(answer.get("user") or {}, home=home)

    async def _ask_group(self, group: str) -> frozenset[str]:
        try:
            answer = await self._calls.call("usergroups.users.list", {"usergroup": group}, form=True)
        except NotFound:
            return frozenset()
        return frozenset(str(user) for user in answer.get("users") or ())


def read_member(user: dict[str, Any], *, home: str) -> Member:
    """A `user` object of users.info as a member of the workspace `home`."""
    profile = user.get("profile") or {}
    name = profile.get("display_name") or user.get("real_name") or user.get("name") or ""
    return Member(
        id=str(user.get("id", "")),
        team=str(user.get("team_id", "")),
        membership=_membership(user, home=home),
        name=str(name)[:_LONGEST_NAME],
    )


def _membership(user: dict[str, Any], *, home: str) -> Membership:
    teams = {str(user.get("team_id", ""))}
    teams.update(str(team) for team in (user.get("enterprise_user") or {}).get("teams") or ())
    if user.get("deleted"):
        return Membership.DEACTIVATED
    if user.get("is_bot") or user.get("is_app_user") or user.get("id") == "USLACKBOT":
        return Membership.BOT
    if user.get("is_stranger") or not home or home not in teams:
        return Membership.STRANGER
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return Membership.GUEST
    return Membership.FULL
