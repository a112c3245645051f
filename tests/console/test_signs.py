"""Every emoji that the bot writes is drawn also where no font has it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ASSETS: Final = ROOT / "bot/console/assets"


def test_each_sign_of_the_bots_messages_has_a_stand_in() -> None:
    """A machine without an emoji font shows no empty boxes in an incident's messages."""
    known = dict(re.findall(r'"?([a-z0-9_+-]+)"?: "([^"]+)"', (ASSETS / "emoji.js").read_text("utf-8")))
    names = {sign.rstrip("\ufe0f"): name for name, sign in known.items()}
    stand_ins = set(re.findall(r"([a-z0-9_]+): \[", (ASSETS / "icons.js").read_text("utf-8")))
    written = {
        sign
        for folder in ("rendering", "engines")
        for path in (ROOT / "bot" / folder).glob("*.py")
        for sign in re.findall(r"[\U0001f000-\U0001ffff]", path.read_text("utf-8"))
    }
    missing = {sign: names.get(sign) for sign in written if names.get(sign) not in stand_ins}
    assert missing == {}
