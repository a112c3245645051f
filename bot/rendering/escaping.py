"""Text from outside made safe to show: inert, visible, and no longer than its place.

Every renderer passes every text that is not its own through one of these. mrkdwn has three characters to
escape and no others; the rest is about what readers would otherwise see: control characters, direction
overrides, towers of accents, and texts cut in the middle of an entity.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

MARK: Final = "…"
"""What stands where something was cut."""

NOTHING: Final = "—"
"""What stands for a text without a visible character; Slack refuses empty ones."""

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JOINERS: Final = "\u200c\u200d"  # Persian and emoji need them
_TOWER: Final = 4  # accents on one letter; more is no language
_READ_AT_MOST: Final = 4
_UNSEEN: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\u200c\u200d")
_TAKEN_OUT: Final = frozenset({"Cc", "Cf", "Co", "Cn"})
_TICKS: Final = re.compile("`{3,}")
_IN_ADDRESSES: Final = "-._~:/?#[]@!$'()*+,;=%&"  # everything else is percent-encoded


@lru_cache(maxsize=4_096)
def _as_shown(sign: str) -> str:
    if sign in _JOINERS:
        return sign
    if sign in "\n\u2028\u2029\x85\x0b\x0c":
        return "\n"
    if sign == "\t":
        return " "
    category = unicodedata.category(sign)
    if category == "Cs":
        return "\ufffd"
    return "" if category in _TAKEN_OUT else sign


def clean(text: str) -> str:
    """`text` without control characters, direction overrides and lone surrogates; line breaks stay."""
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    tower = 0
    for sign in text:
        if " " <= sign <= "~":
            kept.append(sign)
            tower = 0
            continue
        shown = _as_shown(sign)
        tower = tower + 1 if shown and unicodedata.category(shown) in {"Mn", "Me"} else 0
        if shown and tower <= _TOWER:
            kept.append(shown)
    return "".join(kept)


def units(text: str) -> int:
    """The length of a text as Slack's clients count it at worst: an emoji is two."""
    return len(text) + sum(1 for sign in text if sign > "\uffff")


def plain(text: str, limit: int) -> str:
    """One line for a plain_text object of at most `limit` characters."""
    return _fit(text, limit, _plain_width, lines=False)


def mrkdwn(text: str, limit: int) -> str:
    """One line for mrkdwn, escaped; at most `limit` characters after escaping.

    Three backticks become quotes: left open, they would draw all that follows as a block of code.
    """
    return _escape(_fit(text, limit, _escaped_width, lines=False))


def paragraph(text: str, limit: int) -> str:
    """Several lines for mrkdwn, escaped; at most `limit` characters after escaping; code blocks stay."""
    return _escape(_fit(text, limit, _escaped_width, lines=True, fences=True))


def bold(text: str, limit: int) -> str:
    """One bold line; its own asterisks become look-alikes so that the bold does not end early."""
    inside = text.replace("*", "\u2217")
    return f"*{mrkdwn(inside, limit - 2)}*"


def code(text: str, limit: int) -> str:
    """Inline code on one line, its backticks replaced."""
    return f"`{mrkdwn(text.replace('`', chr(39)), limit - 2)}`"


def code_block(text: str, limit: int) -> str:
    """A fixed-width block of several lines that nothing inside can close."""
    return f"```\n{_escape(_fit(text, limit - 8, _escaped_width, lines=True))}\n```"


def link(url: str, label: str, limit: int) -> str:
    """A link whose label is `label`; the label alone where the address is no http(s) one, or too long."""
    safe = _safe_url(url)
    shown = mrkdwn(label.replace("|", "¦"), min(limit // 2, 150))
    whole = f"<{safe}|{shown}>" if safe else shown
    return whole if units(whole) <= limit else shown


def _safe_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.password:
        return None
    return quote(url, safe=_IN_ADDRESSES, errors="replace").replace("&", "&amp;")


def _fit(text: str, limit: int, width: Callable[[str], int], *, lines: bool, fences: bool = False) -> str:
    head = text[: limit * _READ_AT_MOST]
    shown = clean(head)
    if not fences:  # after cleaning: what is invisible may stand between two backticks
        shown = _TICKS.sub(lambda ticks: "'" * len(ticks.group()), shown)
    if lines:
        shown = "\n".join(line.rstrip() for line in shown.splitlines()).strip("\n")
    else:
        shown = " ".join(shown.split())
    if not _is_visible(shown):
        return NOTHING
    return _cut(shown, limit, width, more=len(text) > len(head))


def _cut(text: str, limit: int, width: Callable[[str], int], *, more: bool) -> str:
    total = kept = 0
    for place, sign in enumerate(text, start=1):
        total += width(sign)
        if total < limit:
            kept = place
        if total > limit:
            return text[:kept].rstrip(f"{_JOINERS} \n") + MARK
    if not more:
        return text
    return (text if total < limit else text[:kept]).rstrip() + MARK


def _is_visible(text: str) -> bool:
    return any(unicodedata.category(sign)[0] not in "ZCM" and sign not in _UNSEEN for sign in text)


def _plain_width(sign: str) -> int:
    return 1 + (sign > "\uffff")


def _escaped_width(sign: str) -> int:
    return len(_ENTITIES.get(sign, sign)) + (sign > "\uffff")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
