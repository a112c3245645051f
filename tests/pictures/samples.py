"""Pictures for tests and benches."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from bot.domain.pictures import Line, LinePanel, Mark, Picture, Role

NOW = datetime(2026, 11, 29, 3, 12, tzinfo=UTC)


def line(label: str, role: Role, *, high: float, points: int = 121) -> Line:
    """Two hours that end now: low, and from the 80th minute on as high as said."""
    start = NOW - timedelta(hours=2)
    rise = [0.4 + high / (1 + math.exp(80 - 120 * number / (points - 1))) for number in range(points)]
    step = timedelta(hours=2) / (points - 1)
    return Line(
        label=label, role=role, points=tuple((start + number * step, at) for number, at in enumerate(rise))
    )


def panel(
    title: str = "P95 latency", *, threshold: float | None = 1.0, marks: tuple[Mark, ...] = ()
) -> LinePanel:
    """Latency now, yesterday and a week ago."""
    return LinePanel(
        title=title,
        unit="s",
        threshold=threshold,
        lines=(
            line("now", Role.NOW, high=1.3),
            line("yesterday", Role.BEFORE, high=0.1),
            line("a week ago", Role.LONG_BEFORE, high=0.05),
        ),
        marks=marks,
    )


def latency(*panels: LinePanel) -> Picture:
    """The picture of the check `metrics` for one metric, or for those given."""
    return Picture(
        title="churn: P95 latency",
        subtitle="P95 latency 1.7 s is above 1 s (yesterday 420 ms)",
        alt_text="P95 latency 1.7 s is above 1 s.",
        panels=panels or (panel(marks=(Mark(at=NOW - timedelta(minutes=33), label="alert"),)),),
    )
