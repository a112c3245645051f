"""Which cause is the likeliest, and what spoke for it, against it, or could not be judged.

`bot.rendering.evidence` judges the evidence of a runbook; `bot.engines.ranking_causes` asks for the ranking
and `bot.rendering.causes` says it in words. Nothing is evaluated here: evidence comes in judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.findings import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from bot.domain.findings import Finding
    from bot.domain.suspects import FailureMode, Suspect

CERTAIN: Final = 0.9
LIKELY: Final = 0.6
POSSIBLE: Final = 0.3
BEST_OF_A_RUNBOOK: Final = 0.89
"""Where the evidence of a runbook ends: certain is only what was seen in an object."""
AGAINST: Final = 0.25
"""How loud evidence that does not hold is beside evidence that does: the signs of a cause seldom all show."""
DOUBT: Final = 2.0
"""The weight that evidence has to outweigh before a cause is believed."""


class Judgement(StrEnum):
    """What one piece of evidence says about its cause."""

    FOR = "for"
    AGAINST = "against"
    CANNOT_JUDGE = "cannot_judge"


class WhyNot(StrEnum):
    """Why evidence cannot be judged; the words are shown."""

    NOT_CHECKED = "not checked"
    COULD_NOT_LOOK = "could not look"
    TOO_OLD = "too old"
    NOT_FOUND_OUT = "not found out"
    FAILS = "the expression fails"


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedEvidence:
    """One piece of evidence, judged. `words` say what it says; `check` is what `why_not` is about."""

    judgement: Judgement
    weight: float
    words: str = ""
    why_not: WhyNot | None = None
    check: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedCause:
    """A cause of a runbook, its evidence judged. `explains` are the failure modes that are the same cause."""

    name: str
    title: str
    weight: float
    evidence: tuple[JudgedEvidence, ...]
    explanation: str = ""
    remediation: str | None = None
    explains: frozenset[FailureMode] = frozenset()


class Likelihood(StrEnum):
    """How much a cause is to be believed, in one word that is shown."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"
    NOT_JUDGED = "not judged"

    @property
    def stands(self) -> bool:
        """Whether there is reason to show it as a cause."""
        return self in _STANDING

    @property
    def is_strong(self) -> bool:
        """Whether there is reason to act on it."""
        return self in {Likelihood.CERTAIN, Likelihood.LIKELY}


_STANDING: Final = frozenset({Likelihood.CERTAIN, Likelihood.LIKELY, Likelihood.POSSIBLE})


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedCause:
    """A cause in its place. `score` goes from 0 to 1. With a `suspect` the bot saw it by itself.

    `remediation` is the runbook's name for what mends it, `action` the kind of remediation that does.
    """

    name: str
    title: str
    likelihood: Likelihood
    score: float
    evidence: tuple[JudgedEvidence, ...] = ()
    explanation: str = ""
    remediation: str | None = None
    action: str = ""
    suspect: Suspect | None = None

    def spoke(self, judgement: Judgement) -> tuple[JudgedEvidence, ...]:
        """The evidence of that judgement, the weightiest first."""
        found = [one for one in self.evidence if one.judgement is judgement]
        return tuple(sorted(found, key=lambda one: -one.weight))


class RankingReason(StrEnum):
    """What a ranking comes to."""

    NOT_LOOKED = "not_looked"
    CAUSE_STANDS = "cause_stands"
    NOTHING_WRONG = "nothing_wrong"
    TOO_LITTLE_EVIDENCE = "too_little_evidence"
    NO_CAUSE_FITS = "no_cause_fits"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """The causes, the likeliest first. `looked` are the checks whose findings count, `blind` the others.

    `calm` says that every check that could look found nothing wrong, whatever may have changed.
    """

    reason: RankingReason
    causes: tuple[RankedCause, ...] = ()
    looked: tuple[str, ...] = ()
    blind: tuple[tuple[str, WhyNot], ...] = field(default=())
    calm: bool = False

    @property
    def first(self) -> RankedCause | None:
        """The likeliest cause that stands."""
        return self.causes[0] if self.causes and self.causes[0].likelihood.stands else None

    @property
    def standing(self) -> tuple[RankedCause, ...]:
        """Those that there is reason to show."""
        return tuple(cause for cause in self.causes if cause.likelihood.stands)


def as_of(findings: Iterable[Finding]) -> datetime | None:
    """When a ranking of these findings is true: they are too old beside the newest one, not by the clock.

    So a ranking does not fall apart while nobody looks; the message says how old its findings are.
    """
    return max((finding.observed_at for finding in findings), default=None)


def why_blind(finding: Finding | None, *, at: datetime | None) -> WhyNot | None:
    """Why a finding cannot count; None where it does."""
    if finding is None:
        return WhyNot.NOT_CHECKED
    if at is not None and finding.is_stale(now=at):
        return WhyNot.TOO_OLD
    return WhyNot.COULD_NOT_LOOK if finding.verdict is Verdict.UNKNOWN else None


def rank(causes: Sequence[JudgedCause], findings: Sequence[Finding]) -> Ranking:
    """Put the runbook's causes and what the checks recognised into one order.

    More evidence for a cause never lowers it. While every check says ok, no cause is more than possible.
    """
    at = as_of(findings)
    blind = {one.check: why for one in findings if (why := why_blind(one, at=at)) is not None}
    heard = [one for one in findings if one.check not in blind]
    fresh = [one for one in findings if blind.get(one.check) is not WhyNot.TOO_OLD]
    suspects = _distinct(found for one in fresh for found in one.suspects)
    broken = any(not found.mode.is_change for found in suspects)
    calm = bool(heard) and not broken and all(one.verdict is Verdict.OK for one in heard)
    of_runbook = [_judged(cause, suspects, calm=calm) for cause in causes]
    explained = [cause.suspect for cause in of_runbook]
    ranked = [
        *(_suspected(found, calm=calm) for found in suspects if found not in explained),
        *of_runbook,
    ]
    ordered = tuple(sorted(ranked, key=lambda cause: (-cause.score, cause.suspect is None)))
    unjudged = any(cause.spoke(Judgement.CANNOT_JUDGE) for cause in ordered)
    return Ranking(
        reason=_reason(ordered, findings, calm=calm, blind=bool(blind) or unjudged),
        causes=ordered,
        looked=tuple(one.check for one in heard),
        blind=tuple(blind.items()),
        calm=calm,
    )


def score(evidence: Iterable[JudgedEvidence], *, weight: float) -> float:
    """What evidence comes to, from 0 to 1: what holds, against what does not and a standing doubt."""
    held = against = 0.0
    for one in evidence:
        held += one.weight if one.judgement is Judgement.FOR else 0.0
        against += one.weight if one.judgement is Judgement.AGAINST else 0.0
    return (held + weight) / (held + AGAINST * against + max(DOUBT, weight))


def _judged(cause: JudgedCause, suspects: Sequence[Suspect], *, calm: bool) -> RankedCause:
    seen = next((found for found in suspects if found.mode in cause.explains), None)
    certainty = seen.certainty if seen else 0.0
    read = min(score(cause.evidence, weight=cause.weight), BEST_OF_A_RUNBOOK)
    total = 1 - (1 - read) * (1 - certainty)
    return RankedCause(
        name=cause.name,
        title=cause.title,
        likelihood=_likelihood(cause, total, seen=seen is not None, calm=calm),
        score=total if seen or _holds(cause) else total * POSSIBLE,
        evidence=cause.evidence,
        explanation=cause.explanation,
        remediation=cause.remediation,
        action=seen.action if seen else "",
        suspect=seen,
    )


def _holds(cause: JudgedCause) -> bool:
    return any(one.judgement is Judgement.FOR for one in cause.evidence)


def _likelihood(cause: JudgedCause, total: float, *, seen: bool, calm: bool) -> Likelihood:
    if not seen and not _holds(cause):
        judged = any(one.judgement is Judgement.AGAINST for one in cause.evidence)
        return Likelihood.UNLIKELY if judged else Likelihood.NOT_JUDGED
    return _word(min(total, POSSIBLE) if calm else total)


def _suspected(found: Suspect, *, calm: bool) -> RankedCause:
    return RankedCause(
        name=found.mode.value,
        title=found.title,
        likelihood=_word(min(found.certainty, POSSIBLE) if calm else found.certainty),
        score=found.certainty,
        action=found.action,
        suspect=found,
    )


def _word(total: float) -> Likelihood:
    if total >= CERTAIN:
        return Likelihood.CERTAIN
    if total >= LIKELY:
        return Likelihood.LIKELY
    return Likelihood.POSSIBLE if total >= POSSIBLE else Likelihood.UNLIKELY


def _distinct(suspects: Iterable[Suspect]) -> list[Suspect]:
    """Each failure mode of an object once, the most certain first."""
    best: dict[tuple[str, str, str], Suspect] = {}
    for found in suspects:
        key = (found.mode.value, found.subject, found.field)
        if key not in best or best[key].certainty < found.certainty:
            best[key] = found
    return sorted(best.values(), key=lambda found: -found.certainty)


def _reason(
    ordered: Sequence[RankedCause], findings: Sequence[Finding], *, calm: bool, blind: bool
) -> RankingReason:
    if not findings:
        return RankingReason.NOT_LOOKED
    if ordered and ordered[0].likelihood.stands and not calm:
        return RankingReason.CAUSE_STANDS
    if calm:
        return RankingReason.NOTHING_WRONG
    return RankingReason.TOO_LITTLE_EVIDENCE if blind else RankingReason.NO_CAUSE_FITS
