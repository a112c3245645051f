"""Looking into a document that may be wrong in other places: values by a pattern of keys.

Used by the reviews of configuration and runbooks, so that they find faults even where a model found others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.documents.reading import Path

ANY: Final = object()
"""In a pattern: every entry of a list or mapping."""


def find(value: Any, *pattern: object) -> Iterator[tuple[Path, Any]]:
    """Every (path, value) that the pattern leads to, in the order of the document."""
    if not pattern:
        yield (), value
        return
    key, rest = pattern[0], pattern[1:]
    for name, inner in _entries(value):
        if key is ANY or key == name:
            for path, found in find(inner, *rest):
                yield (name, *path), found


def find_texts(value: Any, *pattern: object) -> Iterator[tuple[Path, str]]:
    """As `find`, but only texts that are not blank."""
    for path, found in find(value, *pattern):
        if isinstance(found, str) and found.strip():
            yield path, found


def _entries(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
