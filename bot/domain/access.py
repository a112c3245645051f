"""Who may look, respond and approve. Pure; called by the doors before any engine is.

Unset `viewers` and `responders` mean every full member of the workspace who asks in the service's channel.
Unset `approvers` mean nobody: an approval nobody was named for is never granted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.actors import Member, Membership


class Role(StrEnum):
    """What somebody wants to do, from least to most."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessPolicy:
    """The names in a service's configuration: chat user ids and user group ids mixed, as users write them."""

    channel: str
    viewers: tuple[str, ...] = ()
    responders: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()

    def named(self, role: Role) -> tuple[str, ...]:
        """Who is named for a role; a higher role includes the lower ones."""
        match role:
            case Role.APPROVER:
                return self.approvers
            case Role.RESPONDER:
                return (*self.responders, *self.approvers) if self.responders else ()
            case Role.VIEWER:
                return (*self.viewers, *self.responders, *self.approvers) if self.viewers else ()


class AccessReason(StrEnum):
    """Why somebody may, or may not."""

    NAMED = "named"
    EVERY_MEMBER = "every_member"
    NOT_A_FULL_MEMBER = "not_a_full_member"
    OTHER_CHANNEL = "other_channel"
    NOT_NAMED = "not_named"
    NOBODY_NAMED = "nobody_named"


ALLOWING = frozenset({AccessReason.NAMED, AccessReason.EVERY_MEMBER})


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A decision with its reason."""

    reason: AccessReason

    @property
    def allowed(self) -> bool:
        """Whether the door may hand the command on."""
        return self.reason in ALLOWING


def decide_access(
    policy: AccessPolicy, role: Role, member: Member, *, channel: str, groups: frozenset[str]
) -> Access:
    """Decide for a member who asks in `channel`; `groups` are those of the named groups they are in."""
    if member.membership is not Membership.FULL:
        return Access(reason=AccessReason.NOT_A_FULL_MEMBER)
    if channel != policy.channel:
        return Access(reason=AccessReason.OTHER_CHANNEL)
    named = policy.named(role)
    if not named:
        if role is Role.APPROVER:
            return Access(reason=AccessReason.NOBODY_NAMED)
        return Access(reason=AccessReason.EVERY_MEMBER)
    if member.id in named or groups.intersection(named):
        return Access(reason=AccessReason.NAMED)
    return Access(reason=AccessReason.NOT_NAMED)
