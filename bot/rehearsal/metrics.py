"""The rehearsal's Prometheus: series as functions of time, asked by their exact expression or by name."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.errors import Permanent, Temporary
from bot.domain.matchers import MatcherError, matches_all, parse_matchers
from bot.ports.readers import Sample, SeenRule, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from bot.ports.clock import Clock
    from bot.rehearsal.faults import Faults
    from bot.rehearsal.rules import AlertRule

Value = float | None
Labels = tuple[tuple[str, str], ...]

_MOST_POINTS: Final = 11_000
"""Prometheus' own limit of points in a series."""


class RehearsalMetrics:
    """`bot.ports.readers.MetricsReader` in memory.

    An expression is answered when it was defined as it is written (spaces aside), or when it is a defined
    name with matchers. Everything else has no value, as with Prometheus.
    """

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._rules: tuple[AlertRule, ...] = ()
        self._series: dict[str, dict[Labels, Callable[[datetime], Value]]] = {}

    def define(
        self, expression: str, value: Callable[[datetime], Value], labels: Mapping[str, str] | None = None
    ) -> None:
        """Let an expression have a series with these labels; where `value` is None it has no sample."""
        key = tuple(sorted((labels or {}).items()))
        self._series.setdefault(_plain(expression), {})[key] = value

    def evaluate(self, rules: Sequence[AlertRule]) -> None:
        """Show these alert rules; the expression of each has a sample while it breaches."""
        self._rules = tuple(rules)
        for rule in rules:
            if rule.expression:
                self.define(rule.expression, rule.value)

    async def alerting_rules(self, name: str) -> tuple[SeenRule, ...]:
        """Its alerting rules of that name; none where it evaluates none."""
        await self._meet("metrics.alerting_rules")
        return tuple(
            SeenRule(expression=rule.expression, labels=rule.labels)
            for rule in self._rules
            if rule.name == name and rule.expression
        )

    async def query(self, promql: str, *, at: datetime | None = None) -> tuple[Sample, ...]:
        """The value of an expression now or at a time."""
        await self._meet("metrics.query")
        moment = at or self._clock.now()
        values = ((labels, value(moment)) for labels, value in self._found(promql).items())
        return tuple(
            Sample(labels=dict(labels), at=moment, value=value)
            for labels, value in values
            if value is not None
        )

    async def query_range(
        self, promql: str, *, start: datetime, end: datetime, step: float
    ) -> tuple[Series, ...]:
        """The values of an expression over a time; `step` in seconds."""
        await self._meet("metrics.query_range")
        if step <= 0 or (end - start).total_seconds() / step > _MOST_POINTS:
            raise Permanent(f"Prometheus refuses: more than {_MOST_POINTS} points a series")
        count = int((end - start).total_seconds() // step) + 1
        moments = [start + timedelta(seconds=step * place) for place in range(count)]
        found = []
        for labels, value in self._found(promql).items():
            values = ((moment, value(moment)) for moment in moments)
            points = tuple((moment, number) for moment, number in values if number is not None)
            if points:
                found.append(Series(labels=dict(labels), points=points))
        return tuple(found)

    def _found(self, promql: str) -> Mapping[Labels, Callable[[datetime], Value]]:
        plain = _plain(promql)
        if plain in self._series:
            return self._series[plain]
        name, brace, rest = promql.strip().partition("{")
        series = self._series.get(_plain(name), {}) if brace else {}
        if not series or not rest.strip().removesuffix("}").strip():
            return series
        try:
            matchers = parse_matchers("{" + rest)
        except MatcherError as error:
            raise Permanent(f"Prometheus refuses: {error}") from error
        return {key: value for key, value in series.items() if matches_all(matchers, dict(key))}

    async def _meet(self, call: str) -> None:
        if await self._faults.meet(call):
            raise Temporary("no answer in time")


def _plain(expression: str) -> str:
    return "".join(expression.split())
