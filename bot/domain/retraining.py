"""Whether a model should be trained anew: what speaks for it, what stands in the way. Pure.

The facts are read by `bot.checks.training_facts`; the check `retraining` shows the decision, the planning
engine heeds it for every request to retrain, and the proposing engine asks for an approval when it says so.
What is not known is said as such and counts neither for nor against: a person approves and reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.drift import ALERT_ABOVE
from bot.domain.durations import rough_duration
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.drift import DriftReport

WEEK: Final = timedelta(days=7)
_NAMED: Final = 3


class Ground(StrEnum):
    """What can speak for a retraining."""

    DRIFT = "drift"
    ACCURACY = "accuracy"
    AGE = "age"


class Objection(StrEnum):
    """What can stand in its way."""

    TOO_SOON = "too_soon"
    BROKEN_DATA = "broken_data"
    TOO_FEW_ROWS = "too_few_rows"
    RUNNING = "running"
    BUDGET = "budget"


class RetrainingVerdict(StrEnum):
    """A decision in one word; `unknown` where nothing speaks for it and something could not be told."""

    PROPOSED = "proposed"
    REFUSED = "refused"
    NOT_NEEDED = "not_needed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainingRules:
    """The thresholds of one service.

    `accuracy_drop` is a share (0.05 is five points), `broken_above` the share of the drift that broken data
    may make, `report_holds` the age beyond which a drift report says nothing any more. `proposes` is whether
    Lightship asks by itself, at most once in `rest`.
    """

    drift_above: float = ALERT_ABOVE
    accuracy_drop: float = 0.05
    oldest: timedelta = timedelta(days=30)
    min_between: timedelta = WEEK
    fewest_rows: int = 1_000
    most_a_week: int = 2
    broken_above: float = 0.5
    report_holds: timedelta = timedelta(hours=48)
    proposes: bool = True
    rest: timedelta = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingFacts:
    """What is known of a model, its data and its trainings; None is what is not known.

    `version` is the one behind the alias, made at `made_at`; `baseline` is what its accuracy is measured by,
    and `baseline_words` where that comes from. `accuracy` is its newest evaluation in production.
    `trained_at` is when the newest version of all was made. `running` names the trainings under way, `begun`
    says when those of the last week that somebody asked for began. `unknown` says in words why a fact is
    missing, by the fact's name, `unanswered` that somebody who was asked gave no answer this time.
    """

    report: DriftReport | None = None
    reported_at: datetime | None = None
    version: str = ""
    made_at: datetime | None = None
    baseline: float | None = None
    baseline_words: str = ""
    accuracy: float | None = None
    evaluated_at: datetime | None = None
    trained_at: datetime | None = None
    newest_version: int | None = None
    running: tuple[str, ...] | None = None
    begun: tuple[datetime, ...] | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)
    unanswered: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One ground or objection: whether it holds (None: that cannot be told), and why, in words."""

    what: Ground | Objection
    holds: bool | None
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainingDecision:
    """What follows from the facts; `unanswered` says that another look may find more of them."""

    verdict: RetrainingVerdict
    grounds: tuple[Judged, ...]
    objections: tuple[Judged, ...]
    newest_version: int | None = None
    unanswered: bool = False

    @property
    def speaking(self) -> tuple[Judged, ...]:
        """The grounds that hold."""
        return tuple(one for one in self.grounds if one.holds)

    @property
    def forbidding(self) -> tuple[Judged, ...]:
        """The objections that hold."""
        return tuple(one for one in self.objections if one.holds)

    @property
    def untold(self) -> tuple[Judged, ...]:
        """What could not be told."""
        return tuple(one for one in (*self.grounds, *self.objections) if one.holds is None)

    @property
    def words(self) -> str:
        """What speaks for it in one line; empty where nothing does."""
        return "; ".join(one.words for one in self.speaking)


def decide_retraining(facts: TrainingFacts, rules: RetrainingRules, *, now: datetime) -> RetrainingDecision:
    """Whether to propose a retraining, with everything that was weighed."""
    grounds = (_drift(facts, rules, now), _accuracy(facts, rules), _age(facts, rules, now))
    objections = (
        _too_soon(facts, rules, now),
        _broken(facts, rules, now),
        _too_few(facts, rules, now),
        _running(facts),
        _budget(facts, rules, now),
    )
    return RetrainingDecision(
        verdict=_verdict(grounds, objections),
        grounds=grounds,
        objections=objections,
        newest_version=facts.newest_version,
        unanswered=facts.unanswered,
    )


def _verdict(grounds: tuple[Judged, ...], objections: tuple[Judged, ...]) -> RetrainingVerdict:
    if any(one.holds for one in grounds):
        forbidden = any(one.holds for one in objections)
        return RetrainingVerdict.REFUSED if forbidden else RetrainingVerdict.PROPOSED
    unknown = any(one.holds is None for one in grounds)
    return RetrainingVerdict.UNKNOWN if unknown else RetrainingVerdict.NOT_NEEDED


def _report(facts: TrainingFacts, rules: RetrainingRules, now: datetime) -> DriftReport | str:
    """The drift report where it holds, else why there is none."""
    if facts.report is None or facts.reported_at is None:
        return facts.unknown.get("report", "there is no drift report")
    age = now - facts.reported_at
    if age > rules.report_holds:
        return f"the newest drift report is {rough_duration(age)} old"
    return facts.report


def _drift(facts: TrainingFacts, rules: RetrainingRules, now: datetime) -> Judged:
    report = _report(facts, rules, now)
    if isinstance(report, str) or report.score is None:
        why = report if isinstance(report, str) else f"too little data ({one_line(report.reason, limit=160)})"
        return Judged(what=Ground.DRIFT, holds=None, words=f"the drift is unknown: {why}")
    holds = report.score > rules.drift_above
    words = f"the drift score is {report.score:.2f}, {'' if holds else 'not '}above {rules.drift_above:g}"
    moved = ", ".join(one_line(one.name, limit=40) for one in report.worst(_NAMED))
    return Judged(what=Ground.DRIFT, holds=holds, words=f"{words} ({moved})" if holds and moved else words)


def _accuracy(facts: TrainingFacts, rules: RetrainingRules) -> Judged:
    if facts.accuracy is None or facts.baseline is None:
        missing = "accuracy" if facts.accuracy is None else "baseline"
        why = facts.unknown.get(missing, f"there is no {missing}")
        return Judged(what=Ground.ACCURACY, holds=None, words=f"the accuracy in production is unknown: {why}")
    drop = round(facts.baseline - facts.accuracy, 9)
    holds = drop > rules.accuracy_drop
    against = f"{facts.baseline_words or 'the baseline'} ({facts.baseline:.4g})"
    points = f"{abs(drop) * 100:.3g} points {'below' if drop > 0 else 'above'} {against}"
    limit = f"{'more' if holds else 'not more'} than {rules.accuracy_drop * 100:.3g} below"
    how = f"{points}, {limit}" if drop > 0 else points if drop else f"as {against}"
    return Judged(
        what=Ground.ACCURACY, holds=holds, words=f"the accuracy in production is {facts.accuracy:.4g}, {how}"
    )


def _age(facts: TrainingFacts, rules: RetrainingRules, now: datetime) -> Judged:
    if facts.made_at is None:
        why = facts.unknown.get("model", "there is no version behind the alias")
        return Judged(what=Ground.AGE, holds=None, words=f"the model's age is unknown: {why}")
    age = max(now - facts.made_at, timedelta(0))  # clocks differ, and nobody trains in the future
    holds = age > rules.oldest
    words = (
        f"version {one_line(facts.version, limit=20)} is {_days(age)} old, {'' if holds else 'not '}more than"
    )
    return Judged(what=Ground.AGE, holds=holds, words=f"{words} {_days(rules.oldest)}")


def _too_soon(facts: TrainingFacts, rules: RetrainingRules, now: datetime) -> Judged:
    if facts.trained_at is None:
        why = facts.unknown.get("model", "there is no version")
        return Judged(what=Objection.TOO_SOON, holds=None, words=f"the last training is unknown: {why}")
    ago = max(now - facts.trained_at, timedelta(0))
    holds = ago < rules.min_between
    rule = f"{'less' if holds else 'not less'} than {_days(rules.min_between)}"
    return Judged(
        what=Objection.TOO_SOON, holds=holds, words=f"the last training was {_days(ago)} ago, {rule}"
    )


def _broken(facts: TrainingFacts, rules: RetrainingRules, now: datetime) -> Judged:
    """Whether missing and never seen content makes more of the drift than shapes that moved."""
    report = _report(facts, rules, now)
    if isinstance(report, str):
        return Judged(what=Objection.BROKEN_DATA, holds=None, words=f"the data is not judged: {report}")
    drifted = [one for one in report.features if one.drifted]
    whole = sum(one.contribution for one in drifted)
    broken = sorted((one for one in drifted if one.by_content), key=lambda one: -one.contribution)
    share = sum(one.contribution for one in broken) / whole if whole else 0.0
    holds = share > rules.broken_above and report.score is not None and report.score > rules.drift_above
    if not holds:
        words = (
            f"missing or never seen content makes {share:.0%} of the drift" if whole else "no column drifted"
        )
        return Judged(what=Objection.BROKEN_DATA, holds=False, words=words)
    names = ", ".join(one_line(one.name, limit=40) for one in broken[:_NAMED])
    words = (
        f"the data looks broken: missing or never seen content makes {share:.0%} of the drift ({names}),"
        f" more than {rules.broken_above:.0%}; a model would learn the fault"
    )
    return Judged(what=Objection.BROKEN_DATA, holds=True, words=words)


def _too_few(facts: TrainingFacts, rules: RetrainingRules, now: datetime) -> Judged:
    report = _report(facts, rules, now)
    if isinstance(report, str):
        words = f"how many fresh rows there are is unknown: {report}"
        return Judged(what=Objection.TOO_FEW_ROWS, holds=None, words=words)
    rows = report.current.rows
    holds = rows < rules.fewest_rows
    enough = "fewer than" if holds else "not fewer than"
    words = f"there are {rows:,} fresh rows, {enough} {rules.fewest_rows:,}"
    return Judged(what=Objection.TOO_FEW_ROWS, holds=holds, words=words)


def _running(facts: TrainingFacts) -> Judged:
    if facts.running is None:
        why = facts.unknown.get("jobs", "the Jobs are not known")
        return Judged(what=Objection.RUNNING, holds=None, words=f"whether a training runs is unknown: {why}")
    if not facts.running:
        return Judged(what=Objection.RUNNING, holds=False, words="no training runs")
    name = one_line(facts.running[0], limit=80)
    return Judged(what=Objection.RUNNING, holds=True, words=f"a training runs already: Job {name}")


def _budget(facts: TrainingFacts, rules: RetrainingRules, now: datetime) -> Judged:
    if facts.begun is None:
        why = facts.unknown.get("jobs", "the Jobs are not known")
        return Judged(
            what=Objection.BUDGET, holds=None, words=f"the trainings of the last week are unknown: {why}"
        )
    count = sum(1 for moment in facts.begun if now - moment < WEEK)
    holds = count >= rules.most_a_week
    words = f"{count} of the {rules.most_a_week} trainings a week that may be asked for were begun"
    return Judged(what=Objection.BUDGET, holds=holds, words=words)


def _days(span: timedelta) -> str:
    """`41 days`; below two days as people say it."""
    return f"{span.days} days" if span >= timedelta(days=2) else rough_duration(span)
