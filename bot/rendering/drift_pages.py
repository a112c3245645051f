"""A drift report as one HTML page that needs nothing else: to be opened from a disk, a thread or MLflow.

Called by `lightship drift report --html`, by the engine that tells MLflow, and for the file in the thread.
Names and values come from data, so everything is escaped, and nothing is loaded from anywhere.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from bot.domain.drift import BLIND_SPOTS, DriftVerdict
from bot.domain.drift_words import side_words
from bot.domain.outside_text import one_line
from bot.rendering.drift_charts import shape_chart, trend_chart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.domain.drift import DriftReport, FeatureDrift
    from bot.domain.drift_runs import DriftPoint, DriftRun

_WORST: Final = 12
_WORDS: Final = {
    DriftVerdict.STEADY: "No drift",
    DriftVerdict.DRIFTED: "Drift",
    DriftVerdict.SEVERE: "Severe drift",
    DriftVerdict.INSUFFICIENT: "Too little data",
}
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1d2127;--quiet:#5c6673;--line:#dfe3e8;--card:#f6f7f9;
--before:#9aa5b4;--now:#1f6feb;--steady:#1a7f4b;--drifted:#b3640a;--severe:#c62828;--insufficient:#5c6673}
@media(prefers-color-scheme:dark){:root{--paper:#16191e;--ink:#eef1f5;--quiet:#a9b2be;--line:#333942;--card:#1f2329;
--before:#7d8898;--now:#58b0ff;--steady:#4fd1a5;--drifted:#ffc24d;--severe:#ff7b72;--insufficient:#a9b2be}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1000px;padding:24px 20px 60px;background:var(--paper);
color:var(--ink);font:15px/1.5 system-ui,sans-serif}h1{font-size:22px;margin:0}
h2{font-size:17px;margin:36px 0 10px}
h3{font-size:15px;margin:0;overflow-wrap:anywhere}p{margin:6px 0}.quiet{color:var(--quiet)}
.verdict{display:flex;gap:20px;align-items:center;margin:16px 0;padding:14px 18px;background:var(--card);
border-left:6px solid var(--mark);border-radius:6px}.verdict b{font-size:40px;line-height:1;color:var(--mark)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}dt{color:var(--quiet)}
dd{margin:0;overflow-wrap:anywhere}
.cards{display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(290px,1fr))}
.card{background:var(--card);border-radius:6px;padding:12px 14px}.card p{font-size:13px}
svg{width:100%;height:auto;display:block;margin:8px 0;overflow:visible}
svg text{font-size:9px;fill:var(--quiet)}
.axis{stroke:var(--line)}.before{fill:var(--before)}.now{fill:var(--now)}
.alert{stroke:var(--drifted);stroke-dasharray:5 4}.escalate{stroke:var(--severe);stroke-dasharray:5 4}
.trend polyline{fill:none;stroke:var(--now);stroke-width:2}.trend circle{fill:var(--now)}
.key{display:inline-block;width:10px;height:10px;margin:0 5px 0 12px}.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px}th,td{text-align:left;padding:5px 10px 5px 0;
border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--quiet);font-weight:600}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}.changed{color:var(--severe);font-weight:600}
"""


def drift_page(
    report: DriftReport, *, title: str, run: DriftRun | None = None, trend: Sequence[DriftPoint] = ()
) -> str:
    """The whole page. `title` is what it is about; without a run it is a report made by hand."""
    score = "none" if report.score is None else f"{report.score:.2f}"
    worst = report.worst(_WORST)
    verdict = (
        f'<div class="verdict" style="--mark:var(--{report.verdict.value})"><b>{score}</b>'
        f"<div><h3>{_WORDS[report.verdict]}</h3><p>{_text(report.reason, 600)}</p></div></div>"
    )
    parts = [
        f"<h1>{_text(title)}</h1>",
        verdict,
        _changes(report),
        f"<dl>{''.join(_facts(report, run))}</dl>",
        *(["<h2>The score over the last runs</h2>", trend_chart(trend)] if len(trend) > 1 else []),
        *(["<h2>What moved most</h2>", _key(), _cards(worst)] if worst else []),
        "<h2>All features</h2>",
        _feature_table(report.features),
        *(["<h2>Not compared</h2>", _reasons(report)] if report.not_compared else []),
        *(f"<p>{_text(note, 400)}</p>" for note in report.notes),
        "<h2>What the score cannot see</h2>",
        f"<ul>{''.join(f'<li>{_text(words, 300)}</li>' for words in BLIND_SPOTS)}</ul>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


def _facts(report: DriftReport, run: DriftRun | None) -> Iterable[str]:
    reference, current = report.reference, report.current
    version = (run.model_version if run else "") or reference.model_version
    yield _fact("Reference", f"{reference.name}, {reference.rows:,} rows")
    yield _fact("Current", f"{current.name}, {current.rows:,} rows")
    if run is not None and run.window is not None and run.window.start and run.window.end:
        span = f"{run.window.start:%Y-%m-%d %H:%M} to {run.window.end:%Y-%m-%d %H:%M} UTC"
        yield _fact("Window", f"{span}, by {run.window.column}")
    yield _fact("Model version", version or "not known")
    joint = report.joint
    told = f"{joint.value:.2f}, where 0 is no difference" if joint.value is not None else joint.reason
    yield _fact("All columns together", told)
    predictions = report.predictions
    if predictions is not None:
        told = f"score {predictions.score:.2f}" if predictions.score is not None else "no score"
        sizes = f"{predictions.rows[0]:,} and {predictions.rows[1]:,} rows"
        yield _fact("Predictions", f"{told} ({sizes}); {predictions.reason}")
    if report.seed_score is not None:
        yield _fact(
            "1 - mean p", f"{report.seed_score:.2f}: about 0.5 without any drift, not to be alerted on"
        )
    if run is not None:
        at = f", {run.ended_at:%Y-%m-%d %H:%M} UTC" if run.ended_at else ""
        yield _fact("Run", f"{run.id}{at}")


def _fact(word: str, text: str) -> str:
    return f"<dt>{word}</dt><dd>{_text(text, 400)}</dd>"


def _changes(report: DriftReport) -> str:
    words = (
        ("missing from the current data", report.schema.missing),
        ("only in the current data", report.schema.added),
        ("of another type now", report.schema.retyped),
    )
    return "".join(
        f'<p class="changed">The schema changed, {what}: {_text(", ".join(names), 600)}</p>'
        for what, names in words
        if names
    )


def _key() -> str:
    return (
        '<p class="quiet"><span class="key" style="background:var(--before)"></span>reference'
        '<span class="key" style="background:var(--now)"></span>current</p>'
    )


def _cards(features: Sequence[FeatureDrift]) -> str:
    cards = [
        f'<div class="card"><h3>{_text(one.name)} <span class="quiet">{one.effect:.2f}</span></h3>'
        f"{shape_chart(one)}<p>{_text(one.reason, 400)}</p>"
        f'<p class="quiet">{_text(_sides(one), 300)}</p></div>'
        for one in features
    ]
    return f'<div class="cards">{"".join(cards)}</div>'


def _sides(feature: FeatureDrift) -> str:
    told = [
        f"{word}: {side_words(side)}"
        for word, side in (("Reference", feature.reference), ("Current", feature.current))
        if side is not None
    ]
    return ". ".join(told)


def _feature_table(features: Sequence[FeatureDrift]) -> str:
    if not features:
        return '<p class="quiet">None could be compared.</p>'
    ordered = sorted(features, key=lambda one: (-one.contribution, one.name))
    rows = "".join(_feature_row(one) for one in ordered)
    head = "".join(
        f"<th>{word}</th>" for word in ("Feature", "Effect", "Weight", "Test", "Statistic", "p", "What")
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _feature_row(one: FeatureDrift) -> str:
    numbers = (f"{one.effect:.2f}", f"{one.weight:.2f}", _number(one.statistic), _number(one.p_value))
    effect, weight, statistic, p_value = (f'<td class="n">{number}</td>' for number in numbers)
    return (
        f"<tr><td>{_text(one.name)}</td>{effect}{weight}<td>{one.test.value}</td>{statistic}{p_value}"
        f"<td>{_text(one.reason, 400)}</td></tr>"
    )


def _reasons(report: DriftReport) -> str:
    rows = "".join(
        f"<tr><td>{_text(one.name)}</td><td>{_text(one.reason, 300)}</td></tr>" for one in report.not_compared
    )
    return f'<div class="scroll"><table>{rows}</table></div>'


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _text(words: str, limit: int = 120) -> str:
    return escape(one_line(words, limit=limit), quote=True)
