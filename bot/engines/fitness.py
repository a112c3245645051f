"""Why something is not asked for or not granted now: frozen, over already, or against the policy.

Called by the approving and the deciding engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain.commands import Outcome, OutcomeReason
from bot.domain.freezing import frozen_words, in_force
from bot.domain.incidents import IncidentState
from bot.domain.policies import HOUR, may_be_asked, may_be_done
from bot.domain.remedies import Refusal, RefusalReason
from bot.engines.responding import no_such_incident

if TYPE_CHECKING:
    from bot.domain.actors import Actor
    from bot.domain.policies import ApprovalPolicy
    from bot.domain.remedies import Plan, RemediationRequest
    from bot.ports.stores import Transaction


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why something is not asked for or not granted: a word for the record, a sentence for the person."""

    why: str
    sentence: str
    answer: OutcomeReason = OutcomeReason.REFUSED

    @property
    def outcome(self) -> Outcome:
        """The answer to the person."""
        return Outcome(reason=self.answer, sentence=self.sentence)


async def frozen(tx: Transaction, *, enabled: bool) -> Unfit | None:
    """The refusal while somebody has frozen all actions, or the configuration has switched them off."""
    freeze = in_force(await tx.freezes.current(), enabled=enabled, now=tx.now)
    if freeze is not None and freeze.configured:
        return Unfit("disabled", frozen_words(freeze))
    return Unfit("frozen", frozen_words(freeze), OutcomeReason.ALREADY) if freeze else None


async def forbidden(tx: Transaction, policy: ApprovalPolicy, wish: RemediationRequest | Plan) -> Unfit | None:
    """The refusal where the service's policy does not allow it now; an undo is never too soon."""
    action, target = wish.action, wish.target
    begun = () if wish.undoes else await tx.executions.begun(action, target, since=tx.now - HOUR)
    refusal = may_be_done(policy, action, target, now=tx.now, begun=begun)
    return Unfit(refusal.reason.value, refusal.sentence) if refusal else None


def unanswerable(
    policy: ApprovalPolicy, wish: RemediationRequest | Plan, *, requester: Actor
) -> Unfit | None:
    """The refusal where nobody could approve it; who asks to undo may be its approver, within the grace."""
    rule = policy.of(wish.action, wish.target)
    if wish.undoes and rule.undo_grace:
        return None
    refusal = may_be_asked(rule, wish.action, requester.id)
    return Unfit(refusal.reason.value, refusal.sentence) if refusal else None


async def over_already(tx: Transaction, incident_id: int | None) -> Unfit | None:
    """The refusal where the incident that something is about has ended; the incident stays locked."""
    if incident_id is None:
        return None
    incident = await tx.incidents.get(incident_id)
    if incident is None:
        return Unfit("no_such_incident", no_such_incident(incident_id).sentence, OutcomeReason.NOT_FOUND)
    if incident.state is IncidentState.RESOLVED:
        words = f"Incident #{incident.id} is resolved, so nothing is left to repair; nothing was done."
        return Unfit("incident_resolved", words)
    return None


def refused_now(planned: Plan | Refusal | None) -> Unfit | None:
    """The refusal where it could not be asked for any more, or where it was not planned again."""
    if planned is None:
        return Unfit(
            "changed_meanwhile", "The request changed while you pressed; look at it and press again."
        )
    if isinstance(planned, Refusal) and planned.reason is RefusalReason.UNREACHABLE:
        return Unfit(planned.reason.value, f"Nothing was done; press again in a moment. {planned.sentence}")
    if isinstance(planned, Refusal):
        since = "Something has changed since it was asked for, so nothing was done."
        return Unfit(planned.reason.value, f"{since} {planned.sentence}")
    return None
