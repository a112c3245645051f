"""What people ask for, one value a wish. Doors make them once they know who asks and what they may."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.domain.actors import Actor
    from bot.domain.approvals import DecisionWord
    from bot.domain.remedies import RemediationRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class AcknowledgeIncident:
    """Somebody takes an incident."""

    incident_id: int
    actor: Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolveIncident:
    """Somebody calls an incident over, whatever Alertmanager says."""

    incident_id: int
    actor: Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class SilenceIncident:
    """Somebody wants Alertmanager to be silent about an incident's group for a while."""

    incident_id: int
    duration: timedelta
    reason: str
    actor: Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class LiftSilence:
    """Somebody wants to hear of it again."""

    incident_id: int
    actor: Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class RunChecks:
    """Somebody wants checks of an incident run anew; no names mean all of its runbook's."""

    incident_id: int
    checks: tuple[str, ...]
    actor: Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestRemediation:
    """Somebody wants a remediation planned and an approval asked for."""

    request: RemediationRequest
    actor: Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class DecideApproval:
    """Somebody who may approve pressed approve or deny under a plan with that digest."""

    approval_id: str
    digest: str
    word: DecisionWord
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SwitchActions:
    """Somebody who may approve stops all actions, or lets them go on; `service` is where they asked."""

    service: str
    actor: Actor
    reason: str = ""


class OutcomeReason(StrEnum):
    """What became of a command."""

    DONE = "done"
    NOT_FOUND = "not_found"
    ALREADY = "already"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The answer to the person who asked: a reason, and one sentence that is shown privately."""

    reason: OutcomeReason
    sentence: str
