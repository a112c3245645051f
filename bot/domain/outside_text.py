"""Text from outside (clusters, logs, alerts, error answers) made safe to keep: one line, nothing invisible.

Called by checks, remediations and adapters. Escaping for a medium stays the business of who draws it.
"""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import urlsplit

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_READ_AT_MOST: Final = 4


def one_line(text: object, *, limit: int = 200) -> str:
    """`text` as one line of at most `limit` characters, the last one an ellipsis where something was cut.

    Control characters, direction overrides, lone surrogates and line breaks become spaces.
    """
    raw = str(text)[: limit * _READ_AT_MOST]
    visible = "".join(" " if unicodedata.category(sign) in _INVISIBLE else sign for sign in raw)
    words = " ".join(visible.split())
    return words if len(words) <= limit else f"{words[: limit - 1]}…"


def is_web_address(url: str) -> bool:
    """Whether an address from outside may be linked: http or https, a host, nothing that breaks out."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    broken = any(character in url for character in "<>|\n\r\t ")
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not broken
