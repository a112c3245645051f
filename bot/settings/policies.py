"""How remediations of a service are approved, as the configuration says it. Part of `ServiceSettings`."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, StrictBool, WithJsonSchema, model_validator

from bot.documents.kinds import (
    Duration,
    GroupOrUserId,
    Named,
    Number,
    PositiveCount,
    PositiveDuration,
    Strict,
    Text,
)
from bot.domain.hours import PATTERN, Hours, parse_hours
from bot.domain.quantities import parse_quantity
from bot.domain.remedies import Action  # noqa: TC001 - pydantic reads it at run time

_NAMESPACE: Final = Named(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "the name of a namespace")

NamespaceName = Annotated[str, _NAMESPACE]


def _hours(value: Any) -> Any:
    if isinstance(value, Hours):
        return value
    if not isinstance(value, str):
        raise ValueError("hours such as `Mon-Fri 08:00-18:00 Europe/Berlin` are expected")  # noqa: TRY004 - pydantic
    return parse_hours(value)


HoursText = Annotated[
    Hours,
    BeforeValidator(_hours),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["Mon-Fri 08:00-18:00 Europe/Berlin"]}),
]
"""`Mon-Fri 08:00-18:00 Europe/Berlin`, `daily 22:00-06:00`."""


class ScaleLimits(Strict):
    """Absolute bounds of scaling, and the largest step."""

    min: PositiveCount = 1
    max: PositiveCount = 20
    max_factor: Annotated[Number, Field(gt=1)] = Field(
        default=3, description="the new number is at most this many times the old one"
    )

    @model_validator(mode="after")
    def _in_order(self) -> ScaleLimits:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) is above max ({self.max})")
        return self


def _quantity(value: Any) -> Any:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    number = parse_quantity(text) if isinstance(text, str) else None
    if number is None or number <= 0:
        raise ValueError(f"expected a quantity such as 500m or 2Gi, not `{str(value)[:60]}`")
    return text


Quantity = Annotated[str, BeforeValidator(_quantity), WithJsonSchema({"type": ["string", "number"]})]
"""An amount as Kubernetes writes it: `500m`, `2Gi`."""


class ResourceLimits(Strict):
    """The most that one container may be given, and the largest step."""

    cpu: Quantity = Field(default="8", description="cores")
    memory: Quantity = Field(default="16Gi", description="bytes")
    max_factor: Annotated[Number, Field(gt=1)] = Field(
        default=4, description="the new number is at most this many times the old one"
    )


class ScaleException(Strict):
    """Bounds of scaling in place of the service's own; what is not given stays as it is."""

    min: PositiveCount | None = None
    max: PositiveCount | None = None
    max_factor: Annotated[Number, Field(gt=1)] | None = None


class ResourceException(Strict):
    """The most that one container may be given, in place of the service's own; the rest stays as it is."""

    cpu: Quantity | None = Field(default=None, description="cores")
    memory: Quantity | None = Field(default=None, description="bytes")
    max_factor: Annotated[Number, Field(gt=1)] | None = None


class ApprovalWord(StrEnum):
    """Whether anybody is asked."""

    REQUIRED = "required"
    NOT_NEEDED = "not_needed"


class ApprovalRuleSettings(Strict):
    """What holds for some actions in place of the service's own rule; what is not given stays as it is."""

    actions: tuple[Action, ...] = Field(min_length=1, description="the actions that this is about")
    targets: tuple[Text, ...] = Field(
        default=(),
        description="patterns such as `deployment shop/*`; every target of the service when empty",
    )
    approval: ApprovalWord = Field(
        default=ApprovalWord.REQUIRED, description="`not_needed` does these actions without asking anybody"
    )
    approvers: tuple[GroupOrUserId, ...] | None = Field(default=None, description="who may approve them")
    approvals: PositiveCount | None = Field(default=None, description="how many must; 2 is a two-person rule")
    requester_may_approve: StrictBool | None = None
    approval_timeout: PositiveDuration | None = None
    hours: tuple[HoursText, ...] | None = Field(default=None, description="when they may be done")
    at_most_an_hour: PositiveCount | None = Field(default=None, description="how often on one target")
    scale: ScaleException | None = Field(default=None, description="how far `scale` may go there")
    resources: ResourceException | None = Field(default=None, description="how far `resources` may go there")


class BreakGlassSettings(Strict):
    """In an emergency the requester approves alone, with a reason, for critical incidents only."""

    after: PositiveDuration = Field(description="so long a request waits before the glass may be broken")
    actions: tuple[Action, ...] = Field(min_length=1, description="the actions that may be approved so")


class RemediationSettings(Strict):
    """What remediations of this service may do, and how they are approved."""

    enabled: StrictBool = Field(
        default=True,
        description="false: nothing of this service is ever changed, and no right to it is needed",
    )
    approval_timeout: PositiveDuration = Field(
        default=timedelta(minutes=30), description="how long a request waits for an answer"
    )
    approvals: PositiveCount = Field(
        default=1, description="how many different people must approve; 2 is a two-person rule"
    )
    requester_may_approve: StrictBool = False
    undo_grace: Duration = Field(
        default=timedelta(0),
        description="so long after an approval its givers may undo the action without asking again",
    )
    hours: tuple[HoursText, ...] = Field(
        default=(), description="when actions may be done; always when empty"
    )
    at_most_an_hour: PositiveCount | None = Field(
        default=None, description="how often an action may be done on one target within an hour"
    )
    scale: ScaleLimits = ScaleLimits()
    resources: ResourceLimits = ResourceLimits()
    may_be_reverted: StrictBool = Field(
        default=False,
        description="lets plans pass that KEDA, Argo CD or Flux will take back; they say so all the same",
    )
    nodes_may_grow: StrictBool = Field(
        default=False, description="nodes are added on demand: too little room on them is a warning"
    )
    rules: tuple[ApprovalRuleSettings, ...] = Field(
        default=(), description="exceptions; the first that fits an action and its target holds"
    )
    break_glass: BreakGlassSettings | None = Field(
        default=None, description="off unless given: the requester approves alone in an emergency"
    )


class RemediationsSettings(Strict):
    """What holds for all services."""

    enabled: StrictBool = Field(default=True, description="false: nothing is asked for or done, anywhere")
    protected_namespaces: tuple[NamespaceName, ...] = Field(
        default=("kube-system", "kube-public", "kube-node-lease"),
        description="namespaces in which nothing is ever changed",
    )
    longest_silence: PositiveDuration = Field(
        default=timedelta(hours=24), description="a silence in Alertmanager lasts so long at most"
    )
