"""Every emoji that the bot writes is drawn by the page's own font, whatever fonts a machine has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ASSETS: Final = ROOT / "bot/console/assets"
MAKE: Final = "run `make fonts`"


def drawn() -> set[str]:
    """The characters of the face `Emoji`, by its `unicode-range`."""
    sheet = (ASSETS / "fonts.css").read_text("utf-8")
    (ranges,) = re.findall(r'font-family: "Emoji".*unicode-range: ([^;]+);', sheet)
    found: set[str] = set()
    for part in ranges.split(","):
        first, _, last = part.strip().removeprefix("U+").partition("-")
        found |= {chr(number) for number in range(int(first, 16), int(last or first, 16) + 1)}
    return found


def test_each_emoji_that_the_page_knows_is_in_its_font() -> None:
    """No machine shows an empty box for a shortcode."""
    signs = re.findall(r': "([^"]+)"', (ASSETS / "emoji.js").read_text("utf-8"))
    assert len(signs) > 100
    assert {one for sign in signs for one in sign} - drawn() == set(), MAKE


def test_each_emoji_that_the_bot_writes_is_in_the_pages_font() -> None:
    """Of its messages: nor for what is written out."""
    written = {
        sign
        for folder in ("rendering", "engines")
        for path in (ROOT / "bot" / folder).glob("*.py")
        for sign in re.findall(r"[\U0001f000-\U0001ffff]", path.read_text("utf-8"))
    }
    assert written - drawn() == set(), MAKE


def test_each_font_of_the_style_sheet_is_there_with_its_licence() -> None:
    """Every file is in the assets, and each family's licence is told beside them."""
    files = set(re.findall(r'url\("([^"]+)"\)', (ASSETS / "fonts.css").read_text("utf-8")))
    assert files == {path.name for path in ASSETS.glob("*.woff2")}
    licences = (ASSETS / "fonts-licences.txt").read_text("utf-8")
    assert all(word in licences for word in ("SIL Open Font License", "Lato", "Google", "Bitstream"))
