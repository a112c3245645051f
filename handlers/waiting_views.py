"""The modals that hold a place: one while something is looked up, one that ends with a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.rendering.blocks import section, unmarked
from bot.rendering.escaping import mrkdwn

if TYPE_CHECKING:
    from bot.rendering.modals import View

_TITLE = 24


def waiting_view(title: str) -> View:
    """Opened at once, before anything is asked of anybody."""
    return _view(title, "⏳ One moment…")


def closing_view(title: str, sentence: str) -> View:
    """In place of a form that there is no use in filling in; `sentence` is raw text."""
    return _view(title, mrkdwn(sentence, 2_900))


def _view(title: str, text: str) -> View:
    return {
        "type": "modal",
        "title": unmarked(title, _TITLE),
        "close": unmarked("Close", _TITLE),
        "blocks": [section(text)],
    }
