"""The frame of every plan: what it is made with, how it is refused, and its dry run.

Action modules plan with what stands here; `bot.remediations.registry` calls them through `plan`. The only
call that is no read is the dry run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bot.domain.actions import ACTIONS, fault_in
from bot.domain.calls import make_edit, value_at
from bot.domain.errors import (
    Conflict,
    DryRunUnsupported,
    Forbidden,
    LightshipError,
    NotFound,
    Protected,
    Temporary,
)
from bot.domain.outside_text import one_line
from bot.domain.remedies import Call, CallKind, Plan, Refusal, RefusalReason
from bot.remediations.deployments import generation_of, uid_of
from bot.remediations.outcomes import MLFLOW, RBAC

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from bot.domain.bounds import Bounds
    from bot.domain.remedies import Argument, Change, RemediationRequest
    from bot.domain.retraining import RetrainingDecision
    from bot.ports.planners import ClusterPlanner
    from bot.ports.readers import KubeObject, Readers

NEVER_UNDONE: Final = "cannot be undone"
_DRY_RUN_TRIES: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """All that a plan is made with. `done` is the plan to be taken back, where the request undoes one.

    `training` is what speaks for and against a retraining, where one is asked for and that was weighed.
    """

    request: RemediationRequest
    bounds: Bounds
    readers: Readers
    planner: ClusterPlanner
    now: datetime
    done: Plan | None = None
    training: RetrainingDecision | None = None


class Refused(Exception):  # noqa: N818 - no error: an answer
    """The plan is refused; ends planning from any depth of it."""

    def __init__(self, reason: RefusalReason, sentence: str) -> None:
        super().__init__(sentence)
        self.refusal = Refusal(reason=reason, sentence=sentence)


async def answered(asking: Asking, planning: Callable[[Asking], Awaitable[Plan]]) -> Plan | Refusal:
    """The plan for an approver to see, or the reason why there is none. Raises nothing that ports promise."""
    try:
        _check(asking)
        return await planning(asking)
    except Refused as refused:
        return refused.refusal
    except Forbidden as error:
        mend = RBAC if asking.request.target.namespace else MLFLOW
        words = f"Lightship lacks the right `{error.right}`. {mend}"
        return Refusal(reason=RefusalReason.FORBIDDEN, sentence=words)
    except Temporary as error:
        words = f"{_who(asking)} cannot be asked now: {one_line(error)}"
        return Refusal(reason=RefusalReason.UNREACHABLE, sentence=words)
    except LightshipError as error:
        words = f"{_who(asking)} cannot be asked: {one_line(error)}"
        return Refusal(reason=RefusalReason.UNREACHABLE, sentence=words)


def _who(asking: Asking) -> str:
    return "Kubernetes" if asking.request.target.namespace else "MLflow"


def _check(asking: Asking) -> None:
    """What is wrong with any request of its kind: its arguments, its namespace."""
    request, bounds = asking.request, asking.bounds
    if not request.undoes:
        for argument in ACTIONS[request.action].arguments:
            value = request.arguments.get(argument.name)
            wrong = fault_in(argument, value) if value is not None else ""
            if wrong or (value is None and argument.required):
                shown = "nothing" if value is None else f"`{one_line(value, limit=40)}`"
                words = (
                    f"{argument.name.capitalize()} {wrong or f'must be {argument.kind.value}'}, not {shown}."
                )
                raise Refused(RefusalReason.BAD_ARGUMENT, words)
    if bounds.namespace and request.target.namespace not in {"", bounds.namespace}:
        words = f"{request.target} is not in the namespace of {request.service}."
        raise Refused(RefusalReason.NOT_OURS, words)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A call whose dry run passed, the object as it was then, and what has to be said about it."""

    call: Call
    found: KubeObject
    cautions: tuple[str, ...] = ()


async def try_edit(
    asking: Asking, read: Callable[[], Awaitable[KubeObject]], make: Callable[[KubeObject], Call]
) -> Tried:
    """Dry-run an edit of an object, with what the API server would make of it as the edit's outcome.

    Status changes in between are met by reading again; `make` gets each reading and may refuse it.
    """
    for _ in range(_DRY_RUN_TRIES):
        found = await read()
        call = make(found)
        try:
            would = await dry_run(asking, call, version=str(found["metadata"]["resourceVersion"]))
        except Conflict:
            continue
        except DryRunUnsupported as error:
            return Tried(call=call, found=found, cautions=(_computed(error),))
        as_told = tuple(replace(edit, after=value_at(would, edit.path)) for edit in call.edits)
        return Tried(call=replace(call, edits=as_told), found=found)
    sentence = f"{asking.request.target} is changing too quickly; ask again in a moment."
    raise Refused(RefusalReason.OBJECT_CHANGED, sentence)


async def try_call(asking: Asking, call: Call) -> tuple[str, ...]:
    """Dry-run a call that needs no version; cautions for the plan."""
    try:
        await dry_run(asking, call)
    except DryRunUnsupported as error:
        return (_computed(error),)
    return ()


async def dry_run(asking: Asking, call: Call, *, version: str = "") -> KubeObject:
    """One dry run. Raises Conflict, DryRunUnsupported, Forbidden and Temporary; refuses for the rest."""
    target = asking.request.target
    try:
        return await asking.planner.dry_run(call, namespace=target.namespace, resource_version=version)
    except (Conflict, DryRunUnsupported, Forbidden, Temporary):
        raise
    except NotFound as error:
        raise Refused(RefusalReason.TARGET_MISSING, f"There is no {target}.") from error
    except Protected as error:
        words = f"A PodDisruptionBudget allows no disruption now: {one_line(error)}"
        raise Refused(RefusalReason.BUDGET, words) from error
    except LightshipError as error:
        words = f"The API server refuses it: {one_line(error)}"
        raise Refused(RefusalReason.DRY_RUN_REFUSED, words) from error


def edit_call(
    found: KubeObject, resource: str, fields: Mapping[tuple[str, ...], object], *, subresource: str = ""
) -> Call:
    """The call that sets these fields of an object as it is now."""
    return Call(
        kind=CallKind.EDIT,
        resource=resource,
        name=str(found["metadata"]["name"]),
        subresource=subresource,
        edits=tuple(make_edit(found, path, after) for path, after in fields.items()),
    )


def make_plan(
    asking: Asking,
    tried: Tried,
    *,
    changes: tuple[Change, ...],
    verification: str,
    undo: str,
    undoable: bool = True,
    arguments: Mapping[str, Argument] | None = None,
    observed: Mapping[str, Argument] | None = None,
    notes: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
) -> Plan:
    """The plan of a call that was tried; what tells later whether the object is still the one is added."""
    request, found = asking.request, tried.found
    return Plan(
        action=request.action,
        service=request.service,
        target=request.target,
        arguments=request.arguments if arguments is None else arguments,
        changes=changes,
        resource_version=str((found.get("metadata") or {}).get("resourceVersion") or ""),
        observed={**(observed or {}), "generation": generation_of(found), "uid": uid_of(found)},
        notes=notes,
        warnings=(*tried.cautions, *warnings),
        verification=verification,
        undo=undo,
        undoable=undoable,
        runbook=request.runbook,
        remediation=request.remediation,
        undoes=request.undoes,
        call=tried.call,
    )


def _computed(error: DryRunUnsupported) -> str:
    return f"no dry run, the difference is computed: {one_line(error)}"
