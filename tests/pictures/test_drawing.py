from __future__ import annotations

import io
import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.drawing import DrawingProcess, picture_adapter
from bot.domain.pictures import BarPanel, Bars, Line, LinePanel, Mark, Picture
from bot.rendering.pictures import MOST_PANELS, draw
from tests.pictures.samples import NOW, latency, panel

if TYPE_CHECKING:
    from collections.abc import Callable

# The first picture of a process loads matplotlib, which takes seconds on a busy machine.
pytestmark = pytest.mark.timeout(180)

THRESHOLD, MARK = (0xFF, 0x7B, 0x72), (0xFF, 0xC2, 0x4D)


def pixels(png: bytes) -> Any:
    """Rows of columns of red, green, blue and opacity."""
    from matplotlib.image import imread  # noqa: PLC0415 - heavy

    return (imread(io.BytesIO(png), format="png") * 255).round().astype(int)


def has(png: bytes, colour: tuple[int, int, int]) -> bool:
    """Whether some point has exactly this colour."""
    return bool((pixels(png)[:, :, :3] == colour).all(axis=2).any())


def test_a_graph_shows_the_threshold_and_the_alert_s_start() -> None:
    """Both are drawn where they are given, and neither where they are not."""
    both, neither = draw(latency()), draw(latency(panel(threshold=None)))
    assert has(both, THRESHOLD)
    assert has(both, MARK)
    assert not has(neither, THRESHOLD)
    assert not has(neither, MARK)


def test_a_picture_is_opaque_and_as_wide_as_slack_shows_well() -> None:
    """Nothing shines through, so that light and dark modes show the same; 1200 points wide."""
    found = pixels(draw(latency()))
    assert (found[:, :, 3] == 255).all()
    assert found.shape[1] == 1200


def test_the_same_picture_has_the_same_bytes() -> None:
    """Drawing depends on nothing but the values."""
    assert draw(latency()) == draw(latency())


def test_many_panels_are_bounded() -> None:
    """More panels than can be read are left out."""
    few = Picture(title="x", alt_text="x", panels=(odd(1.0),) * MOST_PANELS)
    assert draw(replace(few, panels=few.panels + few.panels)) == draw(few)


@pytest.mark.parametrize(
    "text", ["$\\frac{1}{0}$", "a_b^c $x$", "<!channel> \x00\x1b[31m\u202e", "\\", "%s {0}"]
)
def test_texts_from_outside_are_texts(text: str) -> None:
    """Nothing in a title, label or unit is read as mathematics or a format, and all of it draws."""
    hostile = LinePanel(
        title=text,
        unit=text,
        threshold=1.0,
        lines=(Line(label=text, points=((NOW, 1.0), (NOW + timedelta(minutes=1), 2.0))),),
        marks=(Mark(at=NOW, label=text),),
    )
    assert draw(Picture(title=text, subtitle=text, alt_text=text, panels=(hostile,))).startswith(b"\x89PNG")


@pytest.mark.parametrize("panels", [1, 4, 5])
def test_no_head_runs_out_of_the_picture(panels: int) -> None:
    """A long subtitle takes two lines and is cut there; a long title is cut. The right edge stays empty."""
    said = "the distribution of monthly charges moved strongly, " * 9
    drawn = draw(Picture(title=said, subtitle=said, alt_text="x", panels=(odd(1.0, 2.0),) * panels))
    points = pixels(drawn)
    assert (points[:110, -12:] == points[0, -1]).all()


def odd(*values: float | None, threshold: float | None = None) -> LinePanel:
    """A panel with such values, a minute apart."""
    points = tuple((NOW + number * timedelta(minutes=1), value) for number, value in enumerate(values))
    return LinePanel(title="x", lines=(Line(label="y", points=points),), threshold=threshold)


def test_any_values_draw() -> None:
    """Whatever the numbers are (huge, tiny, infinite, none at all), a picture comes out and nothing warns."""
    panels = (
        odd(),
        odd(None, None),
        odd(0.0, 0.0),
        odd(math.nan, math.inf, -math.inf),
        odd(1e300, -1e300),
        odd(5e-324, 0.0, threshold=5e-324),
        odd(1.0, threshold=math.nan),
        odd(threshold=-9007199254740996.0),
        odd(9007199254740993.0, 9007199254740994.0),
        BarPanel(title="x", labels=(), bars=()),
        BarPanel(title="x", labels=("a", "b"), bars=(Bars(label="y", values=(math.inf,)),)),
        BarPanel(title="x", labels=("a",), bars=(Bars(label="y", values=(1e300, 2.0)),)),
    )
    assert draw(Picture(title="x", alt_text="x", panels=panels)).startswith(b"\x89PNG")
    assert draw(Picture(title="x", alt_text="x", panels=())).startswith(b"\x89PNG")


def test_marks_fall_only_into_the_time_shown() -> None:
    """A moment before or after a panel's time is not marked in it; bars have no time."""
    inside, outside = Mark(at=NOW, label="alert"), Mark(at=NOW - timedelta(days=2), label="old")
    bars = BarPanel(title="b", labels=("x",), bars=())
    marked = Picture(title="x", alt_text="x", panels=(panel(), bars)).marked(inside, outside)
    first, second = marked.panels
    assert isinstance(first, LinePanel)
    assert first.marks == (inside,)
    assert second == bars


async def test_the_process_draws_what_the_function_draws() -> None:
    """The picture that comes through the pipe is the same, and the bot has loaded nothing for it."""
    process = DrawingProcess(timeout=120)
    try:
        assert await process.draw(latency()) == draw(latency())
    finally:
        await process.close()


@pytest.mark.parametrize("make", [latency, lambda: latency(panel(threshold=None), panel())])
def test_pictures_survive_their_way(make: Callable[[], Picture]) -> None:
    """A picture written as JSON is read back the same."""
    adapter = picture_adapter()
    assert adapter.validate_json(adapter.dump_json(make())) == make()
