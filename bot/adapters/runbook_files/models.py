"""A runbook file as pydantic models: every key, its kind, its default, and what it is for.

Loaded by `bot.adapters.runbook_files.loading`; `lightship schema runbook` prints their JSON Schema.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from bot.documents.kinds import (
    MatcherText,
    Named,
    Number,
    PositiveCount,
    PositiveDuration,
    Scalar,
    SeverityWord,
    Strict,
    Text,
)

_NAME: Final = Named(
    r"^[A-Za-z0-9]([A-Za-z0-9_-]{0,78}[A-Za-z0-9])?$", "a name of letters, digits, `-` and `_`"
)
_ROLES: Final = ("oncall", "approvers", "responders")

Name = Annotated[str, _NAME]
Template = Annotated[
    Text, Field(description="text; Jinja2 over alert, labels, annotations, incident, service, findings")
]
Line = Annotated[str, Field(min_length=1, max_length=150)]


def _whom(value: Any) -> Any:
    if value in _ROLES or not isinstance(value, str) or re.fullmatch(r"[CSUW][A-Z0-9]{2,}", value):
        return value
    raise ValueError(
        f"expected {', '.join(_ROLES)} or the id of a Slack user, group or channel, not `{value[:60]}`"
    )


def _as_evidence(value: Any) -> Any:
    return {"when": value} if isinstance(value, str) else value


class CheckCall(Strict):
    """Which check, and what it is asked."""

    name: Text
    arguments: dict[str, Scalar] = Field(default_factory=dict)


class StepFile(Strict):
    """A step: a `check` that the bot does, or something for a `human`."""

    title: Line
    check: CheckCall | None = None
    human: Template | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> StepFile:
        if (self.check is None) == (self.human is None):
            raise ValueError("a step has either `check` or `human`")
        return self


class EvidenceFile(Strict):
    """An expression over the findings that speaks for its cause when it holds."""

    when: Text = Field(description="a Jinja2 expression, such as findings.pods.restarts > 3")
    weight: Annotated[Number, Field(gt=0, le=10)] = 1
    words: Template | None = Field(default=None, description="what is said when it holds")
    otherwise: Template | None = Field(default=None, description="what is said when it does not hold")


Evidence = Annotated[
    EvidenceFile,
    BeforeValidator(_as_evidence),
    WithJsonSchema({"anyOf": [{"type": "string"}, EvidenceFile.model_json_schema()]}),
]


class CauseFile(Strict):
    """Something that may be behind the alert."""

    name: Name
    title: Line
    weight: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=0.5, description="how common it is beside the other causes"
    )
    evidence: tuple[Evidence, ...] = Field(min_length=1, max_length=25)
    explanation: Template | None = None
    remediation: Name | None = Field(default=None, description="the name of the remediation that mends it")
    explains: tuple[Text, ...] = Field(
        default=(), description="failure modes that checks recognise by themselves and that are this cause"
    )


class LimitsFile(Strict):
    """Bounds that the remediation keeps whatever is asked."""

    min: PositiveCount | None = None
    max: PositiveCount | None = None
    max_factor: Annotated[Number, Field(gt=1)] | None = None


class VerifyFile(Strict):
    """What is watched after the action, and for how long."""

    metric: Name
    within: PositiveDuration = Field(alias="for")


class RemediationFile(Strict):
    """Something that may be done, once approved."""

    name: Name
    title: Line
    action: Text
    arguments: dict[str, Scalar] = Field(default_factory=dict)
    limits: LimitsFile = LimitsFile()
    verify: VerifyFile | None = None
    undo: Text | None = Field(default=None, description="in words, how it is undone, or that it cannot be")


class EscalationFile(Strict):
    """When it becomes more urgent, and who is told."""

    when: Text = Field(description="PromQL that gives a result while it is to be escalated")
    held_for: PositiveDuration = Field(alias="for")
    severity: SeverityWord
    tell: tuple[Annotated[str, BeforeValidator(_whom)], ...] = ()
    reason: Text | None = Field(default=None, description="one sentence for the thread")


class LinkFile(Strict):
    """A page worth opening."""

    title: Line
    url: Template


class RunbookFile(Strict):
    """A whole runbook."""

    name: Name = Field(description="what the label `runbook` of an alert says; usually the alert's name")
    title: Line
    severity: SeverityWord | None = Field(
        default=None, description="from the alert's own label when not given"
    )
    match: tuple[MatcherText, ...] = Field(min_length=1, description="Alertmanager matchers; all must hold")
    service: Text | None = Field(
        default=None,
        description="the service that it is written for; where none of that name is configured, its metrics "
        "need not be either",
    )
    summary: Template
    symptoms: tuple[Template, ...] = ()
    steps: tuple[StepFile, ...] = Field(min_length=1)
    causes: tuple[CauseFile, ...] = Field(default=(), max_length=20)
    remediations: tuple[RemediationFile, ...] = ()
    escalation: tuple[EscalationFile, ...] = ()
    links: tuple[LinkFile, ...] = ()
