"""A `Picture` drawn: values in, PNG bytes out, pure but slow to load (matplotlib).

Only the drawing process may call it (`bot.adapters.drawing` asks it to); the bot never imports matplotlib.
To show a picture in a thread, an engine gives it to `bot.engines.attaching`, which keeps it and lets it be
drawn, so nothing waits for it. To make one: fill `bot.domain.pictures`, for example

    Picture(
        title="shop: p95 latency", subtitle="Fixed after 3m: 1.7 s -> 0.4 s", alt_text="…",
        panels=(LinePanel(title="P95 latency", unit="s", threshold=1.0, lines=(Line(label="now", points=…),),
                          marks=(Mark(at=…, label="scaled to 6"),)),),
    )

One panel fills the picture; more are drawn as small multiples, two or three in a row, at most `MOST_PANELS`.
The card is dark and opaque, so that it looks the same in Slack's light and dark modes and blinds nobody at
night. Texts come from outside: nothing in them is read as mathematics, and all are cut.
"""

from __future__ import annotations

import io
import math
import textwrap
from typing import TYPE_CHECKING, Any, Final

from bot.domain.outside_text import one_line
from bot.domain.pictures import LinePanel
from bot.rendering.picture_panels import QUIET, draw_bars, draw_lines

if TYPE_CHECKING:
    from bot.domain.pictures import Panel, Picture

MOST_PANELS: Final = 12

_DOTS: Final = 160
_TITLE_LETTERS, _LETTERS, _LONGEST_SUBTITLE = 9.0, 13.0, 260
"""Letters that an inch takes, of the title and of the subtitle, which has two lines at most."""
_CARD, _GRID, _EDGE = "#1f2329", "#343a43", "#4a515c"
_TEXT: Final = "#eef1f5"
_STYLE: Final[dict[Any, Any]] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.parse_math": False,
    "text.color": _TEXT,
    "axes.facecolor": _CARD,
    "axes.edgecolor": _EDGE,
    "axes.labelcolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "figure.facecolor": _CARD,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "timezone": "UTC",
}


def draw(picture: Picture) -> bytes:
    """PNG, 1200 to 1600 points wide. Where a panel has no points it says so."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy; only the drawing process pays
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    panels = picture.panels[:MOST_PANELS]
    columns, rows, size = _arrangement(len(panels))
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size, dpi=_DOTS, layout="constrained")
        FigureCanvasAgg(figure)
        _head(figure, picture)
        for number, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
            if number < len(panels):
                _draw_panel(axes, panels[number], alone=len(panels) == 1)
            else:
                axes.set_axis_off()
        _name_lines(figure)
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _arrangement(panels: int) -> tuple[int, int, tuple[float, float]]:
    """Columns, rows, and the size in inches."""
    if panels <= 1:
        return 1, 1, (7.5, 3.9)
    columns = 2 if panels <= 4 else 3  # noqa: PLR2004 - small multiples
    rows = math.ceil(panels / columns)
    return columns, rows, (8.4 if columns == 2 else 10.0, 2.3 * rows + 0.7)  # noqa: PLR2004 - as above


def _head(figure: Any, picture: Picture) -> None:
    """The title, bold, and what it says below it; both from the left, as messages are read."""
    width, height = figure.get_size_inches()
    title = one_line(picture.title, limit=int(width * _TITLE_LETTERS))
    said = one_line(picture.subtitle, limit=_LONGEST_SUBTITLE)
    subtitle = textwrap.wrap(said, int(width * _LETTERS), max_lines=2, placeholder=" …")
    lines = 1 + len(subtitle)
    figure.get_layout_engine().set(rect=(0.005, 0.01, 0.985, 0.985 - (0.27 * lines + 0.08) / height))
    figure.text(0.018, 1 - 0.12 / height, title, fontsize=12, fontweight="bold", va="top")
    if subtitle:
        figure.text(0.018, 1 - 0.38 / height, "\n".join(subtitle), fontsize=9.5, color=QUIET, va="top")


def _name_lines(figure: Any) -> None:
    """One legend for all panels, each name once, below them; none where there is but one name."""
    named: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    if len(named) > 1:
        figure.legend(
            list(named.values()), list(named), loc="outside lower left", ncols=min(len(named), 5),
            handlelength=2.0, columnspacing=1.6, labelcolor=QUIET,
        )  # fmt: skip


def _draw_panel(axes: Any, panel: Panel, *, alone: bool) -> None:
    if not alone:
        axes.set_title(one_line(panel.title, limit=44), fontsize=9.5, loc="left", color=_TEXT)
    if isinstance(panel, LinePanel):
        draw_lines(axes, panel, alone=alone)
    else:
        draw_bars(axes, panel)
