"""Judging a runbook's evidence: each expression is asked of the findings that count, and said in words.

Called by `bot.engines.ranking_causes`. What an expression sees is built here, and is only what was found; it
runs in the sandbox with its bounds. Whatever cannot be known is told as such and never taken for a yes.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from jinja2 import nodes

from bot.domain.causes import JudgedCause, JudgedEvidence, Judgement, WhyNot, as_of, why_blind
from bot.domain.facts import INCIDENTS
from bot.domain.outside_text import one_line
from bot.rendering.contexts import finding_values
from bot.rendering.templates import evaluate, names_in, parsed, render_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.domain.findings import Finding
    from bot.domain.runbooks import Cause, Evidence, Runbook
    from bot.rendering.templates import Context

_LONGEST: Final = 300
_FACTS_TOLD: Final = 2
_DIGITS: Final = 4
_ALWAYS_SAID: Final = frozenset({("verdict",), ("summary",), ("target",)})
_MANY_ALERTS: Final = 50


def judge(
    runbook: Runbook, findings: Sequence[Finding], *, incidents: Mapping[str, object], context: Context
) -> tuple[JudgedCause, ...]:
    """The causes of a runbook with their evidence judged; `incidents` is what `findings.incidents` gives.

    `context` is that of the runbook's texts, for the words.
    """
    judging = _Judging(runbook, findings, incidents, context)
    return tuple(judging.cause(cause) for cause in runbook.causes)


def incident_values(others: Iterable[tuple[str, Iterable[str]]]) -> dict[str, object]:
    """`findings.incidents`, from the title of each other open incident and the names of its firing alerts."""
    known = [(title, tuple(names)) for title, names in others]
    names = dict.fromkeys(name for _, firing in known for name in firing)
    return {
        "count": len(known),
        "titles": [title for title, _ in known],
        "alerts": list(names)[:_MANY_ALERTS],
    }


class _Judging:
    """One runbook over one set of findings."""

    def __init__(
        self,
        runbook: Runbook,
        findings: Sequence[Finding],
        incidents: Mapping[str, object],
        context: Context,
    ) -> None:
        self._runbook = runbook
        self._context = context
        at = as_of(findings)
        self._blind = {found.check: why_blind(found, at=at) for found in findings}
        values = {found.check: _values(found, self._blind[found.check]) for found in findings}
        self._findings = {
            **{check: found for check, found in values.items() if found},
            INCIDENTS: dict(incidents),
        }

    def cause(self, cause: Cause) -> JudgedCause:
        explanation = self._text(cause.explanation_template, f"explanation of {cause.name}")
        return JudgedCause(
            name=cause.name,
            title=cause.title,
            weight=cause.weight,
            evidence=tuple(self._evidence(one, cause.name) for one in cause.evidence),
            explanation=explanation,
            remediation=cause.remediation,
            explains=cause.explains,
        )

    def _evidence(self, evidence: Evidence, cause: str) -> JudgedEvidence:
        found = evaluate(evidence.expression, {"findings": self._findings})
        unseen = self._unseen(evidence.expression)
        if found.fault or (unseen and _tells_missing(evidence.expression)):
            check, why = unseen or (self._first(evidence.expression), WhyNot.NOT_FOUND_OUT)
            return JudgedEvidence(
                judgement=Judgement.CANNOT_JUDGE,
                weight=evidence.weight,
                check=check,
                why_not=why if found.missing or unseen else WhyNot.FAILS,
            )
        template = evidence.words_template if found.holds else evidence.otherwise_template
        words = self._text(template, f"words of {cause}") or self._facts_of(evidence.expression)
        return JudgedEvidence(
            judgement=Judgement.FOR if found.holds else Judgement.AGAINST, weight=evidence.weight, words=words
        )

    def _unseen(self, expression: str) -> tuple[str, WhyNot] | None:
        """The first thing that an expression asks for and that nobody found out: of which check, and why."""
        for _, path in names_in(expression, "findings"):
            check = path[0] if path else ""
            if why := self._blind.get(check):
                if path[1:] not in _ALWAYS_SAID or check not in self._findings:
                    return check, why
            elif check and check not in self._findings:
                return check, WhyNot.NOT_CHECKED
            elif not _is_there(self._findings, path):
                return check, WhyNot.NOT_FOUND_OUT
        return None

    def _first(self, expression: str) -> str:
        return next((path[0] for _, path in names_in(expression, "findings") if path), "")

    def _text(self, template: str, place: str) -> str:
        if not template:
            return ""
        made = render_text(template, self._context, runbook=self._runbook.name, place=place, limit=_LONGEST)
        return "" if made.fault else one_line(made.text, limit=_LONGEST)

    def _facts_of(self, expression: str) -> str:
        """What an expression read, as `pods.oom_killed is 0`; the expression where nothing can be told."""
        told = {
            ".".join(path): value
            for _, path in names_in(expression, "findings")
            if (value := _told(self._findings, path))
        }
        said = [f"{name} is {value}" for name, value in list(told.items())[:_FACTS_TOLD]]
        return " and ".join(said) or one_line(expression, limit=_LONGEST)


def _values(finding: Finding, blind: WhyNot | None) -> dict[str, object]:
    """What counts of a finding: all, its verdict alone where it could not look, nothing when too old."""
    if blind is WhyNot.TOO_OLD:
        return {}
    values = finding_values(finding)
    return values if blind is None else {name: values[name] for name in ("verdict", "summary", "target")}


@lru_cache(maxsize=1_024)
def _tells_missing(expression: str) -> bool:
    """Whether an expression has a way to make a value of what is missing, so that it might hold by that."""
    tree = parsed(expression)
    if tree is None:
        return True
    by_filter = any(found.name in {"default", "d"} for found in tree.find_all(nodes.Filter))
    return by_filter or next(tree.find_all(nodes.Test), None) is not None or _calls(tree)


def _calls(tree: nodes.Template) -> bool:
    return next(tree.find_all(nodes.Call), None) is not None


def _is_there(findings: Mapping[str, object], path: Sequence[str]) -> bool:
    value: object = findings
    for name in path:
        if not isinstance(value, dict):
            return True  # a method of a text or the like
        if name not in value:
            return False
        value = value[name]
    return True


def _told(findings: Mapping[str, object], path: Sequence[str]) -> str:
    value: object = findings
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    match value:
        case bool():
            return "yes" if value else "no"
        case float() if math.isfinite(value):
            return f"{value:.{_DIGITS}g}"
        case int() | str():
            return one_line(str(value), limit=60)
        case tuple() | list():
            return one_line(", ".join(map(str, value)) or "empty", limit=60)
        case _:
            return ""
