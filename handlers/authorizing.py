"""Who may: a member's right to look, respond or approve, asked anew for every press, form and command.

Fails closed: where the directory cannot be asked and remembers nothing, nobody may do anything.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.access import AccessReason, Role, decide_access
from bot.domain.errors import LightshipError, NotFound
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from bot.domain.access import AccessPolicy
    from bot.domain.services import WatchedService
    from bot.ports.notifier import Directory

ASK_WITHIN: Final = 10.0
_GROUP_MARK: Final = "S"

_log = Log("authorizing")


class Doubt(StrEnum):
    """Why the question could not be decided; nobody may then."""

    DIRECTORY_AWAY = "directory_away"
    NO_SUCH_MEMBER = "no_such_member"


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """The answer: whether, why, and the sentence for the person where not."""

    allowed: bool
    reason: AccessReason | Doubt
    sentence: str = ""


class Gate:
    """Asks the directory and the service's policy. The directory remembers for five minutes at most."""

    def __init__(self, directory: Directory, *, ask_within: float = ASK_WITHIN) -> None:
        self._directory = directory
        self._ask_within = ask_within

    async def admit(self, service: WatchedService, role: Role, *, user: str, channel: str) -> Admission:
        """Whether the user may act in that role on that service from that channel. Never raises."""
        try:
            async with asyncio.timeout(self._ask_within):
                return await self._decide(service, role, user=user, channel=channel)
        except NotFound:
            return _refusal(service, role, Doubt.NO_SUCH_MEMBER)
        except (LightshipError, TimeoutError) as error:
            _log.warning(LogAction.DEPENDENCY_UNREACHABLE, dependency="directory", why=str(error))
            return _refusal(service, role, Doubt.DIRECTORY_AWAY)

    async def _decide(self, service: WatchedService, role: Role, *, user: str, channel: str) -> Admission:
        policy = service.policy
        member = await self._directory.member(user)
        without_groups = decide_access(policy, role, member, channel=channel, groups=frozenset())
        if without_groups.allowed:
            return Admission(allowed=True, reason=without_groups.reason)
        named = named_groups(policy, role)
        if without_groups.reason is not AccessReason.NOT_NAMED or not named:
            return _refusal(service, role, without_groups.reason)
        groups = await self._directory.groups_of(user, named)
        access = decide_access(policy, role, member, channel=channel, groups=groups)
        if access.allowed:
            return Admission(allowed=True, reason=access.reason)
        return _refusal(service, role, access.reason)


def named_groups(policy: AccessPolicy, role: Role) -> tuple[str, ...]:
    """The user groups among the names of a role: Slack's ids of groups begin with S."""
    return tuple(dict.fromkeys(name for name in policy.named(role) if name.startswith(_GROUP_MARK)))


def _refusal(service: WatchedService, role: Role, reason: AccessReason | Doubt) -> Admission:
    return Admission(allowed=False, reason=reason, sentence=_sentence(service.name, role, reason))


def _sentence(service: str, role: Role, reason: AccessReason | Doubt) -> str:
    doing = {Role.VIEWER: "viewers", Role.RESPONDER: "responders", Role.APPROVER: "approvers"}[role]
    match reason:
        case AccessReason.OTHER_CHANNEL:
            return f"Lightship speaks of {service} in its own channel only; ask there."
        case AccessReason.NOT_NAMED:
            return f"You are not among the {doing} of {service}, so nothing was done."
        case AccessReason.NOBODY_NAMED:
            return f"Nobody is named under `{doing}` of {service} in lightship.yaml, so nobody may do this."
        case Doubt.DIRECTORY_AWAY:
            return "Slack cannot say right now who may do this, so nothing was done. Try again in a minute."
        case _:
            return "Only full members of this workspace can use Lightship."
