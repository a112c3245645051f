"""Runbooks: what to look at, what it may be, and what may be done, for the alerts that they serve.

Loaded by `bot.adapters.runbook_files`, chosen here for an alert, filled and drawn by `bot.rendering`, worked
through by the engines. Texts that end in `_template` are Jinja2 source, never shown as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.matchers import Matcher, Operator, matches_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from bot.domain.severity import Severity
    from bot.domain.suspects import FailureMode

Argument = str | int | float | bool
RUNBOOK_LABEL: Final = "runbook"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStep:
    """A step that the bot does: run the check of that name with those arguments."""

    title: str
    check: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanStep:
    """A step for the person on call."""

    title: str
    text_template: str


Step = CheckStep | HumanStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One expression over the findings; when it holds, it speaks for its cause with `weight` (above 0).

    `words_template` is the sentence to show then, `otherwise_template` the one when it does not hold; empty
    when the runbook gives none.
    """

    expression: str
    weight: float = 1.0
    words_template: str = ""
    otherwise_template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something that may be behind the alert. `weight` is how common it is beside the others, from 0 to 1.

    `explains` are the failure modes that checks recognise by themselves and that are this cause.
    """

    name: str
    title: str
    weight: float
    evidence: tuple[Evidence, ...]
    explanation_template: str = ""
    remediation: str | None = None
    explains: frozenset[FailureMode] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that a remediation keeps whatever is asked; None leaves it to the service's own bound."""

    minimum: int | None = None
    maximum: int | None = None
    max_factor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """After the action: the named metric that is shown, and for how long it and the alert are watched."""

    metric: str
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookRemediation:
    """Something that may be done, once approved. `undo` says in words how it is undone, or is empty."""

    name: str
    title: str
    action: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    verification: Verification | None = None
    undo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRule:
    """Once `expression` (PromQL) has held for `held_for`, the severity rises and `tell` are told."""

    expression: str
    held_for: timedelta
    severity: Severity
    tell: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page worth opening."""

    title: str
    url_template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """One runbook. `source` is the file it came from, `digest` changes whenever its content does."""

    name: str
    title: str
    severity: Severity | None
    match: tuple[Matcher, ...]
    summary_template: str
    symptom_templates: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    causes: tuple[Cause, ...] = ()
    remediations: tuple[RunbookRemediation, ...] = ()
    escalation: tuple[EscalationRule, ...] = ()
    links: tuple[Link, ...] = ()
    source: str = ""
    digest: str = ""

    @property
    def checks(self) -> tuple[CheckStep, ...]:
        """The steps that the bot does, in order."""
        return tuple(step for step in self.steps if isinstance(step, CheckStep))

    def remediation(self, name: str) -> RunbookRemediation | None:
        """The remediation of that name, if the runbook has it."""
        return next((found for found in self.remediations if found.name == name), None)


class SelectionReason(StrEnum):
    """Why an alert got its runbook, or none."""

    NAMED_BY_LABEL = "named_by_label"
    MATCHED = "matched"
    NONE_MATCHES = "none_matches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The runbook of an alert. `unknown_name` is what its label named when no runbook is called that."""

    reason: SelectionReason
    runbook: Runbook | None = None
    others: tuple[Runbook, ...] = ()
    unknown_name: str = ""


def select_runbook(runbooks: Iterable[Runbook], labels: Mapping[str, str]) -> Selection:
    """The runbook for an alert with these labels.

    The one that the label `runbook` names; else of those whose matchers all hold the most specific, equals in
    the order of their names. `others` are the rest of those that hold, in the same order.
    """
    known = tuple(runbooks)
    named = labels.get(RUNBOOK_LABEL, "").strip()
    holding = sorted((one for one in known if one.match and matches_all(one.match, labels)), key=_precedence)
    by_label = next((one for one in known if one.name == named), None) if named else None
    if by_label is not None:
        others = tuple(one for one in holding if one.name != by_label.name)
        return Selection(reason=SelectionReason.NAMED_BY_LABEL, runbook=by_label, others=others)
    if not holding:
        return Selection(reason=SelectionReason.NONE_MATCHES, unknown_name=named)
    first, *others_found = holding
    return Selection(
        reason=SelectionReason.MATCHED, runbook=first, others=tuple(others_found), unknown_name=named
    )


def proposed_replicas(remediation: RunbookRemediation, *, current: int) -> int:
    """What a `scale` remediation asks for when there are `current` replicas now, within its own limits.

    Its argument `replicas` is the number itself, `factor` multiplies (rounded up); without either, one more.
    """
    replicas, factor = remediation.arguments.get("replicas"), remediation.arguments.get("factor")
    if isinstance(replicas, int):
        wanted = replicas
    elif isinstance(factor, (int, float)):
        wanted = max(math.ceil(current * factor), current + 1 if factor > 1 else 0)
    else:
        wanted = current + 1
    limits = remediation.limits
    if limits.max_factor is not None and current > 0:
        wanted = min(wanted, math.floor(current * limits.max_factor))
    if limits.maximum is not None:
        wanted = min(wanted, limits.maximum)
    return max(wanted, limits.minimum or 0)


def _precedence(runbook: Runbook) -> tuple[int, int, str]:
    exact = sum(matcher.operator is Operator.EQUAL for matcher in runbook.match)
    return (-exact, -len(runbook.match), runbook.name)
