"""Alert rules of a rehearsal: conditions over time with a `for`, as Prometheus evaluates them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_SEPARATOR = b"\xff"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRule:
    """`value` gives the number that breaches, None where nothing does.

    `{value}` stands for that number in annotations. `expression` is how Prometheus shows the rule.
    """

    name: str
    value: Callable[[datetime], float | None]
    expression: str = ""
    holds_for: timedelta = timedelta(0)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    generator_url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RaisedAlert:
    """An alert as Alertmanager holds it: `ends_at` is None while it fires."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None
    generator_url: str

    @property
    def fingerprint(self) -> str:
        """The fingerprint that Prometheus and Alertmanager give these labels."""
        return fingerprint_of(self.labels)


class RuleEvaluation:
    """Evaluates rules at the times it is told, which must not go back."""

    def __init__(self, rules: Sequence[AlertRule]) -> None:
        self._rules = rules
        self._since: dict[int, datetime] = {}
        self._alerts: dict[int, RaisedAlert] = {}

    def evaluate(self, now: datetime) -> None:
        """Bring every rule to this time."""
        for place, rule in enumerate(self._rules):
            value = rule.value(now)
            raised = self._alerts.get(place)
            if value is None:
                self._since.pop(place, None)
                if raised is not None and raised.ends_at is None:
                    self._alerts[place] = _ended(raised, now)
                continue
            since = self._since.setdefault(place, now)
            if now - since < rule.holds_for:
                continue
            firing = raised is not None and raised.ends_at is None
            starts_at = raised.starts_at if raised is not None and firing else now
            self._alerts[place] = _raised(rule, value, starts_at)

    def alerts(self) -> tuple[RaisedAlert, ...]:
        """The alerts that fire, and those that have ended."""
        return tuple(self._alerts.values())

    def firing(self) -> tuple[RaisedAlert, ...]:
        """The alerts that fire."""
        return tuple(alert for alert in self._alerts.values() if alert.ends_at is None)


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """64-bit FNV-1a over the sorted labels, as 16 hexadecimal digits."""
    value = _FNV_OFFSET
    for name in sorted(labels):
        for part in (name.encode(), _SEPARATOR, labels[name].encode(), _SEPARATOR):
            for byte in part:
                value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def _raised(rule: AlertRule, value: float, starts_at: datetime) -> RaisedAlert:
    shown = f"{value:.2f}"
    return RaisedAlert(
        labels={"alertname": rule.name, **rule.labels},
        annotations={name: text.replace("{value}", shown) for name, text in rule.annotations.items()},
        starts_at=starts_at,
        ends_at=None,
        generator_url=rule.generator_url,
    )


def _ended(alert: RaisedAlert, now: datetime) -> RaisedAlert:
    return RaisedAlert(
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.starts_at,
        ends_at=now,
        generator_url=alert.generator_url,
    )
