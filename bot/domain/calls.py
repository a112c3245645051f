"""What a plan's call comes to on the wire, and whether a grant allows it. Pure; writers and planners ask.

An approval is for one call, written down in its plan and covered by its digest: nobody works out anew what to
send once it was approved. Beside it go the object's version, and the approval's id as a mark by which the
change is known again after a crash.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bot.domain.errors import Permanent
from bot.domain.remedies import Action, CallKind, Edit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.domain.approvals import Grant
    from bot.domain.remedies import Call

MARK: Final = "lightship/approval"
"""The annotation that names the approval by which an object was made or last edited."""

MADE_FOR: Final = "lightship/made-for"
"""The label that names the approval by which an object was made; later edits leave it."""

JOB_LABELS: Final = {"app.kubernetes.io/managed-by": "lightship"}
CRON_JOB_LABEL: Final = "lightship/cronjob"
_LONGEST_JOB: Final = 63
_FAILED: Final = ("spec", "activeDeadlineSeconds")
_TEMPLATE: Final = ("spec", "template")
Allowed = tuple[CallKind, str, str, tuple[tuple[str, ...], ...]]
"""The kind of a call, the resource and sub-resource, and the fields that it may set with all below them."""

_ALLOWED: Final[dict[Action, tuple[Allowed, ...]]] = {
    Action.SCALE: (
        (CallKind.EDIT, "deployments", "scale", (("spec", "replicas"),)),
        (
            CallKind.EDIT,
            "horizontalpodautoscalers",
            "",
            (("spec", "minReplicas"), ("spec", "maxReplicas")),
        ),
    ),
    Action.RESTART: ((CallKind.EDIT, "deployments", "", ((*_TEMPLATE, "metadata", "annotations"),)),),
    Action.ROLLBACK: ((CallKind.EDIT, "deployments", "", (_TEMPLATE,)),),
    Action.RESOURCES: ((CallKind.EDIT, "deployments", "", ((*_TEMPLATE, "spec", "containers"),)),),
    Action.DELETE_POD: ((CallKind.EVICT, "pods", "eviction", ()),),
    Action.RUN: ((CallKind.CREATE, "jobs", "", ()), (CallKind.EDIT, "jobs", "", (_FAILED,))),
    Action.RETRAIN: ((CallKind.CREATE, "jobs", "", ()), (CallKind.EDIT, "jobs", "", (_FAILED,))),
    Action.PROMOTE: ((CallKind.ALIAS, "models", "", (("aliases",),)),),
}
"""What an action may send."""


def allow(action: Action, calls: tuple[Allowed, ...]) -> None:
    """Let another package's action send these; a built-in one's cannot be widened. Raises ValueError."""
    if action in _ALLOWED:
        raise ValueError(f"what {action.value} may send is known already")
    _ALLOWED[action] = calls


def misfit(grant: Grant, kind: CallKind) -> str:
    """Why a call of this kind is not what the grant allows; empty where it is. Every writer asks first."""
    plan, call = grant.plan, grant.plan.call
    if not grant.is_intact:
        return "the plan is not the one that was approved"
    if call is None or call.kind is not kind:
        return f"the approval is for {plan.action.value}, which is no {kind.value} here"
    for allowed, resource, subresource, paths in _ALLOWED.get(plan.action, ()):
        if (allowed, resource, subresource) == (call.kind, call.resource, call.subresource):
            stray = [edit for edit in call.edits if not any(_is_below(edit.path, path) for path in paths)]
            return f"{plan.action.value} may not set {'.'.join(stray[0].path)}" if stray else ""
    return f"{plan.action.value} may not {call.kind.value} {call.resource}"


def granted_call(grant: Grant, kind: CallKind) -> Call:
    """The call of the grant's plan. Raises Permanent where the grant does not allow it."""
    wrong = misfit(grant, kind)
    if wrong or grant.plan.call is None:
        raise Permanent(f"the order does not fit the approval: {wrong}")
    return grant.plan.call


def patch_of(edits: Sequence[Edit], *, resource_version: str, mark: str = "") -> dict[str, Any]:
    """The JSON merge patch that turns each `before` into its `after`, with the optimistic lock.

    It is exact where the object is what the edits were made from, which the lock makes sure. `mark` names the
    approval.
    """
    patch: dict[str, Any] = {"metadata": {"resourceVersion": resource_version}}
    for edit in edits:
        place = patch
        for key in edit.path[:-1]:
            place = place.setdefault(key, {})
        place[edit.path[-1]] = _difference(_loaded(edit.before), _loaded(edit.after))
    if mark:
        patch["metadata"].setdefault("annotations", {})[MARK] = mark
    return patch


def patch_for(grant: Grant, *, resource_version: str) -> dict[str, Any]:
    """The patch that a granted EDIT sends; a sub-resource keeps no annotations, so it gets no mark."""
    call = grant.plan.call
    if call is None:
        raise ValueError("the plan has no call")
    mark = "" if call.subresource else grant.approval_id
    return patch_of(call.edits, resource_version=resource_version, mark=mark)


def job_name(call: Call, approval_id: str) -> str:
    """The name of the Job that an approval makes: once made, a repeat of it is a conflict."""
    ending = f"-{''.join(sign if sign.isalnum() else '-' for sign in approval_id.lower())}".rstrip("-")
    return f"{call.name[: _LONGEST_JOB - len(ending)].rstrip('-.')}{ending}"


def object_for(call: Call, *, approval_id: str) -> dict[str, Any]:
    """The object that a CREATE sends, with name and mark."""
    made: dict[str, Any] = json.loads(call.body)
    metadata = made.setdefault("metadata", {})
    metadata["name"] = job_name(call, approval_id)
    metadata["annotations"] = {**(metadata.get("annotations") or {}), MARK: approval_id}
    metadata["labels"] = {**(metadata.get("labels") or {}), MADE_FOR: approval_id}
    return made


def mark_of(found: Mapping[str, Any]) -> str:
    """The approval that an object says it was made or last edited by; empty where it says none."""
    return str(((found.get("metadata") or {}).get("annotations") or {}).get(MARK) or "")


def made_for(found: Mapping[str, Any]) -> str:
    """The approval that an object says it was made by; empty where it says none."""
    return str(((found.get("metadata") or {}).get("labels") or {}).get(MADE_FOR) or "")


def make_edit(found: Mapping[str, Any], path: tuple[str, ...], after: object) -> Edit:
    """The edit that sets a field of an object as it is now; None removes it."""
    return Edit(path=path, before=value_at(found, path), after=canonical(after))


def inverse(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """What takes the edits back."""
    return tuple(Edit(path=edit.path, before=edit.after, after=edit.before) for edit in edits)


def value_at(found: Mapping[str, Any], path: Sequence[str]) -> str:
    """The value of a field as canonical JSON; empty where it is absent."""
    value: Any = found
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return canonical(value)


def holds(found: Mapping[str, Any], edits: Sequence[Edit]) -> bool:
    """Whether every field has the value after the edits."""
    return all(value_at(found, edit.path) == edit.after for edit in edits)


def is_before(found: Mapping[str, Any], edits: Sequence[Edit]) -> bool:
    """Whether every field has the value before the edits."""
    return all(value_at(found, edit.path) == edit.before for edit in edits)


def canonical(value: object) -> str:
    """JSON that is equal for equal values: sorted, without what is null; empty for null itself."""
    return "" if value is None else json.dumps(_without_null(value), sort_keys=True, separators=(",", ":"))


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(one) for key, one in value.items() if one is not None}
    return [_without_null(one) for one in value] if isinstance(value, list) else value


def _loaded(text: str) -> Any:
    return json.loads(text) if text else None


def _difference(before: Any, after: Any) -> Any:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    gone: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    changed = {
        key: _difference(before.get(key), value) for key, value in after.items() if before.get(key) != value
    }
    return gone | changed


def _is_below(path: tuple[str, ...], above: tuple[str, ...]) -> bool:
    return path[: len(above)] == above
