"""A page in Chromium by Playwright, and its picture against the golden one, within a tolerance."""

from __future__ import annotations

import io
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image, ImageChops
from playwright.async_api import async_playwright

from tests.e2e.servers.programs import installed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

GOLDEN: Final = Path(__file__).parent / "golden"
FAINT: Final = 40
"""Of 255: smaller differences of a point are another smoothing of letters."""
MOST_DIFFERENT: Final = 0.02
"""The share of points that may differ: a word that runs otherwise, and no more."""
_UNDRAWN: Final = """async () => {
  await document.fonts.ready;
  const drawn = [...document.fonts].filter((face) => face.status === "loaded").map((face) => face.family);
  return ["Lato", "DejaVu Mono", "Emoji"].filter((family) => !drawn.some((name) => name.includes(family)));
}"""
"""The page brings its fonts itself; one that is not loaded is named, in place of points that differ."""
_TIMELESS: Final = "time, .replies, .day { visibility: hidden !important; }"
"""What tells the time."""
_STYLED: Final = """(text) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets = [sheet];
}"""


@asynccontextmanager
async def chromium_page(**options: Any) -> AsyncIterator[Page]:
    """A page of a fresh browser; a script error or a complaint of the console fails at the end."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=installed("chromium", "chromium"), args=["--no-sandbox"]
        )
        page = await browser.new_page(reduced_motion="reduce", **options)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        yield page
        await browser.close()
    assert complaints == []


async def assert_looks_as(page: Page, name: str) -> None:
    """The picture is the golden one but for a small share of its points.

    `LIGHTSHIP_TEST_WRITE_GOLDEN=1` keeps it anew; the one that differs is put beside it, with `-now`.
    """
    undrawn = await page.evaluate(_UNDRAWN)
    assert undrawn == [], f"nothing is compared, because the page is drawn without its {undrawn}"
    await page.evaluate(_STYLED, _TIMELESS)  # Playwright's own `style` is refused by the page's policy
    taken = await page.screenshot(caret="hide", animations="disabled")
    await page.evaluate(_STYLED, "")
    shown = Image.open(io.BytesIO(taken)).convert("RGB")
    path = GOLDEN / f"{name}.png"
    if os.environ.get("LIGHTSHIP_TEST_WRITE_GOLDEN"):
        shown.quantize(128).save(path, optimize=True)
    golden = Image.open(path).convert("RGB")
    assert shown.size == golden.size
    difference = ImageChops.difference(shown, golden).convert("L").point(lambda value: 255 * (value > FAINT))
    share = difference.histogram()[255] / (shown.width * shown.height)
    if share > MOST_DIFFERENT:
        shown.save(GOLDEN / f"{name}-now.png")
    assert share <= MOST_DIFFERENT, f"{share:.1%} of {name} differ; look at {name}-now.png beside it"
