"""The check `model`: which version of the model the alias points to, how old it is, and its accuracy.

The accuracy is compared with the configured baseline, or with the version before where none is configured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.durations import rough_duration
from bot.domain.errors import LightshipError, NotFound, Permanent
from bot.domain.facts import number, text
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Fact, Scalar
    from bot.ports.readers import ModelVersion, Readers

NAME: Final = "model"
FRESH_FOR: Final = timedelta(minutes=30)
FACTS: Final[Mapping[str, KnownFact]] = {
    "version": text("the version behind the alias, as text"),
    "age_days": number("days since that version was registered", unit="days"),
    "accuracy": number("its accuracy, as its training measured it"),
    "accuracy_drop": number("how far that is below the baseline, or below the version before"),
    "metric_NAME": number("a metric of the run that made it, for example metric_accuracy"),
}
"""The facts that evidence expressions may name."""

ACCURACY: Final = "accuracy"
"""The metric of a run that is compared."""

_METRICS_SHOWN: Final = 20
_DROP: Final = 0.02
_LOOKED_BACK: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What an accuracy is compared with, and in words where that comes from."""

    accuracy: float
    words: str


async def run(
    target: CheckTarget,
    readers: Readers,
    now: datetime,
    arguments: Mapping[str, Scalar],  # noqa: ARG001 - the check takes none
) -> Finding:
    """Look the alias up in the model registry."""
    if not target.model:
        raise Permanent(f"no model is configured for {target.service}: set `model: {{name, alias}}`")
    alias = target.model_alias or "Production"
    try:
        version = await readers.models.version_by_alias(name=target.model, alias=alias)
    except NotFound as error:
        return Finding(
            check=NAME,
            target=target.model,
            verdict=Verdict.FAIL,
            summary=f"no version of {one_line(target.model)} has the alias {one_line(alias)}",
            reason=one_line(error),
            observed_at=now,
            fresh_for=FRESH_FOR,
        )
    return _finding(version, await _baseline(target, readers, version), alias=alias, now=now)


async def _baseline(target: CheckTarget, readers: Readers, version: ModelVersion) -> Baseline | None:
    """The configured one, else the newest earlier version that has an accuracy; None where there is none."""
    if target.model_baseline is not None:
        return Baseline(accuracy=target.model_baseline, words="the baseline")
    if ACCURACY not in version.metrics or not version.version.isdecimal():
        return None
    newest = int(version.version) - 1
    for earlier in range(newest, max(newest - _LOOKED_BACK, 0), -1):
        try:
            before = await readers.models.version(name=version.name, version=str(earlier))
        except NotFound:
            continue
        except LightshipError:
            return None  # what was before is beside the point
        if ACCURACY in before.metrics:
            return Baseline(accuracy=before.metrics[ACCURACY], words=f"version {earlier}")
    return None


def _finding(version: ModelVersion, baseline: Baseline | None, *, alias: str, now: datetime) -> Finding:
    age = max(now - version.created_at, timedelta(0))  # clocks differ, and nobody registers in the future
    shown = sorted(version.metrics.items())[:_METRICS_SHOWN]
    facts: dict[str, Fact] = {"version": version.version, "age_days": round(age / timedelta(days=1), 2)}
    facts.update({f"metric_{re.sub(r'[^a-zA-Z0-9_]', '_', name)}": value for name, value in shown})
    rows = tuple((one_line(name, limit=60), f"{value:.4g}") for name, value in shown)
    accuracy = version.metrics.get(ACCURACY)
    drop = round(baseline.accuracy - accuracy, 6) if baseline and accuracy is not None else None
    facts |= {ACCURACY: accuracy, "accuracy_drop": drop}
    worse = drop is not None and drop > _DROP
    name, number = one_line(version.name, limit=80), one_line(version.version, limit=20)
    return Finding(
        check=NAME,
        target=version.name,
        verdict=Verdict.WARN if worse else Verdict.OK,
        summary=(
            f"{name} {alias} is version {number}, {rough_duration(age)} old{_compared(accuracy, baseline)}"
        ),
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts=facts,
        table=Table(columns=("Metric", "Value"), rows=rows) if rows else None,
        details=(f"run {one_line(version.run_id, limit=64)}",) if version.run_id else (),
    )


def _compared(accuracy: float | None, baseline: Baseline | None) -> str:
    """`, accuracy 0.87, 4.1 points below version 6`; nothing where the run measured none."""
    if accuracy is None:
        return ""
    said = f", accuracy {accuracy:.3g}"
    if baseline is None:
        return said
    points = round((accuracy - baseline.accuracy) * 100, 1)
    if not points:
        return f"{said}, as {baseline.words}"
    return f"{said}, {abs(points):g} points {'above' if points > 0 else 'below'} {baseline.words}"
