"""A HorizontalPodAutoscaler's object read into the few values that the check `hpa` judges. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.checks.reading import condition_of, name_of, parse_time
from bot.domain.outside_text import one_line
from bot.domain.quantities import format_bytes, format_cores, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.checks.reading import Condition
    from bot.ports.readers import KubeObject

_METRICS: Final = 20
_WORD: Final = 80
_PARTS: Final = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_FORMS: Final = ("averageUtilization", "averageValue", "value")


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricReport:
    """A metric that the autoscaler follows, as written now and as its target; `ratio` is now over target."""

    name: str
    now: str
    target: str
    ratio: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class HpaReport:
    """One autoscaler. `silent` when no controller has looked at it yet."""

    name: str
    current: int | None
    desired: int | None
    minimum: int
    maximum: int
    metrics: tuple[MetricReport, ...]
    able_to_scale: Condition
    active: Condition
    limited: Condition
    scaled_at: datetime | None

    @property
    def silent(self) -> bool:
        """Whether it has said nothing about itself."""
        return not self.able_to_scale.status and not self.active.status

    @property
    def switched_off(self) -> bool:
        """Whether it does nothing because the deployment was scaled to nothing."""
        return self.active.status == "False" and self.active.reason == "ScalingDisabled"

    @property
    def able(self) -> bool | None:
        """Whether it can read its metrics and scale; None where it did not say."""
        return None if self.silent else "False" not in (self.able_to_scale.status, self.active.status)

    @property
    def wants_more(self) -> bool:
        """Whether its metrics ask for more replicas than it may have."""
        return self.limited.status == "True" and self.limited.reason == "TooManyReplicas"

    @property
    def at_maximum(self) -> bool:
        """Whether it wants all it may have. One whose bounds are equal has no maximum to be at."""
        has_room = self.minimum < self.maximum
        return self.wants_more or (has_room and self.desired is not None and self.desired >= self.maximum)

    @property
    def at_maximum_since(self) -> datetime | None:
        """Since when it wants more than it may have.

        The condition's time stays when only its reason changes (from the lower bound to the upper one), but
        then the autoscaler has scaled since.
        """
        if not self.wants_more or self.limited.since is None:
            return None
        return max(self.limited.since, self.scaled_at) if self.scaled_at else self.limited.since


def report_of(item: KubeObject) -> HpaReport:
    """Read an autoscaler of autoscaling/v2."""
    spec, status = item.get("spec") or {}, item.get("status") or {}
    seen = {_identity(one): one for one in status.get("currentMetrics") or () if isinstance(one, dict)}
    wanted = (spec.get("metrics") or ())[:_METRICS]
    return HpaReport(
        name=one_line(name_of(item), limit=253),
        current=_count(status.get("currentReplicas")),
        desired=_count(status.get("desiredReplicas")),
        minimum=_count(spec.get("minReplicas", 1)) or 0,
        maximum=_count(spec.get("maxReplicas")) or 0,
        metrics=tuple(_metric(one, seen.get(_identity(one))) for one in wanted),
        able_to_scale=condition_of(item, "AbleToScale"),
        active=condition_of(item, "ScalingActive"),
        limited=condition_of(item, "ScalingLimited"),
        scaled_at=parse_time(status.get("lastScaleTime")),
    )


def _metric(wanted: Mapping[str, Any], seen: Mapping[str, Any] | None) -> MetricReport:
    name = _name(wanted)
    form, goal = _measure(_part(wanted).get("target") or {})
    values = _part(seen or {}).get("current") or {}
    current = parse_quantity(values.get(form)) if form else None
    return MetricReport(
        name=name,
        now="?" if current is None else _written(name, form, current),
        target="?" if goal is None else _written(name, form, goal),
        ratio=current / goal if current is not None and goal else None,
    )


def _part(metric: Mapping[str, Any]) -> Mapping[str, Any]:
    return metric.get(_PARTS.get(str(metric.get("type")), "")) or {}


def _identity(metric: Mapping[str, Any]) -> tuple[str, str]:
    return (str(metric.get("type")), _name(metric))


def _name(metric: Mapping[str, Any]) -> str:
    part = _part(metric)
    name = part.get("name") or (part.get("metric") or {}).get("name") or "?"
    container = part.get("container")
    about = (part.get("describedObject") or {}).get("name")
    return one_line(" of ".join(str(one) for one in (name, container or about) if one), limit=_WORD)


def _measure(target: Mapping[str, Any]) -> tuple[str, float | None]:
    form = next((one for one in _FORMS if target.get(one) is not None), "")
    return form, parse_quantity(target.get(form)) if form else None


def _written(name: str, form: str, amount: float) -> str:
    if form == "averageUtilization":
        return f"{amount:g}%"
    if name.startswith("memory"):
        return format_bytes(amount)
    return format_cores(amount) if name.startswith("cpu") else f"{amount:.4g}"


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None
