"""Ranking the causes of an incident from what is known now, and telling when the first one changes.

Composing and reporting ask for the ranking whenever they show an incident; diagnosing notes it, in the
transaction that keeps new findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.actions import ACTIONS
from bot.domain.actors import LIGHTSHIP
from bot.domain.causes import RankingReason, rank
from bot.domain.events import RANKING_KINDS, EventKind
from bot.domain.incidents import IncidentState, worst_first
from bot.engines.noting import note
from bot.rendering.cause_words import first_words, title_of
from bot.rendering.contexts import incident_words, text_context
from bot.rendering.evidence import incident_values, judge
from bot.rendering.views import OfferedRemediation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta

    from bot.domain.alerts import Alert
    from bot.domain.causes import Ranking
    from bot.domain.findings import Finding
    from bot.domain.incidents import Classification, Incident
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.ports.clock import Ids
    from bot.ports.stores import Transaction

NEIGHBOURS: Final = 10
"""How many other open incidents of a service evidence sees, the worst first."""

OFFERED: Final = frozenset({*(action.value for action in ACTIONS), "silence"})


class RankingCauses:
    """Ranks causes. `runbook` and `classify` are asked anew each time."""

    def __init__(
        self,
        *,
        services: Mapping[str, WatchedService],
        runbook: Callable[[str], Runbook | None],
        classify: Callable[[Alert], Classification],
        settle: timedelta,
    ) -> None:
        self._services = services
        self._runbook = runbook
        self._classify = classify
        self._settle = settle

    def rank(
        self, incident: Incident, findings: Sequence[Finding], *, others: Iterable[Incident] = ()
    ) -> Ranking:
        """The causes of an incident; `others` are the open incidents of its service, itself left out."""
        runbook = self._runbook(incident.runbook or "")
        if runbook is None:
            return rank((), findings)
        service = self._services.get(incident.key.service)
        firing = worst_first(incident.firing(settle=self._settle), self._classify)
        known = firing[0][0] if firing else (incident.alerts[0].alert if incident.alerts else None)
        context = text_context(
            runbook=runbook,
            alert=known,
            incident=incident_words(incident),
            service=dict(service.words()) if service else {},
            findings=findings,
        )
        neighbours = incident_values(
            (other.title, (alert.name for alert in other.firing(settle=self._settle)))
            for other in others
            if other.id != incident.id
        )
        return rank(judge(runbook, findings, incidents=neighbours, context=context), findings)

    async def note(self, tx: Transaction, ids: Ids, incident: Incident) -> None:
        """Keep what the ranking comes to; the thread is told when another cause than before comes first."""
        if incident.state is IncidentState.RESOLVED:
            return
        findings = await tx.findings.of_incident(incident.id)
        others = await tx.incidents.unresolved(service=incident.key.service, limit=NEIGHBOURS + 1)
        ranking = self.rank(incident, findings, others=others)
        told = await tx.events.newest(incident.id, RANKING_KINDS)
        before = str(told.detail.get("cause") or "") if told else ""
        if told is not None and not _is_news(ranking, before=before):
            return
        detail = {
            "cause": _key(ranking),
            "title": _title(ranking),
            "words": first_words(ranking),
            "reason": ranking.reason.value,
        }
        if told is None:
            await note(tx, ids, incident, EventKind.CAUSES_RANKED, actor=LIGHTSHIP, detail=detail)
            return
        detail["before"] = str(told.detail.get("title") or "")
        await note(tx, ids, incident, EventKind.CAUSE_CHANGED, actor=LIGHTSHIP, detail=detail)


def offers(runbook: Runbook, ranking: Ranking | None) -> tuple[OfferedRemediation, ...]:
    """The remediations of a runbook that this version can do, those that mend the likeliest causes first.

    The one that mends the first cause is marked where there is reason to act on that cause.
    """
    known = [one for one in runbook.remediations if one.action in OFFERED]
    wanted: dict[str, bool] = {}
    for cause in ranking.standing if ranking else ():
        by_action = next((one.name for one in known if cause.action and one.action == cause.action), None)
        name = cause.remediation or by_action
        if name is not None:
            wanted.setdefault(name, ranking is not None and cause is ranking.first)
    strong = ranking is not None and ranking.first is not None and ranking.first.likelihood.is_strong
    order = {name: place for place, name in enumerate(wanted)}
    return tuple(
        OfferedRemediation(name=one.name, label=one.title, fits=strong and wanted.get(one.name, False))
        for one in sorted(known, key=lambda one: order.get(one.name, len(order)))
    )


def _is_news(ranking: Ranking, *, before: str) -> bool:
    """Another cause that there is reason to act on, or none any more where there was one.

    Less evidence, as when findings grow old, is no news: nobody is woken for what the bot cannot see.
    """
    first = ranking.first
    if ranking.reason is RankingReason.CAUSE_STANDS and first is not None:
        return first.likelihood.is_strong and _key(ranking) != before
    return ranking.reason is RankingReason.NOTHING_WRONG and bool(before)


def _key(ranking: Ranking) -> str:
    first = ranking.first if ranking.reason is RankingReason.CAUSE_STANDS else None
    if first is None:
        return ""
    return f"{first.name}/{first.suspect.subject}" if first.suspect else first.name


def _title(ranking: Ranking) -> str:
    first = ranking.first if ranking.reason is RankingReason.CAUSE_STANDS else None
    return title_of(first) if first else ""
