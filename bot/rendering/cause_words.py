"""A ranking in words, raw: the same sentence in the message, in the thread, in lists and on a terminal.

Called by `bot.rendering.causes`, `bot.rendering.answers` and the engine that ranks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.causes import Judgement, Likelihood, RankingReason
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.domain.causes import RankedCause, Ranking

_FOR: Final = 3
_AGAINST: Final = 2
_BLIND: Final = 4
_CHECKS: Final = 12
_WORDS: Final = 160
_EVERY_WAY: Final = "failures"
_LOWERED: Final = frozenset(
    (
        *(
            "a",
            "an",
            "all",
            "at",
            "both",
            "every",
            "few",
            "hardly",
            "in",
            "it",
            "its",
            "many",
            "more",
            "most",
            "no",
            "nobody",
            "nothing",
        ),
        *("none", "of", "one", "only", "predictions", "probes", "requests", "several", "some", "somebody"),
        *("the", "there", "they", "what"),
    )
)
"""First words that lose their capital within a sentence."""


def first_words(ranking: Ranking, *, with_evidence: bool = True) -> str:
    """What the ranking comes to, in one sentence without a full stop; empty before anything was looked at."""
    first = ranking.first
    match ranking.reason:
        case RankingReason.NOT_LOOKED:
            return ""
        case RankingReason.NOTHING_WRONG:
            calm = f"Nothing wrong found in {listed(ranking.looked)}"
            return f"{calm}; {_lowered(cause_words(first, with_evidence=with_evidence))}" if first else calm
        case RankingReason.TOO_LITTLE_EVIDENCE:
            looked = f"Too little evidence for any cause in {listed(ranking.looked)}"
            said = looked if ranking.looked else "Nothing could be looked at"
            return f"{said}; {blind_words(ranking)}"
        case RankingReason.NO_CAUSE_FITS:
            return f"No known cause fits what was found in {listed(ranking.looked)}"
        case RankingReason.CAUSE_STANDS:
            return cause_words(first, with_evidence=with_evidence) if first else ""


def cause_words(cause: RankedCause, *, with_evidence: bool = True) -> str:
    """`Probably: High traffic, likely, because requests are 3.1 times yesterday's`."""
    head = f"{opening(cause.likelihood)}: {one_line(title_of(cause), limit=150)}"
    because = because_words(cause) if with_evidence else ""
    return f"{head}, because {because}" if because else head


def opening(likelihood: Likelihood) -> str:
    """The word before the first cause."""
    match likelihood:
        case Likelihood.CERTAIN:
            return "Found"
        case Likelihood.LIKELY:
            return "Probably"
        case _:
            return "Possibly"


def title_of(cause: RankedCause) -> str:
    """What is broken: of what was seen in an object its own sentence, else the runbook's title."""
    return cause.suspect.title if cause.suspect else cause.title


def because_words(cause: RankedCause) -> str:
    """What spoke for it, as one clause; empty where nothing did."""
    said = [*(cause.suspect.evidence if cause.suspect else ()), *_words(cause, Judgement.FOR)]
    return together([_clause(words) for words in said[:_FOR]])


def against_words(cause: RankedCause) -> str:
    """What spoke against it; of a failure that was seen for certain nothing is told."""
    if cause.likelihood is Likelihood.CERTAIN:
        return ""
    return "; ".join(_clause(words) for words in _words(cause, Judgement.AGAINST)[:_AGAINST])


def unjudged_words(cause: RankedCause) -> str:
    """`logs (could not look) and drift (not checked)`: what might have said more."""
    found = {
        one.check: one.why_not
        for one in cause.spoke(Judgement.CANNOT_JUDGE)
        if one.check and one.why_not is not None
    }
    return together([f"{check} ({why.value})" for check, why in list(found.items())[:_BLIND]])


def blind_words(ranking: Ranking) -> str:
    """Which checks cannot be judged, and why."""
    found: dict[str, str] = {check: why.value for check, why in ranking.blind}
    for cause in ranking.causes:
        for one in cause.spoke(Judgement.CANNOT_JUDGE):
            if one.check and one.why_not is not None:
                found.setdefault(one.check, one.why_not.value)
    told = [f"{check} ({why})" for check, why in list(found.items())[:_BLIND]]
    rest = len(found) - len(told)
    return f"cannot judge {together([*told, *([f'{rest} more'] if rest > 0 else [])])}"


def listed(checks: Sequence[str]) -> str:
    """`pods, hpa and events`; what looks for all known ways to fail is called that, at the end."""
    named = [check for check in checks if check != _EVERY_WAY]
    known = ["the known ways to fail"] if len(named) < len(checks) else []
    return together([*named[:_CHECKS], *known])


def together(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *others, last = parts or ("",)
    return f"{', '.join(others)} and {last}" if others else last


def _words(cause: RankedCause, judgement: Judgement) -> list[str]:
    return list(_distinct(one.words for one in cause.spoke(judgement) if one.words.strip()))


def _distinct(words: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(one_line(one, limit=_WORDS).rstrip(". ") for one in words)


def _clause(words: str) -> str:
    """A sentence as a part of another: a common first word loses its capital."""
    said = one_line(words, limit=_WORDS).rstrip(". ")
    first = said.split(" ", 1)[0]
    return _lowered(said) if first.casefold() in _LOWERED else said


def _lowered(words: str) -> str:
    return words[:1].lower() + words[1:]
