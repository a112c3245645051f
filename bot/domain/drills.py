"""Drills: synthetic alerts by which people try their set-up, told from real ones by the store alone.

`lightship test-alert` registers a drill before it sends the alert. The merging engine knows it again by the
fingerprint that was registered; a label that says "drill" makes no alert one, or anybody who can set a label
could disarm the bot. A drill is an incident like any other, but its approvals only dry-run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain.matchers import Matcher, Operator, matches_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

LABEL: Final = "lightship_drill"
"""Holds the drill's id, for a fingerprint of its own. Alerts with it are looked up; it decides nothing."""

WORD: Final = "Drill"
_REPEATED: Final = re.compile(r"\.[*+]")
_PLAIN: Final = re.compile(r"[^\\.*+?()\[\]{}^$|]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Drill:
    """One registered drill: the alert that was sent for it, and for which runbook of which service."""

    id: str
    fingerprint: str
    service: str
    runbook: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    at: datetime
    through_alertmanager: bool = False


def titled(title: str, drill: str) -> str:
    """An incident's title; that of a drill says so wherever it is shown."""
    return f"{WORD}: {title}" if drill else title


def labels_for(matchers: Sequence[Matcher]) -> dict[str, str] | None:
    """Labels of an alert that satisfies all of them; None where none is found without being told."""
    labels: dict[str, str] = {}
    for matcher in matchers:
        if matcher.operator is Operator.EQUAL and matcher.value:
            labels[matcher.name] = matcher.value
    for matcher in matchers:
        if matcher.operator is Operator.MATCHES and not matcher.matches(labels):
            fitting = (one for one in _options(matcher.value) if matcher.matches({matcher.name: one}))
            found = next(fitting, None)
            if found is None:
                return None
            labels[matcher.name] = found
    return labels if matches_all(matchers, labels) else None


def _options(expression: str) -> Iterable[str]:
    """Texts that the expression may mean, the plain ones of its alternatives."""
    for part in expression.strip("()").split("|"):
        whole = _REPEATED.sub("drill", part)
        if _PLAIN.fullmatch(whole):
            yield whole
    yield "drill"
