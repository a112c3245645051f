"""Parts of a drift report in a few words, raw: one side of a column, the trend. Pure.

Called by whoever shows a report: messages and the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.drift import ColumnSummary
    from bot.domain.drift_runs import DriftPoint

_BARS: Final = "▁▂▃▄▅▆▇█"
_LEVELS: Final = 3
_LEVEL: Final = 24


def side_words(side: ColumnSummary) -> str:
    """One side of a column: `median 30 (0 to 72), 1.0% missing`, or its largest levels."""
    words = []
    if side.top:
        levels = (f"{one_line(level, limit=_LEVEL)} {share:.0%}" for level, share in side.top[:_LEVELS])
        words.append(", ".join(levels))
    elif side.median is not None:
        known = side.minimum is not None and side.maximum is not None
        span = f" ({side.minimum:.3g} to {side.maximum:.3g})" if known else ""
        words.append(f"median {side.median:.3g}{span}")
    if side.missing:
        words.append(f"{side.missing:.1%} missing")
    return ", ".join(words) or "nothing"


def trend_bars(trend: Sequence[DriftPoint]) -> str:
    """The scores as bars of text, `▁▁▂▅`; a run with too little data is a dot."""
    return "".join(
        "·" if point.score is None else _BARS[min(int(point.score * len(_BARS)), len(_BARS) - 1)]
        for point in trend
    )
