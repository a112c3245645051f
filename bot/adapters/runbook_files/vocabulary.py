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
from bot.domain.actions import ACTIONS as FACTS
from bot.domain.facts import INCIDENTS, FactKind, KnownFact, number, text, texts
from bot.domain.findings import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

EVERY_FINDING: Final[Mapping[str, KnownFact]] = {
    "verdict": text("what was found, in one word", *(verdict.value for verdict in Verdict)),
    "summary": text("what was found, in one line"),
    "target": text("what was looked at"),
}
"""What every finding has beside its own facts."""

OPEN_INCIDENTS: Final[Mapping[str, KnownFact]] = {
    "count": number("other open incidents of the same service"),
    "titles": texts("their titles"),
    "alerts": texts("names of the alerts that fire in them, each once"),
}
"""`findings.incidents`, which no check finds: what else is wrong with the service."""

_PROMISED: Final[Mapping[str, Mapping[str, KnownFact]]] = {
    "model": {
        "hours_in_production": number("hours since the alias moved to it", unit="hours"),
    },
}
"""What runbooks are written for where the check itself does not say it yet."""

CHECKS: Final[Mapping[str, Mapping[str, KnownFact]]] = {
    name: {**_PROMISED.get(name, {}), **(BUILT[name].facts if name in BUILT else {})}
    for name in sorted({*_PROMISED, *BUILT})
}
"""Check → the facts of its finding. A name that ends in `NAME` stands for all that begin like it."""

FINDINGS: Final[Mapping[str, Mapping[str, KnownFact]]] = {**CHECKS, INCIDENTS: OPEN_INCIDENTS}
"""All that evidence can name below `findings`."""

METRIC_FACTS: Final = metrics.METRIC_FACTS
"""What is known of each metric of the configuration."""

CHECK_ARGUMENTS: Final[Mapping[str, frozenset[str]]] = {
    name: BUILT[name].arguments if name in BUILT else frozenset() for name in CHECKS
}
"""Check → the arguments it takes."""

ACTIONS: Final[Mapping[str, frozenset[str]]] = {
    **{action.value: facts.names for action, facts in FACTS.items()},
    "silence": frozenset({"duration"}),
}
"""Action → the arguments it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What is known: the shipped words, and what a package of the user adds.

    Metrics and the longest silence come from the configuration; where they are not known, nothing is said
    about them.
    """

    findings: Mapping[str, Mapping[str, KnownFact]] = field(default_factory=lambda: FINDINGS)
    check_arguments: Mapping[str, frozenset[str]] = field(default_factory=lambda: CHECK_ARGUMENTS)
    actions: Mapping[str, frozenset[str]] = field(default_factory=lambda: ACTIONS)
    metrics: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    longest_silence: timedelta | None = None

    @property
    def broken(self) -> frozenset[str]:
        """Checks and actions that cannot be had now; nothing is said of their facts and arguments."""
        return frozenset(
            (
                *(name for name, one in BUILT.items() if one.broken),
                *(a.value for a in FACTS if FACTS[a].broken),
            )
        )

    @property
    def checks(self) -> frozenset[str]:
        """The names that a step may call."""
        return frozenset(self.findings) - {INCIDENTS}

    def facts_of(self, check: str) -> frozenset[str]:
        """The names of what a finding has. Raises KeyError for what is no finding."""
        of_every = () if check == INCIDENTS else EVERY_FINDING
        return frozenset((*self.findings[check], *of_every))

    def fact(self, path: tuple[str, ...]) -> KnownFact | None:
        """What stands at a path below `findings`; None where that is not known, or no such thing."""
        check, *rest = path or ("",)
        if not rest:
            return _GROUP
        if rest[0] in EVERY_FINDING:
            return EVERY_FINDING[rest[0]]
        if check == metrics.NAME:
            return METRIC_FACTS.get(rest[1]) if len(rest) > 1 else _GROUP
        known = self.findings.get(check, {})
        return known.get(rest[0]) or next(
            (fact for name, fact in known.items() if is_pattern_of(name, rest[0])), None
        )


def is_pattern_of(known: str, name: str) -> bool:
    """Whether the fact `known` ends in `NAME` and stands for the fact `name`."""
    stem = known.removesuffix("NAME")
    return known.endswith("_NAME") and name.startswith(stem) and name != stem


_GROUP: Final = KnownFact(words="several facts", kind=FactKind.GROUP)
