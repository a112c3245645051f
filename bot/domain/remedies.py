"""What would be done, on what, and what came of it: plans, refusals and executions of remediations.

Made by `bot.remediations`, bound to an approval by digest, carried out by the remediating engine alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Argument = str | int | float


class Action(StrEnum):
    """The kinds of remediation."""

    SCALE = "scale"
    RESTART = "restart"
    ROLLBACK = "rollback"
    RESOURCES = "resources"
    DELETE_POD = "delete-pod"
    RUN = "run"
    RETRAIN = "retrain"
    PROMOTE = "promote"

    @classmethod
    def _missing_(cls, value: object) -> Action | None:
        return _OF_PACKAGES.get(value) if isinstance(value, str) else None


_OF_PACKAGES: Final[dict[str, Action]] = {}


def add_action(name: str) -> Action:
    """An action of another package: found by its name from now on. Raises ValueError where there is one."""
    if name in _OF_PACKAGES or any(name == one.value for one in Action):
        raise ValueError(f"there is an action {name} already")
    # An enum with members cannot be extended; a member made by hand is what `Action(name)` then gives.
    made = str.__new__(Action, name)
    made._name_ = name.upper().replace("-", "_")
    made._value_ = name
    return _OF_PACKAGES.setdefault(name, made)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The object that a remediation changes."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`deployment shop/shop-api`; a model is in no namespace."""
        return f"{self.kind.lower()} {self.namespace}/{self.name}".replace(" /", " ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One line of a diff: `spec.replicas`, `3`, `6`."""

    field: str
    before: str
    after: str


class CallKind(StrEnum):
    """How a plan changes the world: with one call of one of these kinds."""

    EDIT = "edit"
    CREATE = "create"
    EVICT = "evict"
    ALIAS = "alias"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """One field that a call sets, with its value before and after as JSON; empty where it is absent."""

    path: tuple[str, ...]
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """The one call that a plan stands for, sent as it stands here once approved (`bot.domain.calls`).

    `resource` is the plural that the API has for it, `name` the object's: the pod to evict, the CronJob that
    a Job is made of. `edits` are those of an EDIT or ALIAS, `body` is the object of a CREATE as JSON.
    """

    kind: CallKind
    resource: str
    name: str
    subresource: str = ""
    edits: tuple[Edit, ...] = ()
    body: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemediationRequest:
    """What somebody asked for, before anything was looked at.

    `runbook` and `remediation` are named when it came from a runbook, whose limits then hold too. `undoes` is
    the id of the approval whose change is to be taken back; then nothing else decides what is done.
    """

    action: Action
    service: str
    target: Target
    arguments: Mapping[str, Argument]
    incident_id: int | None
    reason: str
    runbook: str = ""
    remediation: str = ""
    undoes: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A remediation as it would be done to the live object, and all that an approver should see.

    `resource_version` and `observed` (the values the plan rests on, such as the replicas now) tell later
    whether the object is still the one that was shown. `notes` are facts (HPA, budgets, quota), `warnings`
    what speaks against it. `undo` says in words how it is undone, or that it cannot be; `undoable` says it to
    programs. `runbook`, `remediation` and `undoes` are those of the request, so that they hold when it has to
    be planned anew. `call` is what is sent; an older version's plan has none and has to be made anew.
    """

    action: Action
    service: str
    target: Target
    arguments: Mapping[str, Argument]
    changes: tuple[Change, ...]
    resource_version: str
    observed: Mapping[str, Argument]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    verification: str = ""
    undo: str = ""
    runbook: str = ""
    remediation: str = ""
    call: Call | None = None
    undoable: bool = False
    undoes: str = ""


class RefusalReason(StrEnum):
    """Why a remediation is refused before anybody is asked, or when the world no longer fits."""

    DISABLED = "disabled"
    NOT_CONFIGURED = "not_configured"
    BAD_ARGUMENT = "bad_argument"
    OUT_OF_BOUNDS = "out_of_bounds"
    TOO_LARGE_A_STEP = "too_large_a_step"
    NO_CHANGE = "no_change"
    WOULD_BE_REVERTED = "would_be_reverted"
    ROLLOUT = "rollout"
    NO_ROOM = "no_room"
    BUDGET = "budget"
    PRECONDITION = "precondition"
    NOT_OURS = "not_ours"
    CANNOT_BE_UNDONE = "cannot_be_undone"
    TARGET_MISSING = "target_missing"
    FORBIDDEN = "forbidden"
    OBJECT_CHANGED = "object_changed"
    DRY_RUN_REFUSED = "dry_run_refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A remediation that will not be done, with a sentence for the person who asked."""

    reason: RefusalReason
    sentence: str


class ExecutionState(StrEnum):
    """Where an approved remediation stands. The intent is committed before anything is done."""

    INTENDED = "intended"
    APPLIED = "applied"
    SUCCEEDED = "succeeded"
    NO_EFFECT = "no_effect"
    FAILED = "failed"
    NEEDS_HUMAN = "needs_human"
    REHEARSED = "rehearsed"


class Failure(StrEnum):
    """Why an approved remediation did not come to its end, as it is counted."""

    OBJECT_CHANGED = "object_changed"
    MISSING_RIGHT = "missing_right"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    CANNOT_TELL = "cannot_tell"
    STOPPED = "stopped"
    OWN_ERROR = "own_error"


EXECUTION_TRANSITIONS: Mapping[ExecutionState, frozenset[ExecutionState]] = {
    ExecutionState.INTENDED: frozenset(
        {
            ExecutionState.APPLIED,
            ExecutionState.FAILED,
            ExecutionState.NEEDS_HUMAN,
            ExecutionState.REHEARSED,
        }
    ),
    ExecutionState.APPLIED: frozenset(
        {ExecutionState.SUCCEEDED, ExecutionState.NO_EFFECT, ExecutionState.NEEDS_HUMAN}
    ),
    ExecutionState.SUCCEEDED: frozenset(),
    ExecutionState.NO_EFFECT: frozenset(),
    ExecutionState.FAILED: frozenset(),
    ExecutionState.NEEDS_HUMAN: frozenset(),
    ExecutionState.REHEARSED: frozenset(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One approved remediation being done, one at most for an approval.

    `begun_at` is committed before the first call that may change the world: where it is empty, nothing was
    done for certain; where it is set, only the world can tell.
    """

    approval_id: str
    state: ExecutionState
    started_at: datetime
    updated_at: datetime
    begun_at: datetime | None = None
    outcome: str = ""
    measured: Mapping[str, Argument] = field(default_factory=dict)
