"""Whether a rule's approvals can be reached at all, by the people that it names. Pure.

`lightship check` asks it of a whole policy, the approving engine of one request. Who is in a user group is
not known here, so a rule that names one is never called unreachable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.domain.policies import ApprovalRule

_GROUP_MARK = "S"


def people_of(named: Iterable[str]) -> frozenset[str] | None:
    """The people among names; None where a user group is among them, which may hold any number."""
    ids = frozenset(named)
    return None if any(one.startswith(_GROUP_MARK) for one in ids) else ids


def left_for(rule: ApprovalRule, requester: str) -> int | None:
    """How many may approve what this person asks for; None where that is not known."""
    people = people_of(rule.approvers)
    if people is None:
        return None
    return len(people if rule.requester_may_approve else people - {requester})


def can_be_reached(rule: ApprovalRule, requesters: Iterable[str] | None) -> bool:
    """Whether anybody's request can find its approvals; `requesters` is None where everybody may ask."""
    people = people_of(rule.approvers)
    if people is None or not rule.is_needed:
        return True
    if requesters is None or rule.requester_may_approve:
        return len(people) >= rule.approvals
    return any(len(people - {one}) >= rule.approvals for one in requesters)
