"""Editing one object: from a granted plan to one PATCH, and from a crash back to the truth.

`apply` acts, `recover` only looks; both tell what they know and no more, so that the engine asks a human
where the world does not tell.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bot.domain.calls import holds, is_before, mark_of, value_at
from bot.domain.errors import Ambiguous, Conflict, LightshipError, NotFound
from bot.domain.outside_text import one_line
from bot.remediations.deployments import generation_of, uid_of
from bot.remediations.objects import read_edited
from bot.remediations.outcomes import (
    Applied,
    ApplyState,
    applied,
    cannot_tell,
    changed,
    gone,
    not_done,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.approvals import Grant
    from bot.domain.remedies import Call, Edit
    from bot.ports.readers import ClusterReader, KubeObject
    from bot.ports.writers import ClusterWriter

_TRIES: Final = 5


async def apply(grant: Grant, call: Call, *, reader: ClusterReader, writer: ClusterWriter) -> Applied:
    """Edit as granted, at most once however often it is called with the same grant.

    Every PATCH carries a resourceVersion that belongs to the object as it was approved, and one that took
    effect leaves its mark: so a repeat after a lost answer cannot do it a second time.
    """
    version, lost = grant.plan.resource_version, False
    for _ in range(_TRIES):
        try:
            await writer.edit(grant, resource_version=version)
        except Ambiguous:
            lost = True
        except Conflict:
            pass
        except LightshipError as error:
            return _stopped(grant, error, lost=lost)
        else:
            return applied(grant)
        seen = await _look(grant, call, reader, lost=lost)
        if isinstance(seen, Applied):
            return seen
        # A PATCH that is still on its way is refused as soon as the version has moved on without it.
        lost = lost and seen == version
        version = seen
    if lost:
        return cannot_tell(grant, "the answers of Kubernetes got lost")
    return Applied(
        state=ApplyState.NOT_APPLIED,
        sentence=f"nothing was done: the status of {grant.plan.target} kept changing in between",
        retry_after=5.0,
    )


async def recover(grant: Grant, call: Call, *, reader: ClusterReader) -> Applied:
    """Whether a PATCH whose outcome was never kept took effect: by its marks, else by the object's state."""
    try:
        found = await read_edited(call, grant.plan.target, reader)
    except NotFound:
        return cannot_tell(grant, "it is gone")
    except LightshipError as error:
        return cannot_tell(grant, f"it cannot be looked at: {one_line(error)}")
    if _wrote(grant, call, found):
        since = "" if holds(found, call.edits) else f"; since then {_overruled(found, call.edits)}"
        return applied(grant, since=since)
    # A manager is forgotten when somebody else sets the field, so only an unmoved object is a proof.
    if _as_planned(grant, call, found):
        return not_done(grant, "nothing in it changed since the plan")
    return cannot_tell(
        grant, f"it changed since the plan, and {_overruled(found, call.edits)} by somebody else"
    )


async def _look(grant: Grant, call: Call, reader: ClusterReader, *, lost: bool) -> Applied | str:
    """The version to try next, or the end of trying."""
    try:
        found = await read_edited(call, grant.plan.target, reader)
    except LightshipError as error:
        return _stopped(grant, error, lost=lost)
    if _wrote(grant, call, found):
        return applied(grant)
    if _as_planned(grant, call, found):
        return str(found["metadata"]["resourceVersion"])
    # After a lost answer the change may be our own, made over by somebody since.
    return cannot_tell(grant, "it changed meanwhile") if lost else _changed(grant, call, found)


def _stopped(grant: Grant, error: LightshipError, *, lost: bool) -> Applied:
    if lost:
        return cannot_tell(grant, f"the answer got lost, and then: {one_line(error)}")
    return gone(grant) if isinstance(error, NotFound) else refused(error)


def _wrote(grant: Grant, call: Call, found: KubeObject) -> bool:
    if mark_of(found) == grant.approval_id:
        return True
    entries = (found.get("metadata") or {}).get("managedFields") or ()
    return any(
        entry.get("manager") == grant.field_manager and (entry.get("subresource") or "") == call.subresource
        for entry in entries
    )


def _as_planned(grant: Grant, call: Call, found: KubeObject) -> bool:
    """Whether at most the status moved since the plan; what has no generation is told by its values."""
    unmoved = generation_of(found) == grant.plan.observed["generation"]
    return unmoved and uid_of(found) == grant.plan.observed["uid"] and is_before(found, call.edits)


def _changed(grant: Grant, call: Call, found: KubeObject) -> Applied:
    if uid_of(found) != grant.plan.observed["uid"]:
        return changed(grant, "it was deleted and created anew")
    if is_before(found, call.edits):
        return changed(grant, "its specification or annotations changed")
    moved = [edit for edit in call.edits if value_at(found, edit.path) != edit.before]
    edit = moved[0]
    now, before = shown_value(value_at(found, edit.path)), shown_value(edit.before)
    if not now or not before:
        return changed(grant, f"its {_name(edit)} changed")
    return changed(grant, f"it has {now} {_name(edit)} now, not {before}")


def _overruled(found: KubeObject, edits: Sequence[Edit]) -> str:
    """What somebody else made of the fields: `replicas was set to 4`."""
    other = [edit for edit in edits if value_at(found, edit.path) != edit.after] or list(edits)
    now = shown_value(value_at(found, other[0].path))
    return f"its {_name(other[0])} was set to {now}" if now else f"its {_name(other[0])} was changed"


def shown_value(text: str) -> str:
    """A field's value in words, where it is one; empty for what is larger than that."""
    value: Any = json.loads(text) if text else "nothing"
    return one_line(value, limit=60) if isinstance(value, str | int | float) else ""


def _name(edit: Edit) -> str:
    return edit.path[-1]
