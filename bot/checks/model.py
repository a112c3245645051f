"""The check `model`: which version of the model the alias points to, how old it is, how well it trained."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.durations import rough_duration
from bot.domain.errors import NotFound, Permanent
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
    "metric_NAME": number("a metric of the run that made it, for example metric_accuracy"),
}
"""The facts that evidence expressions may name."""

_METRICS_SHOWN: Final = 20


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
    return _finding(version, alias=alias, now=now)


def _finding(version: ModelVersion, *, alias: str, now: datetime) -> Finding:
    age = now - version.created_at
    shown = sorted(version.metrics.items())[:_METRICS_SHOWN]
    facts: dict[str, Fact] = {"version": version.version, "age_days": round(age / timedelta(days=1), 2)}
    facts.update({f"metric_{re.sub(r'[^a-zA-Z0-9_]', '_', name)}": value for name, value in shown})
    rows = tuple((one_line(name, limit=60), f"{value:.4g}") for name, value in shown)
    name, number = one_line(version.name, limit=80), one_line(version.version, limit=20)
    return Finding(
        check=NAME,
        target=version.name,
        verdict=Verdict.OK,
        summary=f"{name} {alias} is version {number}, {rough_duration(age)} old",
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts=facts,
        table=Table(columns=("Metric", "Value"), rows=rows) if rows else None,
        details=(f"run {one_line(version.run_id, limit=64)}",) if version.run_id else (),
    )
