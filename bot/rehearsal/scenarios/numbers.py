"""The numbers of a rehearsal's world over time: constants, formulas, steps and ramps, by name.

Made from a scenario's `metrics`; the staged world's Prometheus answers from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.rehearsal.scenarios.formulas import Formula

GIVEN: Final = {
    "t": "seconds since the world began",
    "ready": "pods of the deployment that are ready",
    "replicas": "pods that it wants",
    "revision": "the number of its newest revision",
}
"""The numbers that every world has."""

_DEEPEST: Final = 50
_MOST_REMEMBERED: Final = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """How a number goes: formulas from times on, the first one before them; `ramp` joins them by lines."""

    points: tuple[tuple[timedelta, Formula], ...]
    ramp: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The numbers that it rests on."""
        return frozenset().union(*(formula.names for _, formula in self.points))


class Numbers:
    """All numbers of one world. `given` tells those that the world itself has."""

    def __init__(
        self, courses: Mapping[str, Course], *, start: datetime, given: Callable[[str, datetime], float]
    ) -> None:
        self._courses = courses
        self._start = start
        self._given = given
        self._depth = 0
        self._past: dict[tuple[str, datetime], float] = {}
        self.present = start
        """What was before this time does not change any more, and is remembered."""

    def value(self, name: str, at: datetime) -> float:
        """The number of that name. Raises ArithmeticError where it has none then."""
        if name == "t":
            return (at - self._start).total_seconds()
        course = self._courses.get(name)
        if course is None:
            return self._given(name, at)
        if (name, at) in self._past:
            return self._past[name, at]
        if self._depth > _DEEPEST:
            raise ArithmeticError(f"{name} rests on itself")
        self._depth += 1
        try:
            value = self._on_course(course, at)
        finally:
            self._depth -= 1
        if at < self.present:
            if len(self._past) >= _MOST_REMEMBERED:
                self._past.clear()
            self._past[name, at] = value
        return value

    def before(self, at: datetime, seconds: float) -> datetime:
        """The time so many seconds earlier."""
        return at - timedelta(seconds=seconds)

    def sample(self, name: str, at: datetime) -> float | None:
        """As `value`, with None where there is none."""
        try:
            return self.value(name, at)
        except (ArithmeticError, ValueError):
            return None

    def _on_course(self, course: Course, at: datetime) -> float:
        since = at - self._start
        place = max((n for n, (begins, _) in enumerate(course.points) if begins <= since), default=0)
        begins, formula = course.points[place]
        now = formula.evaluate(self, at)
        if not course.ramp or place + 1 >= len(course.points) or since < begins:
            return now
        ends, towards = course.points[place + 1]
        share = (since - begins) / (ends - begins)
        return now + (towards.evaluate(self, at) - now) * share
