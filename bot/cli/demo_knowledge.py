"""What the bot knows, for the console's panel: the newest incidents with all that is kept of them.

Read from the demo's own store, each time somebody looks; the console draws it and knows nothing of the bot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.bootstrap.services import classification
from bot.domain.causes import Judgement
from bot.engines.ranking_causes import RankingCauses
from bot.rendering.approvals import plan_words

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.bootstrap.assembly import Lightship
    from bot.domain.causes import JudgedEvidence, RankedCause
    from bot.domain.incidents import Incident
    from bot.ports.stores import Transaction

MOST_INCIDENTS: Final = 5
_MOST_EVENTS: Final = 100


class Known:
    """Answers what is known now."""

    def __init__(self, lightship: Lightship) -> None:
        self._store = lightship.outside.store
        self._settle: timedelta = lightship.settings.intake.resolve_settle
        self._ranking = RankingCauses(
            services=lightship.services,
            runbook=lightship.runbooks.get,
            classify=classification(lightship.runbooks.all),
            settle=self._settle,
        )

    async def __call__(self) -> dict[str, Any]:
        """The newest incidents, and the head of the audit."""
        async with self._store.transaction() as tx:
            newest = await tx.incidents.recent(limit=MOST_INCIDENTS)
            incidents = [await self._incident(tx, one) for one in newest]
            head = await tx.audit.head()
        shown = f"{head.number}:{head.hash[:12]}" if head.number else ""
        return {"incidents": incidents, "audit_head": shown}

    async def _incident(self, tx: Transaction, incident: Incident) -> dict[str, Any]:
        findings = await tx.findings.of_incident(incident.id)
        events = await tx.events.of_incident(incident.id, limit=_MOST_EVENTS)
        numbers = await tx.audit.numbers(incident.id)
        asked = dict.fromkeys(str(one.detail["approval"]) for one in events if one.detail.get("approval"))
        approvals = [await tx.approvals.get(approval) for approval in asked]
        return {
            "id": incident.id,
            "title": incident.title,
            "state": incident.state.value,
            "severity": incident.severity.value,
            "revision": incident.revision,
            "firing": len(incident.firing(settle=self._settle)),
            "runbook": incident.runbook or "",
            "findings": [
                {"check": one.check, "verdict": one.verdict.value, "summary": one.summary} for one in findings
            ],
            "causes": [_cause(one) for one in self._ranking.rank(incident, findings).causes],
            "approvals": [
                {"state": one.state.value, "plan": plan_words(one.plan), "digest": one.digest[:12]}
                for one in approvals
                if one is not None
            ],
            "audit": [
                {"number": numbers[one.id], "kind": one.kind.value, "by": one.actor.id}
                for one in events
                if one.id in numbers
            ],
        }


def _why_not(evidence: JudgedEvidence) -> str:
    """Why it could not be judged, in the word for it."""
    return f"{evidence.check}: {evidence.why_not.value.replace('_', ' ')}" if evidence.why_not else ""


def _cause(cause: RankedCause) -> dict[str, Any]:
    return {
        "title": cause.title,
        "likelihood": cause.likelihood.value,
        "score": round(cause.score, 2),
        "evidence": [
            {"judgement": one.judgement.value, "weight": one.weight, "words": one.words or _why_not(one)}
            for judgement in Judgement
            for one in cause.spoke(judgement)
        ],
    }
