"""A rehearsal file as pydantic models: every key, its kind, its default, and what it is for.

Loaded by `bot.rehearsal.scenarios.loading`; `lightship schema rehearsal` prints their JSON Schema.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, InstanceOf, WithJsonSchema, model_validator

from bot.documents.kinds import (
    Duration,
    MatcherText,
    Named,
    Number,
    PositiveCount,
    PositiveDuration,
    SeverityWord,
    Strict,
    Text,
    slack_id,
)
from bot.domain.durations import DurationError, parse_duration
from bot.rehearsal.scenarios.formulas import Formula, FormulaError, read_formula
from bot.rehearsal.scenarios.numbers import Course

_FORMULA: Final = {"type": ["string", "number"], "examples": [30, "0.25 + 0.1 * request_rate / ready"]}
_SLUG: Final = Named(r"^[a-z0-9]([a-z0-9-]{0,78}[a-z0-9])?$", "a name of small letters, digits and `-`")

Slug = Annotated[str, _SLUG]
Line = Annotated[str, Field(min_length=1, max_length=150)]
Person = Annotated[str, slack_id("UW", "the id of a Slack user (U0…)")]


def _formula(value: Any) -> Any:
    if isinstance(value, Formula):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("a number or a formula is expected, such as 30 or 2 * request_rate / ready")  # noqa: TRY004 - pydantic's way
    try:
        return read_formula(value)
    except FormulaError as error:
        raise ValueError(str(error)) from error


def _course(value: Any) -> Any:
    if isinstance(value, Course):
        return value
    if not isinstance(value, dict):
        return Course(points=((timedelta(0), _formula(value)),))
    if set(value) == {"ramp"} and isinstance(value["ramp"], dict):
        return Course(points=_points(value["ramp"]), ramp=True)
    return Course(points=_points(value))


def _points(written: dict[str, Any]) -> tuple[tuple[timedelta, Formula], ...]:
    points: list[tuple[timedelta, Formula]] = []
    for when, formula in written.items():
        try:
            begins = parse_duration(when)
        except DurationError as error:
            raise ValueError(str(error)) from error
        if points and begins <= points[-1][0]:
            raise ValueError(f"`{when}` does not come after the time before it")
        points.append((begins, _formula(formula)))
    if not points:
        raise ValueError("at least one time is expected, such as {0s: 30, 2m: 90}")
    return tuple(points)


FormulaText = Annotated[InstanceOf[Formula], BeforeValidator(_formula), WithJsonSchema(_FORMULA)]
CourseText = Annotated[
    InstanceOf[Course],
    BeforeValidator(_course),
    WithJsonSchema(
        {
            "description": "a number, a formula, {time: formula} for steps, or {ramp: {time: formula}}",
            "anyOf": [
                _FORMULA,
                {"type": "object", "additionalProperties": {"anyOf": [_FORMULA, {"type": "object"}]}},
            ],
        }
    ),
]


class AlertFile(Strict):
    """A rule: it fires while `when` has held for that long. `{value}` in a text is the number `value`."""

    when: FormulaText
    value: Text | None = Field(default=None, description="the name of the number that `{value}` stands for")
    held_for: Duration = Field(default=timedelta(0), alias="for")
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class EventFile(Strict):
    """A warning event."""

    reason: Text
    message: Text


class TroubleFile(Strict):
    """What ails pods of the deployment: all of them, or the first `count`."""

    kind: Literal["crash-loop", "unready", "image-pull", "config-error", "pending"]
    count: PositiveCount | None = None
    until: Duration | None = None
    during: FormulaText | None = Field(
        default=None, alias="while", description="it lasts while this formula holds, such as revision > 12"
    )
    reason: Text = Field(default="Error", description="why a container ended, such as OOMKilled")
    every: PositiveDuration = Field(default=timedelta(minutes=1), description="time between two restarts")
    event: EventFile | None = Field(default=None, description="the warning that the cluster writes about it")


class ObjectName(Strict):
    """An object of the cluster."""

    kind: Text
    name: Text


class ReleaseFile(Strict):
    """A new revision of the deployment, rolled out at once."""

    image: Text | None = None
    environment: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _changes(self) -> ReleaseFile:
        if self.image is None and not self.environment:
            raise ValueError("a release changes the `image` or the `environment`")
        return self


class ChangeFile(Strict):
    """Something that happens to the cluster at a time. Exactly one of the keys beside `at`."""

    at: Duration
    apply: dict[str, Any] | None = Field(
        default=None, description="a manifest; its keys are put over the object"
    )
    remove: ObjectName | None = None
    scale: Annotated[int, Field(strict=True, ge=0, le=1_000)] | None = Field(
        default=None, description="somebody else scales the deployment"
    )
    release: ReleaseFile | None = None
    pods: TroubleFile | None = None

    @model_validator(mode="after")
    def _one(self) -> ChangeFile:
        given = [self.apply, self.remove, self.scale, self.release, self.pods]
        if sum(one is not None for one in given) != 1:
            raise ValueError("a change has one of `apply`, `remove`, `scale`, `release` and `pods`")
        return self


class LogFile(Strict):
    """A line that every pod writes again and again; `{n}` in it is a number that grows."""

    line: Text
    every: PositiveDuration = timedelta(seconds=1)
    begins: Duration | None = Field(default=None, alias="from", description="since always when not given")
    until: Duration | None = None
    during: FormulaText | None = Field(default=None, alias="while")
    previous: bool = Field(default=False, description="in the log before the last restart")


class ModelFile(Strict):
    """A version of a model in the registry."""

    at: Duration = timedelta(0)
    name: Text
    version: Text
    alias: Text = "Production"
    age: Duration = Field(default=timedelta(0), description="how old it is when it comes")
    metrics: dict[str, Number] = Field(default_factory=dict)


class MovedFile(Strict):
    """A feature that moved, in a drift report."""

    effect: Annotated[float, Field(gt=0, le=1, description="how far it moved")]
    missing: Annotated[float, Field(ge=0, le=1, description="its share of missing values now")] = 0.0
    missing_before: Annotated[float, Field(ge=0, le=1)] = 0.0
    reason: Text = "its distribution moved"


class DriftReportFile(Strict):
    """A drift report that is published at a time."""

    at: Duration = timedelta(0)
    age: Duration = Field(default=timedelta(0), description="how old it is when it comes")
    score: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="leave it out where there was too little data, and say why in `reason`"
    )
    reason: Text | None = None
    rows: PositiveCount = 5_000
    features: dict[str, MovedFile] = Field(default_factory=dict, description="those that moved, by name")
    steady: Annotated[int, Field(strict=True, ge=0, le=500)] = Field(
        default=0, description="how many more were compared and did not move"
    )
    not_compared: dict[str, Text] = Field(default_factory=dict, description="columns, and why they were not")
    predictions: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="the score of the predictions alone"
    )

    @model_validator(mode="after")
    def _told(self) -> DriftReportFile:
        if self.score is None and self.reason is None:
            raise ValueError("a report has a `score`, or a `reason` why there is none")
        if self.score and not self.features:
            raise ValueError("a score above 0 comes from `features` that moved; name at least one")
        return self


class UnreachableFile(Strict):
    """An address that cannot be reached for a while."""

    address: Text
    begins: Duration = Field(default=timedelta(0), alias="from")
    until: Duration | None = None
    reason: Text = "connection refused"


class SilenceFile(Strict):
    """A silence that somebody sets in Alertmanager itself."""

    at: Duration
    match: tuple[MatcherText, ...] = Field(min_length=1)
    held_for: PositiveDuration = Field(alias="for")
    reason: Text = "rehearsed"


class WorldFile(Strict):
    """The world over time; times count from its beginning."""

    metrics: dict[str, CourseText] = Field(default_factory=dict)
    queries: dict[str, CourseText] = Field(default_factory=dict, description="by their PromQL")
    cpu: FormulaText | None = Field(default=None, description="cores that each pod uses")
    memory: FormulaText | None = Field(default=None, description="MiB that each pod uses")
    alerts: dict[str, AlertFile] = Field(default_factory=dict)
    objects: tuple[dict[str, Any], ...] = Field(
        default=(), description="manifests that are there from the start"
    )
    changes: tuple[ChangeFile, ...] = ()
    logs: tuple[LogFile, ...] = ()
    models: tuple[ModelFile, ...] = ()
    drift_reports: tuple[DriftReportFile, ...] = ()
    unreachable: tuple[UnreachableFile, ...] = ()
    silences: tuple[SilenceFile, ...] = ()


class PressFile(Strict):
    """Somebody presses a button, such as `acknowledge`, `request_remediation:scale-up` or `approve`."""

    at: Duration
    who: Person
    press: Text
    fill: dict[str, str] = Field(default_factory=dict, description="what is written into the form")
    refused: bool = Field(default=False, description="it must be refused")


class ExpectFile(Strict):
    """What must follow."""

    alert: Text | None = Field(
        default=None, description="whose incident it is about; the runbook's name if not given"
    )
    incident: bool = Field(default=True, description="whether there is to be an incident at all")
    severity: SeverityWord | None = Field(default=None, description="at the end")
    causes: tuple[Text, ...] = Field(default=(), description="names of causes, the likeliest first")
    messages: tuple[Text, ...] = Field(default=(), description="words, each of which some message holds")
    never: tuple[Text, ...] = Field(default=(), description="words that no message holds")
    approvals: tuple[Text, ...] = Field(
        default=(), description="actions that approval is asked for, in order"
    )
    actions: tuple[Text, ...] = Field(
        default=(), description="actions that are done, in order; no others are"
    )
    resolved_within: PositiveDuration | None = Field(default=None, description="since the incident opened")


class RehearsalFile(Strict):
    """A whole rehearsal."""

    name: Slug
    title: Line
    runbook: Text | None = Field(default=None, description="the runbook that is rehearsed")
    like: Slug | None = Field(
        default=None, description="a file of `worlds/` beside it, whose world is the base"
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description="LIGHTSHIP_… variables over the configuration"
    )
    begin: Duration = Field(
        default=timedelta(0), description="the bot is started then; the world goes on since 0s"
    )
    until: PositiveDuration | None = Field(
        default=None, description="the end; 30m after `begin` when not given"
    )
    world: WorldFile = WorldFile()
    people: tuple[PressFile, ...] = ()
    expect: ExpectFile = ExpectFile()


class BaseWorldFile(Strict):
    """A world that rehearsals are `like`."""

    name: Slug
    service: Text | None = Field(
        default=None,
        description="the service that it is about; where none of that name is configured, what is like it is "
        "left out",
    )
    environment: dict[str, str] = Field(default_factory=dict)
    world: WorldFile
