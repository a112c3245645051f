"""The nearest right word for a wrong one.

Faults of configuration and runbooks, and slash commands, answer a typing error with what was probably meant.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 100  # a longer "word" is no typing error, and comparing it would cost time for nothing


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None when none is near."""
    if len(word) > _LONGEST:
        return None
    by_folded = {candidate.casefold().replace("-", "_"): candidate for candidate in sorted(known)}
    found = get_close_matches(word.casefold().replace("-", "_"), list(by_folded), n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean `x`?"` to append to a message; empty when no known word is near."""
    meant = nearest(word, known)
    return f"; did you mean `{meant}`?" if meant else ""
