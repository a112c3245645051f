"""Texts as both databases can keep them in a column."""

from __future__ import annotations

from typing import Final

_LONGEST_ERROR: Final = 300


def storable(text: str) -> str:
    """Without the characters that PostgreSQL cannot keep: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def short(error: str) -> str:
    """An error's text, cut."""
    return storable(error)[:_LONGEST_ERROR]
