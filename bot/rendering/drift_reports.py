"""A drift report as a message: score with its trend, verdict in words, what moved, what it cannot see.

Called by the composing engine. The message is edited while the verdict stays; where it changes, a new one
takes its place and this one says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.drift import BLIND_SPOTS, DriftVerdict
from bot.domain.drift_runs import DriftRunState
from bot.domain.drift_words import side_words, trend_bars
from bot.rendering.blocks import TEXT, context, header, joined, message, section
from bot.rendering.dates import age, moment
from bot.rendering.escaping import code, mrkdwn, plain
from bot.rendering.findings import TABLE_TEXT

if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

    from bot.domain.drift import DriftReport, FeatureDrift
    from bot.ports.notifier import Block, RenderedMessage
    from bot.rendering.views import DriftView

_WORST: Final = 5
_NAMED: Final = 8
_TREND: Final = 24
_CELL: Final = TABLE_TEXT // (_WORST * 5)
_WORDS: Final = {
    DriftVerdict.STEADY: ("✅", "no drift"),
    DriftVerdict.DRIFTED: ("⚠️", "drift"),
    DriftVerdict.SEVERE: ("🔴", "severe drift"),
    DriftVerdict.INSUFFICIENT: ("❔", "too little data for a drift score"),
}


def drift_message(view: DriftView) -> RenderedMessage:
    """The whole message."""
    report = view.report
    title = drift_headline(view)
    blocks = [
        header(title),
        *_over(view),
        *_failure(view),
        section(joined([mrkdwn(report.reason, 1_000), *_trend(view)])),
        *_schema(report),
        *_worst(report),
        section(joined(_numbers(view))),
        context(f"*It cannot see*: {mrkdwn(' '.join(BLIND_SPOTS), 900)}"),
        context(_foot(view)),
    ]
    return message(f"{mrkdwn(title, 300)}. {mrkdwn(report.reason, TEXT - 400)}", blocks)


def drift_headline(view: DriftView) -> str:
    """`🔴 shop: severe drift, score 0.62`, raw."""
    mark, words = _WORDS[view.report.verdict]
    score = "" if view.report.score is None else f", score {view.report.score:.2f}"
    return f"{mark if view.followed_by is None else '⏹️'} {plain(view.service, 60)}: {words}{score}"


def _over(view: DriftView) -> list[Block]:
    following = view.followed_by
    if following is None:
        return []
    score = "too little data" if following.score is None else f"score {following.score:.2f}"
    at = following.ended_at or following.started_at
    return [
        context(f"Over: a later report says otherwise ({score}, {moment(at)}). It has a message of its own")
    ]


def _failure(view: DriftView) -> list[Block]:
    newest = view.newest
    if newest is None or newest.state is not DriftRunState.FAILED or view.followed_by is not None:
        return []
    at = newest.ended_at or newest.started_at
    again = "the next run tries again" if newest.may_pass else "somebody has to change something"
    return [section(f"❌ The newest run failed {age(at, view.now)}: {mrkdwn(newest.reason, 500)} ({again})")]


def _trend(view: DriftView) -> list[str]:
    points = view.trend[-_TREND:]
    known = [point.score for point in points if point.score is not None]
    if len(known) < 2:  # noqa: PLR2004 - one score is no trend
        return []
    extremes = f"lowest {min(known):.2f}, highest {max(known):.2f}"
    told = f"{known[0]:.2f} → {known[-1]:.2f} over {len(points)} runs ({extremes})"
    return [f"Trend: {code(trend_bars(points), 60)} {told}"]


def _schema(report: DriftReport) -> list[Block]:
    changes = (
        ("missing from the current data", report.schema.missing),
        ("only in the current data", report.schema.added),
        ("of another type now", report.schema.retyped),
    )
    lines = [
        f"🧩 *The schema changed*, {what}: {mrkdwn(', '.join(names), 500)}"
        for what, names in changes
        if names
    ]
    return [section(joined(lines))] if lines else []


def _worst(report: DriftReport) -> list[Block]:
    worst = report.worst(_WORST)
    if not worst:
        return []
    gone = frozenset(report.schema.missing)
    rows = [["Feature", "Effect", "Reference", "Current", "What"], *(_row(one, gone) for one in worst)]
    moved = sum(feature.drifted for feature in report.features)
    more = [context(f"and {moved - len(worst)} more features moved")] if moved > len(worst) else []
    return [{"type": "table", "rows": [[_cell(text) for text in row] for row in rows]}, *more]


def _row(feature: FeatureDrift, gone: Container[str]) -> list[str]:
    weighted = "" if feature.weight == 1 else f" x {feature.weight:.2f}"
    before = side_words(feature.reference) if feature.reference else "not kept"
    now = "gone" if feature.name in gone else "of another type"
    if feature.current:
        now = side_words(feature.current)
    return [feature.name, f"{feature.effect:.2f}{weighted}", before, now, feature.reason]


def _cell(text: str) -> dict[str, Any]:
    return {"type": "raw_text", "text": plain(text, _CELL) or "none"}


def _numbers(view: DriftView) -> list[str]:
    report, run = view.report, view.run
    reference, current = report.reference, report.current
    lines = [
        f"Current: {current.rows:,} rows of {code(current.name, 200)}{_window(view)}",
        f"Reference: {reference.rows:,} rows of {code(reference.name, 200)}",
        f"Model version: {mrkdwn(run.model_version or 'not known', 60)}",
    ]
    joint = report.joint
    told = f"{joint.value:.2f} (0 is no difference)" if joint.value is not None else mrkdwn(joint.reason, 200)
    lines.append(f"All columns together: {told}")
    predictions = report.predictions
    if predictions is not None:
        score = "no score" if predictions.score is None else f"score {predictions.score:.2f}"
        sizes = f"{predictions.rows[0]:,} and {predictions.rows[1]:,} rows"
        lines.append(f"Predictions: {score}, {sizes}; {mrkdwn(predictions.reason, 200)}")
    if report.not_compared:
        names = ", ".join(plain(one.name, 40) for one in report.not_compared[:_NAMED])
        rest = len(report.not_compared) - _NAMED
        lines.append(f"Not compared: {mrkdwn(names, 400)}{f' and {rest} more' if rest > 0 else ''}")
    return lines


def _window(view: DriftView) -> str:
    window = view.run.window
    if window is None or window.start is None or window.end is None:
        return ""
    return f", {moment(window.start)} to {moment(window.end)} by {code(window.column, 60)}"


def _foot(view: DriftView) -> str:
    run = view.run
    tracked = f" · MLflow run {code(view.tracker_id, 40)}" if view.tracker_id else ""
    at = run.ended_at or run.started_at
    one = code(f"{view.command} drift FEATURE", 100)
    return f"Run {code(run.id, 60)}{tracked} · {moment(at)}, {age(at, view.now)} · {one} shows one feature"
