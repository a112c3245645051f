"""What is probably wrong, in an incident's message: why, what speaks against it, and the way out.

Called by `incidents`. All that comes from findings is raw here and escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.causes import RankingReason
from bot.rendering.blocks import context, joined, section
from bot.rendering.cause_words import (
    against_words,
    because_words,
    cause_words,
    first_words,
    opening,
    title_of,
    unjudged_words,
)
from bot.rendering.dates import moment, span
from bot.rendering.escaping import bold, code, mrkdwn

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.causes import RankedCause
    from bot.domain.suspects import Suspect
    from bot.ports.notifier import Block
    from bot.rendering.views import IncidentView

_OTHERS: Final = 2
_MARKS: Final = {
    RankingReason.NOTHING_WRONG: "✅",
    RankingReason.TOO_LITTLE_EVIDENCE: "🤷",
    RankingReason.NO_CAUSE_FITS: "❔",
}


def cause_blocks(view: IncidentView) -> tuple[Block, ...]:
    """At most two blocks; none before anything was looked at."""
    ranking = view.ranking
    if ranking is None or ranking.reason is RankingReason.NOT_LOOKED:
        return ()
    first = ranking.first
    if first is None or ranking.reason is not RankingReason.CAUSE_STANDS:
        return (section(f"{_MARKS.get(ranking.reason, '❔')} {mrkdwn(first_words(ranking), 900)}."),)
    lines = [_head(first), *_seen(first, view), *_reasons(first)]
    if first.explanation.strip():
        lines.append(mrkdwn(first.explanation, 500))
    lines += _fitting(first, view)
    others = [
        f"{mrkdwn(cause_words(cause), 400)}{_when(cause.suspect, view, ' · ')}"
        for cause in ranking.standing[1 : 1 + _OTHERS]
    ]
    return (section(joined(lines)), *((context("\n".join(others)),) if others else ()))


def _head(first: RankedCause) -> str:
    because = because_words(first)
    head = f"🎯 {bold(f'{opening(first.likelihood)}: {title_of(first)}', 400)}"
    why = f", because {mrkdwn(because, 700)}" if because else ""
    return f"{head} — {first.likelihood.value}{why}."


def _seen(first: RankedCause, view: IncidentView) -> list[str]:
    """Where it was seen: object, field, what stands there, since when; and what mends it."""
    found = first.suspect
    if found is None:
        return []
    place = mrkdwn(found.subject, 150)
    if found.field:
        place += f", {code(found.field, 200)}"
    if found.value:
        place += f" is {code(found.value, 150)}"
    lines = [f"{place}{_when(found, view, ' · ')}"]
    return [*lines, f"*Mend:* {mrkdwn(found.mend, 400)}"] if found.mend else lines


def _when(found: Suspect | None, view: IncidentView, before: str) -> str:
    if found is None or found.since is None:
        return ""
    ahead = found.before(alert_start(view))
    if ahead is None or ahead.total_seconds() <= 0:
        return f"{before}since {moment(found.since)}"
    return f"{before}{span(ahead)} before the alert"


def alert_start(view: IncidentView) -> datetime:
    """When the first alert that fires began; the incident's opening where none does."""
    return min((line.alert.starts_at for line in view.firing), default=view.incident.opened_at)


def _reasons(first: RankedCause) -> list[str]:
    against, unjudged = against_words(first), unjudged_words(first)
    said = [
        *([f"against: {mrkdwn(against, 350)}"] if against else []),
        *([f"cannot judge: {mrkdwn(unjudged, 250)}"] if unjudged else []),
    ]
    line = "; ".join(said)
    return [f"{line[:1].upper()}{line[1:]}"] if line else []


def _fitting(first: RankedCause, view: IncidentView) -> list[str]:
    offers = view.runbook.remediations if view.runbook else ()
    found = next((offer for offer in offers if offer.fits), None)
    if found is None or not first.likelihood.is_strong:
        return []
    button = "" if view.frozen else "; its button is below"
    return [f"👉 {bold(found.label or found.name, 150)} fits{button}"]
