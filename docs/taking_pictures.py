"""Takes the README's pictures: a real `lightship demo`, played by two people in a browser: `make pictures`.

Needs Chromium, and Playwright and Pillow of the group `examples`.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image
from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Page

PICTURES: Final = Path(__file__).parent / "pictures"
SIZE: Final = (1180, 760)
SHRUNK: Final = (885, 570)
COLOURS: Final = 200
PATIENCE: Final = 60_000
TOP: Final = "() => document.querySelector('#messages .message')?.scrollIntoView()"
END: Final = "() => { const r = document.querySelector('#replies'); r.scrollTop = r.scrollHeight; }"


class Film:
    """Frames with how long each is looked at, in milliseconds."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.frames: list[Image.Image] = []
        self.rests: list[int] = []

    async def take(self, rest: int) -> None:
        """What the page shows now."""
        await self._page.evaluate(TOP)
        await self._page.wait_for_timeout(400)
        taken = await self._page.screenshot(animations="disabled", caret="hide")
        self.frames.append(Image.open(io.BytesIO(taken)).convert("RGB"))
        self.rests.append(rest)

    def save(self, path: Path) -> None:
        """As one animated picture that runs for ever."""
        first, *others = [
            frame.resize(SHRUNK, Image.Resampling.LANCZOS).quantize(COLOURS) for frame in self.frames
        ]
        first.save(path, save_all=True, append_images=others, duration=self.rests, loop=0, optimize=True)


@contextmanager
def demo() -> Iterator[str]:
    """A running demo; the address of its console."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "demo", "--port", "0", "--no-browser"],
                cwd=Path(__file__).parents[1],
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            process.wait(20)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        found = re.search(r"Console: +(http\S+)", log.read_text())
        if found:
            return found[1]
    raise SystemExit(log.read_text())


async def play(page: Page, address: str) -> Film:
    """An incident from its alert to its end: Alice asks, Bob approves, the world gets well."""
    film = Film(page)
    await page.goto(f"{address}?user=U0ALICE")
    await page.wait_for_selector('[data-action="acknowledge"]', timeout=PATIENCE)
    await page.wait_for_selector("text=More traffic than the replicas can take", timeout=PATIENCE)
    await film.take(3500)
    film.frames[0].save(PICTURES / "incident.png", optimize=True)
    await page.click('[data-action="acknowledge"]')
    await page.wait_for_selector("text=P2 acknowledged", timeout=PATIENCE)
    await film.take(1800)
    await page.click('[data-action="request_remediation:scale-up"] >> nth=0')
    await page.wait_for_selector("dialog[open]", timeout=PATIENCE)
    reason = page.locator("dialog[open] input").last
    await reason.fill("Traffic has tripled")

    await film.take(2200)

    await page.click("dialog[open] button[type=submit]")
    await page.wait_for_selector("dialog[open]", state="detached", timeout=PATIENCE)
    await page.click(".replies", timeout=PATIENCE)
    await page.wait_for_selector('#replies [data-action="approve"]', timeout=PATIENCE)
    await page.evaluate(END)
    await film.take(3000)
    await page.select_option("#user", "U0BOB")
    await page.wait_for_selector('#replies [data-action="approve"]', timeout=PATIENCE)
    await page.evaluate(END)
    await film.take(1500)
    await page.click('#replies [data-action="approve"]')
    if await page.query_selector("dialog[open] button.primary"):
        await page.click("dialog[open] button.primary")
    await page.wait_for_selector("#replies >> text=Approved", timeout=PATIENCE)
    await page.evaluate(END)
    await film.take(2000)
    await page.wait_for_selector("#messages >> text=P2 resolved", timeout=3 * PATIENCE)
    await page.evaluate(END)
    await film.take(4500)
    return film


async def main() -> None:
    """Take both pictures."""
    PICTURES.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with demo() as address:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            width, height = SIZE
            page = await browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            film = await play(page, address)
            await browser.close()
    film.save(PICTURES / "incident.gif")
    for path in sorted(PICTURES.iterdir()):
        print(f"{path.stat().st_size // 1024:>6} kB  {path.name}")  # noqa: T201 - what was made


if __name__ == "__main__":
    asyncio.run(main())
