"""What happened, in order: the source of thread entries, of the timeline, and of the audit.

Written by every engine in the same transaction as the change itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.actors import Actor

Detail = str | int | float | None


class EventKind(StrEnum):
    """The fixed vocabulary of events."""

    OPENED = "incident_opened"
    REOPENED = "incident_reopened"
    ACKNOWLEDGED = "incident_acknowledged"
    RESOLVED = "incident_resolved"
    SEVERITY_CHANGED = "severity_changed"
    ESCALATED = "incident_escalated"
    REMINDED = "incident_reminded"
    SILENCED = "silenced"
    SILENCE_LIFTED = "silence_lifted"
    CHECK_RUN = "check_run"
    CAUSES_RANKED = "causes_ranked"
    CAUSE_CHANGED = "cause_changed"
    REMEDIATION_REQUESTED = "remediation_requested"
    REMEDIATION_REFUSED = "remediation_refused"
    APPROVAL_SHOWN = "approval_shown"
    APPROVAL_NOT_NEEDED = "approval_not_needed"
    APPROVAL_COUNTED = "approval_counted"
    APPROVAL_GRANTED = "approval_granted"
    APPROVAL_GLASS_BROKEN = "approval_glass_broken"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_WITHDRAWN = "approval_withdrawn"
    APPROVAL_EXPIRED = "approval_expired"
    APPROVAL_SUPERSEDED = "approval_superseded"
    PRESS_REFUSED = "press_refused"
    REMEDIATION_INTENDED = "remediation_intended"
    REMEDIATION_APPLIED = "remediation_applied"
    REMEDIATION_SUCCEEDED = "remediation_succeeded"
    REMEDIATION_FIXED = "remediation_fixed"
    REMEDIATION_UNFIXED = "remediation_unfixed"
    REMEDIATION_UNVERIFIED = "remediation_unverified"
    REMEDIATION_NO_EFFECT = "remediation_no_effect"
    REMEDIATION_FAILED = "remediation_failed"
    REMEDIATION_NEEDS_HUMAN = "remediation_needs_human"
    REMEDIATION_REHEARSED = "remediation_rehearsed"
    TRAINING_FOLLOWED = "training_followed"
    ACTIONS_FROZEN = "actions_frozen"
    ACTIONS_UNFROZEN = "actions_unfrozen"
    AUDIT_BEGUN = "audit_begun"
    NOTICE = "notice"


THREAD_KINDS = frozenset(
    {
        EventKind.REOPENED,
        EventKind.ACKNOWLEDGED,
        EventKind.RESOLVED,
        EventKind.SEVERITY_CHANGED,
        EventKind.ESCALATED,
        EventKind.REMINDED,
        EventKind.SILENCED,
        EventKind.SILENCE_LIFTED,
        EventKind.CAUSE_CHANGED,
        EventKind.APPROVAL_GLASS_BROKEN,
        EventKind.REMEDIATION_APPLIED,
        EventKind.REMEDIATION_SUCCEEDED,
        EventKind.REMEDIATION_FIXED,
        EventKind.REMEDIATION_UNFIXED,
        EventKind.REMEDIATION_UNVERIFIED,
        EventKind.REMEDIATION_NO_EFFECT,
        EventKind.REMEDIATION_FAILED,
        EventKind.REMEDIATION_NEEDS_HUMAN,
        EventKind.REMEDIATION_REHEARSED,
        EventKind.TRAINING_FOLLOWED,
    }
)
"""Events that get a short entry in the thread; decisions over an approval edit its message instead."""


RANKING_KINDS = frozenset({EventKind.CAUSES_RANKED, EventKind.CAUSE_CHANGED})
"""Events that keep which cause people were told of first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened. `detail` holds flat values only, such as an approval's id and digest."""

    id: str
    at: datetime
    kind: EventKind
    service: str
    incident_id: int | None
    actor: Actor
    detail: Mapping[str, Detail] = field(default_factory=dict)
