"""The check `metrics`: the service's named queries now, against their thresholds, yesterday and a week ago.

A query that fails, gives nothing, no number or many numbers is told as that, each for itself; the others go
on. Called for a runbook's step (`names`) and by people who ask for one (`name`).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.arguments import duration_of, words_of
from bot.checks.metric_pictures import picture_of
from bot.checks.metric_readings import read_metric
from bot.checks.metric_words import details_of, summary_of, table_of, verdict_of
from bot.domain.errors import Permanent
from bot.domain.facts import number, yes_no
from bot.domain.findings import Finding
from bot.domain.outside_text import one_line
from bot.domain.words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.checks.metric_readings import Reading
    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Fact, Scalar
    from bot.domain.services import NamedMetric
    from bot.ports.readers import Readers

NAME: Final = "metrics"
FRESH_FOR: Final = timedelta(minutes=2)
ARGUMENTS: Final = frozenset({"name", "names", "range"})
METRIC_FACTS: Final[Mapping[str, KnownFact]] = {
    "value": number("now"),
    "before": number("the same hour yesterday"),
    "week_before": number("the same hour a week ago"),
    "ratio": number("of now to yesterday"),
    "threshold": number("as configured"),
    "above": yes_no("whether it is above the threshold"),
    "bad": yes_no("whether it is on the bad side of the threshold"),
}
"""The facts of each metric, named `METRIC.fact`; the metrics are those of the configuration."""

_ANSWER_WITHIN: Final = 10.0
_AT_ONCE: Final = 4
_MOST: Final = 40
_LONGEST: Final = timedelta(days=7)
_NO_RANGE: Final = timedelta(0)


async def run(
    target: CheckTarget, readers: Readers, now: datetime, arguments: Mapping[str, Scalar]
) -> Finding:
    """Ask Prometheus. Raises Permanent where no metric is configured, or none of that name."""
    chosen = _chosen(target, (*words_of(arguments, "name"), *words_of(arguments, "names")))
    within = duration_of(arguments, "range", default=_NO_RANGE, most=_LONGEST)
    turns = asyncio.Semaphore(_AT_ONCE)
    until = asyncio.get_running_loop().time() + _ANSWER_WITHIN
    readings = await asyncio.gather(
        *(
            read_metric(metric, readers.metrics, now=now, within=within, turns=turns, until=until)
            for metric in chosen
        )
    )
    attachments = await picture_of(
        readings, readers.metrics, service=target.service, now=now, within=within, turns=turns, until=until
    )
    unread = [reading for reading in readings if reading.value is None]
    return Finding(
        check=NAME,
        target=target.service,
        verdict=verdict_of(readings),
        summary=summary_of(readings),
        reason="; ".join(dict.fromkeys(one.why_not for one in unread[:3])) if unread == readings else "",
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts={name: fact for reading in readings for name, fact in _facts(reading).items()},
        table=table_of(readings, within=within),
        details=details_of(readings),
        attachments=attachments,
    )


def _chosen(target: CheckTarget, names: tuple[str, ...]) -> tuple[NamedMetric, ...]:
    by_name = {metric.name: metric for metric in target.metrics}
    if not by_name:
        raise Permanent(f"no metrics are configured for {target.service}: set `metrics`")
    for name in names:
        if name not in by_name:
            known = did_you_mean(name, by_name) or f"; configured are {', '.join(list(by_name)[:_MOST])}"
            raise Permanent(f"no metric `{one_line(name, limit=60)}` is configured{known}")
    wanted = dict.fromkeys(names or by_name)
    return tuple(by_name[name] for name in list(wanted)[:_MOST])


def _facts(reading: Reading) -> Mapping[str, Fact]:
    found: dict[str, Fact] = {
        "value": reading.value,
        "before": reading.yesterday,
        "week_before": reading.week_ago,
        "ratio": reading.ratio,
        "threshold": reading.metric.threshold,
        "above": reading.above,
        "bad": reading.bad,
    }
    return {f"{reading.metric.name}.{name}": fact for name, fact in found.items()}
