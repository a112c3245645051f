"""The comparison from end to end: a reference profile and a current source to a typed report.

Called by the command line and, in a worker process, by the bot. Pandas and scipy.stats are never imported
here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bot.domain.drift import (
    MINIMUM_ROWS,
    DriftReport,
    DriftSide,
    DriftVerdict,
    JointDrift,
    NotCompared,
    PredictionDrift,
    verdict_of,
)
from bot.domain.words import did_you_mean
from bot.drift.columns import Kind, Selection, unknown_names
from bot.drift.counting import MAXIMUM_LEVELS, Counts, text_array
from bot.drift.measuring import Measured, measure_broken, measure_categories, measure_numbers
from bot.drift.planning import Plan, narrowed, plan_comparison
from bot.drift.predictions import DEFAULT_COLUMN, PredictionSides, prediction_column
from bot.drift.profiling import count_source, silent
from bot.drift.score import Judged, combine, judge, seed_score
from bot.drift.verdicts import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from bot.drift.profile import Profile
    from bot.drift.sources import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the caller says beside the data. `weights` are in [0, 1] by column; see `relative_weights`."""

    selection: Selection = field(default_factory=Selection)
    weights: Mapping[str, float] = field(default_factory=dict)
    prediction: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Compared:
    """One source against one profile, counted and measured, not yet judged."""

    plan: Plan
    counts: Counts
    sample: Any
    measured: tuple[Measured, ...]
    not_compared: tuple[NotCompared, ...]
    rows: tuple[int, int]


def compare(
    reference: Profile,
    current: Source,
    *,
    options: Options | None = None,
    predictions: PredictionSides | None = None,
    progress: Callable[[int], None] = silent,
) -> DriftReport:
    """Compare the current rows with the reference, and the predictions of both when they are given.

    `progress` is told of every batch. Raises Permanent when a source cannot be read or names a column that is
    not there; too little data is no error but a report that says so.
    """
    options = options or Options()
    profile = narrowed(reference, options.selection, also_known=current.columns)
    main = _measure(profile, current, options.selection, with_sample=True, progress=progress)
    predicted = _measure_predictions(predictions, options, progress) if predictions else None
    measured = main.measured
    if predicted and predicted[1]:
        measured = (*measured, predicted[1])
    lacking = _lacking(profile, main, measured)
    judged = () if lacking else judge(measured, options.weights)
    score = None if lacking else combine(judged)
    features = tuple(one.feature for one in judged[: len(main.measured)])
    report = DriftReport(
        verdict=verdict_of(score),
        score=score,
        reason=lacking,
        seed_score=None if lacking else seed_score(main.measured),
        joint=_joint(profile, main, lacking, options),
        features=features,
        not_compared=main.not_compared,
        schema=main.plan.schema,
        reference=DriftSide(name=profile.name, rows=profile.rows, model_version=profile.model_version),
        current=DriftSide(name=current.name, rows=main.counts.rows),
        predictions=_prediction_drift(predicted, judged, main, options.prediction or DEFAULT_COLUMN),
        notes=_notes(options, profile, current.columns),
    )
    return (
        report if report.verdict is DriftVerdict.INSUFFICIENT else replace(report, reason=reason_of(report))
    )


def _measure(
    profile: Profile,
    current: Source,
    selection: Selection,
    *,
    with_sample: bool,
    progress: Callable[[int], None],
) -> _Compared:
    plan = plan_comparison(profile, current.columns, selection)
    sampled = plan.kinds if with_sample and profile.sample is not None else None
    counts, sample = count_source(current, plan.asked, sampled=sampled, progress=progress)
    rows = profile.rows, counts.rows
    not_compared = list(plan.not_compared)
    measured: list[Measured] = []
    for name, column in plan.counted.items() if min(rows) else ():
        nulls = counts.nulls[name]
        if name in counts.numbers:
            measured.append(measure_numbers(column, rows, counts.numbers[name], nulls))
        elif counts.categories[name].overflow:
            why = f"too many levels: more than {MAXIMUM_LEVELS:,} distinct values in the current data"
            not_compared.append(NotCompared(name=name, reason=why))
        else:
            measured.append(measure_categories(column, rows, counts.categories[name], nulls, profile.key))
    measured += [measure_broken(one.column, rows, one.reason, kind=one.kind) for one in plan.broken]
    order = {column.name: place for place, column in enumerate(profile.columns)}
    return _Compared(
        plan=plan,
        counts=counts,
        sample=sample,
        measured=tuple(sorted(measured, key=lambda one: order[one.name])),
        not_compared=tuple(not_compared),
        rows=rows,
    )


def _lacking(profile: Profile, main: _Compared, measured: tuple[Measured, ...]) -> str:
    """Why there is no score; empty when there is one."""
    few = [
        f"{rows:,} rows in {name}"
        for rows, name in ((profile.rows, "the reference"), (main.counts.rows, "the current data"))
        if rows < MINIMUM_ROWS
    ]
    if few:
        return f"Insufficient data: {' and '.join(few)}; {MINIMUM_ROWS} are needed on each side."
    nothing = main.plan.nothing_in_common and len(measured) == len(main.measured)
    if nothing or not measured:
        return "Insufficient data: no column can be compared, the two sides have nothing in common."
    return ""


def _measure_predictions(
    sides: PredictionSides, options: Options, progress: Callable[[int], None]
) -> tuple[_Compared, Measured | None]:
    """The prediction column of both sides, by the reference's name for it."""
    asked = options.prediction or sides.column
    before = {column.name: column.type for column in sides.reference.columns}
    name = prediction_column(sides.reference.name, before, asked)
    here = (
        prediction_column(sides.current.name, sides.current.columns, asked) if sides.current.columns else name
    )
    only = replace(
        sides.reference,
        columns=tuple(
            replace(column, name=here) for column in sides.reference.columns if column.name == name
        ),
        features=frozenset({here}),
        targets=frozenset(),
        sample=None,
    )
    compared = _measure(only, sides.current, Selection(), with_sample=False, progress=progress)
    enough = min(only.rows, compared.counts.rows) >= MINIMUM_ROWS and compared.measured
    return compared, compared.measured[0] if enough else None


def _prediction_drift(
    predicted: tuple[_Compared, Measured | None] | None,
    judged: tuple[Judged, ...],
    main: _Compared,
    name: str,
) -> PredictionDrift | None:
    if predicted is None:  # the prediction may be a column of the data itself
        among = [one.feature for one in judged if one.feature.name == name]
        feature = among[0] if among else None
        rows = main.rows
    else:
        rows = predicted[0].rows
        feature = judged[-1].feature if judged and predicted[1] else None
    if feature is not None:
        return PredictionDrift(score=feature.effect, reason=feature.reason, rows=rows, feature=feature)
    if predicted is None:
        return None
    return PredictionDrift(score=None, reason=_no_prediction(predicted[0]), rows=rows)


def _no_prediction(compared: _Compared) -> str:
    if min(compared.rows) < MINIMUM_ROWS:
        sizes = " and ".join(f"{rows:,}" for rows in compared.rows)
        return f"insufficient data: {sizes} predictions, {MINIMUM_ROWS} are needed on each side"
    return next((one.reason for one in compared.not_compared), "the data itself is insufficient")


def _joint(profile: Profile, main: _Compared, lacking: str, options: Options) -> JointDrift:
    if lacking:
        return JointDrift(value=None, reason="insufficient data")
    if profile.sample is None or not profile.sample.num_rows:
        return JointDrift(
            value=None, reason="it needs rows of the reference, and the profile was saved without a sample"
        )
    left_out = {options.prediction or DEFAULT_COLUMN, *(one.name for one in main.not_compared)}
    kinds = {
        name: kind
        for name, kind in main.plan.kinds.items()
        if name not in left_out and name in profile.sample.column_names
    }
    if main.sample is None:
        return JointDrift(value=None, reason="the engine counts rows and takes no sample of the current ones")
    if not kinds:
        return JointDrift(value=None, reason="no column of the sample can be compared")
    from bot.drift.joint import joint_score  # noqa: PLC0415 - not every report has a sample

    known = main.sample
    for name, kind in kinds.items():
        column = main.plan.counted[name]
        if kind is Kind.CATEGORY and column.rare:
            levels = [
                None if level is None else column.known_as(level, profile.key)
                for level in known.column(name).to_pylist()
            ]
            known = known.set_column(known.schema.get_field_index(name), name, text_array(levels))
    single = {name for name in kinds if main.plan.asked[name].single}
    return JointDrift(value=joint_score(profile.sample, known, kinds, single=single))


def _notes(options: Options, profile: Profile, current: Collection[str]) -> tuple[str, ...]:
    columns = {column.name for column in profile.columns}
    weighed = unknown_names(options.weights, columns | {options.prediction or DEFAULT_COLUMN})
    notes = [f"Weights for columns that the reference does not have: {_shown(weighed)}."] if weighed else []
    said = (("be left out", options.selection.exclude), ("be categories", options.selection.kinds))
    for what, names in said:
        nowhere = unknown_names(names, columns | set(current))
        if nowhere:
            hint = did_you_mean(nowhere[0], columns | set(current)) or "."
            notes.append(f"Said to {what}, but no column is called so: {_shown(nowhere)}{hint}")
    return tuple(notes)


def _shown(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:5])
