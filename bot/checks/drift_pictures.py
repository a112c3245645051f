"""Pictures of drift: the score's trend, and reference against current for what moved most. Pure values.

Called by the check `drift` and by the engine that publishes reports; drawn in the drawing process.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bot.domain.drift import ALERT_ABOVE, ESCALATE_ABOVE
from bot.domain.drift_shapes import shape_of
from bot.domain.files import Attachment
from bot.domain.outside_text import one_line
from bot.domain.pictures import BarPanel, Bars, Level, Line, LinePanel, Picture, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.drift import DriftReport, FeatureDrift
    from bot.domain.drift_runs import DriftPoint
    from bot.domain.pictures import Panel

FEATURES: Final = 5
_TREND: Final = 48
NAME: Final = "drift.png"
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_]+")


def report_picture(
    report: DriftReport, trend: Sequence[DriftPoint], *, service: str, said: str
) -> tuple[Attachment, ...]:
    """The trend, where there are two scores, and the features that moved most; none without either."""
    panels: list[Panel] = [*_trend_panels(trend[-_TREND:])]
    panels += [panel for one in report.worst(FEATURES) if (panel := shape_panel(one)) is not None]
    return _attached(panels, title=f"{one_line(service, limit=60)}: drift", said=said)


def feature_picture(feature: FeatureDrift, *, service: str, said: str) -> tuple[Attachment, ...]:
    """One feature; none where no shape of it is known."""
    panel = shape_panel(feature)
    title = f"{one_line(service, limit=60)}: drift of {one_line(feature.name, limit=60)}"
    short = _NOT_IN_NAMES.sub("-", feature.name)[:40].strip("-")
    name = f"drift-{short}.png" if short else NAME
    return _attached([panel] if panel else [], title=title, said=said, name=name)


def shape_panel(feature: FeatureDrift) -> BarPanel | None:
    """Reference beside current, as shares of the rows or values."""
    shape = shape_of(feature)
    if shape is None:
        return None
    return BarPanel(
        title=f"{one_line(feature.name, limit=34)}, effect {feature.effect:.2f}",
        labels=shape.labels,
        unit="ratio",
        bars=(
            Bars(label="reference", values=shape.reference, role=Role.BEFORE),
            Bars(label="current", values=shape.current),
        ),
    )


def _trend_panels(trend: Sequence[DriftPoint]) -> Sequence[LinePanel]:
    if sum(point.score is not None for point in trend) < 2:  # noqa: PLR2004 - one point is no trend
        return ()
    return (
        LinePanel(
            title="Drift score",
            lines=(Line(label="score", points=tuple((point.at, point.score) for point in trend)),),
            threshold=ALERT_ABOVE,
            levels=(Level(value=ESCALATE_ABOVE, label=f"severe {ESCALATE_ABOVE}"),),
        ),
    )


def _attached(panels: Sequence[Panel], *, title: str, said: str, name: str = NAME) -> tuple[Attachment, ...]:
    if not panels:
        return ()
    alt = f"Drift: {said}."
    picture = Picture(title=title, subtitle=said, panels=tuple(panels), alt_text=alt)
    return (Attachment(name=name, title=title, alt_text=alt, picture=picture),)
