"""Two runbooks for one alert: equally specific, and some alert satisfies both. Called by `loading`.

A conflict is told only where labels are found that both take, so that nothing is refused on a guess.
"""

from __future__ import annotations

import re
from itertools import islice, product
from typing import TYPE_CHECKING, Final

from bot.domain.matchers import Matcher, Operator, matches_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MOST_TRIED: Final = 500
_PLAIN: Final = re.compile(r"[^\\.*+?()\[\]{}^$]+")


def common_alert(one: Sequence[Matcher], other: Sequence[Matcher]) -> Mapping[str, str] | None:
    """Labels that satisfy both, where both are as specific as each other; None where none is found."""
    if _specificity(one) != _specificity(other):
        return None
    matchers = (*one, *other)
    names = sorted({matcher.name for matcher in matchers})
    values = [tuple(dict.fromkeys(_values(name, matchers))) for name in names]
    for chosen in islice(product(*values), _MOST_TRIED):
        labels = dict(zip(names, chosen, strict=True))
        if matches_all(one, labels) and matches_all(other, labels):
            return labels
    return None


def _specificity(matchers: Sequence[Matcher]) -> tuple[int, int]:
    return sum(matcher.operator is Operator.EQUAL for matcher in matchers), len(matchers)


def _values(name: str, matchers: Sequence[Matcher]) -> Iterator[str]:
    for matcher in matchers:
        if matcher.name == name:
            parts = matcher.value.split("|") if matcher.operator.is_expression else [matcher.value]
            for part in parts:
                whole = re.sub(r"\.[*+]", "x", part)
                if _PLAIN.fullmatch(whole) or not whole:
                    yield whole
    yield "x"
    yield ""
