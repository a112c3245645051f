"""The check `candidate`: the newest trained version beside the one in production, metric by metric.

The version in production is measured by its newest `production_evaluation` where that is of the candidate's
time, because both then saw the same rows; else by its own training, and the finding says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.arguments import count_of
from bot.domain.candidates import ACCURACY, Comparison, ComparisonVerdict, compare
from bot.domain.durations import rough_duration
from bot.domain.errors import NotFound, Permanent
from bot.domain.facts import number, text, yes_no
from bot.domain.files import Attachment
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.outside_text import one_line
from bot.domain.pictures import BarPanel, Bars, Picture, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.checks.targets import CheckTarget
    from bot.domain.candidates import MetricPair
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Fact, Scalar
    from bot.ports.readers import ModelVersion, Readers

NAME: Final = "candidate"
FRESH_FOR: Final = timedelta(minutes=30)
FACTS: Final[Mapping[str, KnownFact]] = {
    "version": text("the candidate's number, as text; nothing where no version is newer"),
    "production": text("the version behind the alias, as text"),
    "verdict": text(
        "the candidate's accuracy against production's", *(one.value for one in ComparisonVerdict)
    ),
    "better": yes_no("whether the candidate's accuracy is higher"),
    "difference": number("the candidate's accuracy less production's"),
    "same_rows": yes_no("whether both were measured in the same run of the pipeline"),
}
"""The facts that evidence expressions may name."""
ARGUMENTS: Final = frozenset({"after"})

SAME_RUN: Final = timedelta(hours=2)
"""A pipeline evaluates production in the same run in which it registers the candidate."""

_ROWS: Final = 20
_BARS: Final = 6
_PANELS: Final = 3
_MOST_NUMBER: Final = 10**9
_VERDICTS: Final = {
    ComparisonVerdict.BETTER: Verdict.OK,
    ComparisonVerdict.EQUAL: Verdict.OK,
    ComparisonVerdict.WORSE: Verdict.WARN,
    ComparisonVerdict.UNKNOWN: Verdict.UNKNOWN,
}


async def run(
    target: CheckTarget, readers: Readers, now: datetime, arguments: Mapping[str, Scalar]
) -> Finding:
    """Compare; the candidate's number must be above `after`. Raises what the registry does."""
    if not target.model:
        raise Permanent(f"no model is configured for {target.service}: set `model: {{name, alias}}`")
    name, alias = target.model, target.model_alias or "Production"
    try:
        production = await readers.models.version_by_alias(name=name, alias=alias)
    except NotFound as error:
        words = f"no version of {one_line(name)} has the alias {one_line(alias)}"
        raise Permanent(f"{words}, so there is nothing to compare with") from error
    after = count_of(arguments, "after", default=0, most=_MOST_NUMBER)
    candidate = _newest(await readers.models.versions(name=name), production, after)
    if candidate is None:
        return _nothing_new(production, after, now)
    measured, same_rows = await _measured(production, candidate, readers)
    return _finding(production, candidate, compare(measured, candidate.metrics), same_rows=same_rows, now=now)


def _newest(versions: tuple[ModelVersion, ...], production: ModelVersion, after: int) -> ModelVersion | None:
    least = max(_number(production), after)
    newer = [one for one in versions if _number(one) > least]
    return max(newer, key=_number, default=None)


def _number(version: ModelVersion) -> int:
    return int(version.version) if version.version.isdecimal() else 0


async def _measured(
    production: ModelVersion, candidate: ModelVersion, readers: Readers
) -> tuple[Mapping[str, float], bool]:
    """Production's metrics, and whether they are of the candidate's own run."""
    for one in await readers.models.evaluations(name=production.name, version=production.version):
        if abs(one.at - candidate.created_at) <= SAME_RUN and ACCURACY in one.metrics:
            return one.metrics, True
    return production.metrics, False


def _nothing_new(production: ModelVersion, after: int, now: datetime) -> Finding:
    number = one_line(production.version, limit=20)
    name = one_line(production.name, limit=80)
    newer = f", nor than {after}" if after > _number(production) else ""
    return Finding(
        check=NAME,
        target=production.name,
        verdict=Verdict.OK,
        summary=f"no version of {name} is newer than {number}, in production{newer}",
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts={**dict.fromkeys(FACTS), "production": production.version},
    )


def _finding(
    production: ModelVersion, candidate: ModelVersion, found: Comparison, *, same_rows: bool, now: datetime
) -> Finding:
    deciding = next((pair for pair in found.pairs if pair.name == found.by), None)
    summary = _summary(production, candidate, found, deciding)
    facts: dict[str, Fact] = {
        "version": candidate.version,
        "production": production.version,
        "verdict": found.verdict.value,
        "better": None
        if found.verdict is ComparisonVerdict.UNKNOWN
        else found.verdict is ComparisonVerdict.BETTER,
        "difference": round(deciding.difference, 6) if deciding and deciding.difference is not None else None,
        "same_rows": same_rows,
    }
    same = "both were measured on the same rows, in the run that trained the candidate"
    other = "production was measured at its own training, on other rows: the difference may be theirs"
    age = rough_duration(max(now - candidate.created_at, timedelta(0)))
    return Finding(
        check=NAME,
        target=candidate.name,
        verdict=_VERDICTS[found.verdict],
        summary=summary,
        reason="one of the two logged no accuracy" if found.verdict is ComparisonVerdict.UNKNOWN else "",
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts=facts,
        table=_table(production, candidate, found),
        details=(same if same_rows else other, f"the candidate was made {age} ago"),
        attachments=_picture(production, candidate, found, summary),
    )


def _summary(
    production: ModelVersion, candidate: ModelVersion, found: Comparison, deciding: MetricPair | None
) -> str:
    new, old = one_line(candidate.version, limit=20), one_line(production.version, limit=20)
    head = f"version {new} is {found.verdict.value} than version {old} in production"
    match found.verdict:
        case ComparisonVerdict.UNKNOWN:
            return f"unknown whether version {new} is better than version {old} in production"
        case ComparisonVerdict.EQUAL:
            head = f"version {new} is as good as version {old} in production"
    if deciding is None or deciding.difference is None:
        return head
    points = f"{deciding.difference * 100:+.2g} points" if deciding.difference else "the same"
    return f"{head}: {found.by} {deciding.production:.4g} → {deciding.candidate:.4g} ({points})"


def _table(production: ModelVersion, candidate: ModelVersion, found: Comparison) -> Table | None:
    rows = tuple(
        (
            one_line(pair.name, limit=60),
            _shown(pair.production),
            _shown(pair.candidate),
            "" if pair.difference is None else f"{pair.difference:+.4g}",
            "" if pair.verdict is ComparisonVerdict.UNKNOWN else pair.verdict.value,
        )
        for pair in found.pairs[:_ROWS]
    )
    versions = [f"Version {one_line(one.version, limit=20)}" for one in (production, candidate)]
    columns = (
        "Metric",
        f"{versions[0]} (production)",
        f"{versions[1]} (candidate)",
        "Difference",
        "Candidate is",
    )
    return Table(columns=columns, rows=rows) if rows else None


def _picture(
    production: ModelVersion, candidate: ModelVersion, found: Comparison, summary: str
) -> tuple[Attachment, ...]:
    """Shares in one panel, every other metric that both have in its own, because its scale is its own."""
    both = [pair for pair in found.pairs if pair.difference is not None]
    shares = [pair for pair in both if all(0 <= (one or 0) <= 1 for one in (pair.production, pair.candidate))]
    others = [pair for pair in both if pair not in shares]
    groups = [shares[:_BARS]] if shares else []
    groups += [[pair] for pair in others[: _PANELS - len(groups)]]
    if not groups:
        return ()
    old, new = f"version {production.version}, production", f"version {candidate.version}, candidate"
    panels = tuple(
        BarPanel(
            title="Metrics" if len(group) > 1 else one_line(group[0].name, limit=40),
            labels=tuple(pair.name for pair in group),
            bars=(
                Bars(label=old, values=tuple(pair.production for pair in group), role=Role.BEFORE),
                Bars(label=new, values=tuple(pair.candidate for pair in group), role=Role.NOW),
            ),
            note=_note(group),
        )
        for group in groups
    )
    picture = Picture(
        title=f"{one_line(candidate.name, limit=60)}: candidate against production",
        subtitle=summary,
        panels=panels,
        alt_text=f"Bars of each metric of both versions: {summary}.",
    )
    return (Attachment(name="candidate.png", title=summary, alt_text=picture.alt_text, picture=picture),)


def _note(group: Sequence[MetricPair]) -> str:
    lower = [one_line(pair.name, limit=20) for pair in group if pair.lower_is_better]
    return f"lower is better: {', '.join(lower)}" if lower else ""


def _shown(value: float | None) -> str:
    return "not logged" if value is None else f"{value:.4g}"
