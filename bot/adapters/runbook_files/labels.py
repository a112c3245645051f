"""Labels in a runbook's matchers that are one letter off a label that everybody has. Called by `reviewing`.

Labels are the user's own, so an unknown one is no fault; one that almost is `alertname` matches nothing ever.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from bot.documents.finding import ANY, find_texts
from bot.domain.matchers import MatcherError, parse_matcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.documents import Document
    from bot.domain.faults import Fault

_USUAL: Final = (
    "alertname",
    "severity",
    "service",
    "namespace",
    "deployment",
    "container",
    "instance",
    "runbook",
    "endpoint",
    "cluster",
    "environment",
)
_NEAR: Final = 0.85


def label_faults(document: Document) -> Iterator[Fault]:
    """Each label that is probably another one, misspelt."""
    for path, text in find_texts(document.value, "match", ANY):
        try:
            name = parse_matcher(text).name
        except MatcherError:
            continue  # its model says what is wrong with it
        near = get_close_matches(name[:100], _USUAL, n=1, cutoff=_NEAR)
        if near and near[0] != name:
            message = f"the label `{name}` is probably misspelt; did you mean `{near[0]}`?"
            yield document.place(path).fault(message)
