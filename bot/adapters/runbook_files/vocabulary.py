"""The words that a runbook may use: checks with their findings, actions with their arguments.

`lightship check` names a wrong word with the nearest right one. The findings are the contract between the
checks and the evidence of causes; a check that cannot say one of them leaves it out, and evidence naming it
is then neither for nor against.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.checks import metrics
from bot.checks.registry import CHECKS as BUILT

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERY_FINDING: Final = frozenset({"verdict", "summary", "target"})
"""What every finding has beside its own facts: ok, warn, fail or unknown; one line; what was looked at."""

_PROMISED: Final[Mapping[str, Mapping[str, str]]] = {
    "model": {
        "version": "the version in production",
        "age_days": "days since that version was made",
        "hours_in_production": "hours since the alias moved to it",
        "accuracy": "its accuracy now",
        "accuracy_drop": "how far that is below the baseline",
    },
    "drift": {
        "score": "the overall drift score, from 0 to 1",
        "drifted": "features that drifted",
        "drifted_share": "as a share of those compared",
        "not_compared": "columns that could not be compared",
        "missing_jump": "columns whose share of missing values jumped",
        "prediction_score": "the drift score of the predictions",
        "age_hours": "hours since the report was made",
    },
}
"""What runbooks are written for where the check itself does not say it yet."""

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    name: {**_PROMISED.get(name, {}), **(BUILT[name].facts if name in BUILT else {})}
    for name in sorted({*_PROMISED, *BUILT})
}
"""Check → the facts of its finding. A name that ends in `NAME` stands for all that begin like it."""

METRIC_FACTS: Final = frozenset(metrics.METRIC_FACTS)
"""What is known of each metric of the configuration."""

_PROMISED_ARGUMENTS: Final[Mapping[str, frozenset[str]]] = {
    "drift": frozenset({"feature"}),
}

CHECK_ARGUMENTS: Final[Mapping[str, frozenset[str]]] = {
    name: _PROMISED_ARGUMENTS.get(name, frozenset())
    | (BUILT[name].arguments if name in BUILT else frozenset())
    for name in CHECKS
}
"""Check → the arguments it takes."""

ACTIONS: Final[Mapping[str, frozenset[str]]] = {
    "scale": frozenset({"replicas", "factor"}),
    "restart": frozenset(),
    "rollback": frozenset({"revision"}),
    "resources": frozenset({"cpu", "memory", "container"}),
    "delete-pod": frozenset({"pod"}),
    "run": frozenset({"cronjob"}),
    "retrain": frozenset(),
    "promote": frozenset({"version"}),
    "silence": frozenset({"duration"}),
}
"""Action → the arguments it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What is known: the shipped words, and what a package of the user adds.

    Metrics come from the configuration; empty means that they are not known, and nothing is said about them.
    """

    findings: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: CHECKS)
    check_arguments: Mapping[str, frozenset[str]] = field(default_factory=lambda: CHECK_ARGUMENTS)
    actions: Mapping[str, frozenset[str]] = field(default_factory=lambda: ACTIONS)
    metrics: frozenset[str] = frozenset()
