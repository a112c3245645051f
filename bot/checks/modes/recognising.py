"""From what was read to what is suspected: all subjects asked, equal suspects folded, the surest first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bot.checks.modes.changes import changes
from bot.checks.modes.configuration import configuration
from bot.checks.modes.creating import creating
from bot.checks.modes.endings import endings
from bot.checks.modes.images import images
from bot.checks.modes.networking import networking
from bot.checks.modes.nodes import nodes
from bot.checks.modes.probes import probes
from bot.checks.modes.releasing import budgets, releasing
from bot.checks.modes.running_jobs import running_jobs
from bot.checks.modes.scaling import scaling
from bot.checks.modes.scheduling import scheduling
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.checks.modes.sight import Sight

_SUBJECTS: Final = (
    creating, images, configuration, endings, probes, scheduling, nodes, releasing, budgets, scaling,
    networking, running_jobs, changes,
)  # fmt: skip
_ORDER: Final = {mode: place for place, mode in enumerate(FailureMode)}
_EVIDENCE: Final = 6


def recognise(sight: Sight) -> tuple[Suspect, ...]:
    """Every failure mode that can be seen, the most certain first. None is made up: no sign, no suspect."""
    return folded(one for subject in _SUBJECTS for one in subject(sight))


def folded(suspects: Iterable[Suspect]) -> tuple[Suspect, ...]:
    """One suspect for all of the same mode, object, field and value, as a deployment's pods make them."""
    found: dict[tuple[FailureMode, str, str, str], list[Suspect]] = {}
    for one in suspects:
        found.setdefault((one.mode, one.subject, one.field, one.value), []).append(one)
    merged = [_merged(alike) for alike in found.values()]
    return tuple(sorted(merged, key=lambda one: (-one.certainty, _ORDER[one.mode], one.subject, one.field)))


def _merged(alike: list[Suspect]) -> Suspect:
    best = max(alike, key=lambda one: (one.certainty, len(one.evidence)))
    if len(alike) == 1:
        return best
    others = dict.fromkeys(line for one in alike if one is not best for line in one.evidence)
    evidence = (*best.evidence, *(line for line in others if line not in best.evidence))
    begins = [one.since for one in alike if one.since is not None]
    return replace(best, evidence=evidence[:_EVIDENCE], since=min(begins, default=None))
