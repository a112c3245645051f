"""Taking an approved and applied change back: the state that its plan recorded, if nobody changed it since.

An undo is a plan like any other, approved and applied like any other. What a Job did cannot be undone; while
it runs it can be cancelled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bot.domain.calls import holds, inverse, is_before, job_name, made_for, value_at
from bot.domain.errors import NotFound
from bot.domain.outside_text import one_line
from bot.domain.remedies import CallKind, Change, Plan, RefusalReason, Target
from bot.ports.readers import Resource
from bot.remediations.deployments import RolloutState, replicas_of, uid_of
from bot.remediations.editing import shown_value
from bot.remediations.jobs import job_progress
from bot.remediations.objects import read_edited
from bot.remediations.planning import NEVER_UNDONE, Asking, Refused, Tried, edit_call, make_plan, try_edit
from bot.remediations.targets import read_target, refuse_rollout

if TYPE_CHECKING:
    from bot.domain.remedies import Call
    from bot.ports.readers import KubeObject

_CANCEL: Final = ("spec", "activeDeadlineSeconds")


async def plan_undo(asking: Asking) -> Plan:
    """How `asking.done`, which the approval `asking.request.undoes` granted, is taken back."""
    done = asking.done
    if done is None or done.call is None:
        raise Refused(RefusalReason.CANNOT_BE_UNDONE, "There is nothing on record to be undone.")
    if done.call.kind is CallKind.CREATE:
        return await _cancel(asking, done.call)
    if not done.undoable:
        words = f"{done.action.value} of {done.target} {NEVER_UNDONE}."
        raise Refused(RefusalReason.CANNOT_BE_UNDONE, words)
    asking = replace(asking, request=replace(asking.request, action=done.action, target=done.target))
    if done.call.kind is CallKind.ALIAS:
        return await _restore_alias(asking, done, done.call)
    return await _restore(asking, done, done.call)


async def _restore(asking: Asking, done: Plan, call: Call) -> Plan:
    """The fields as they were, where they are still as Lightship left them."""
    back = inverse(call.edits)
    warnings: tuple[str, ...] = ()

    async def read() -> KubeObject:
        try:
            return await read_edited(call, done.target, asking.readers.cluster)
        except NotFound as error:
            raise Refused(RefusalReason.TARGET_MISSING, f"{done.target} is gone; nothing to undo.") from error

    def make(found: KubeObject) -> Call:
        if uid_of(found) != done.observed["uid"]:
            words = f"{done.target} was deleted and created anew since, so nothing is left to undo."
            raise Refused(RefusalReason.OBJECT_CHANGED, words)
        _refuse_touched(done, call, found)
        return replace(call, edits=back)

    if call.resource == "deployments":
        # A rollout that does not end is what an undo is for.
        warnings = refuse_rollout(asking, await read(), {RolloutState.PAUSED})
    tried = await try_edit(asking, read, make)
    if [edit.after for edit in tried.call.edits] != [edit.after for edit in back]:
        words = f"The API server would not make {done.target} what it was."
        raise Refused(RefusalReason.DRY_RUN_REFUSED, words)
    return make_plan(
        asking,
        tried,
        arguments={},
        changes=turned(done),
        observed=_remembered(done, tried),
        verification=f"{done.target} is as it was before",
        undo="do it again",
        warnings=warnings,
    )


def turned(done: Plan) -> tuple[Change, ...]:
    """The lines of a diff the other way round."""
    return tuple(
        Change(field=change.field, before=change.after, after=change.before) for change in done.changes
    )


def _remembered(done: Plan, tried: Tried) -> dict[str, str | int | float]:
    if tried.call.resource != "deployments":
        return {}
    return {"replicas": replicas_of(tried.found), "undone": done.action.value}


def _refuse_touched(done: Plan, call: Call, found: KubeObject) -> None:
    if holds(found, call.edits):
        return
    if is_before(found, call.edits):
        words = f"{done.target} is as it was before already."
        raise Refused(RefusalReason.NO_CHANGE, words)
    touched = [edit for edit in call.edits if value_at(found, edit.path) != edit.after]
    now, left = shown_value(value_at(found, touched[0].path)), shown_value(touched[0].after)
    what = touched[0].path[-1]
    how = f"{what} is {now} now, Lightship left {left}" if now and left else f"its {what} is another one now"
    words = f"Somebody changed {done.target} since: {how}. An undo restores only what Lightship left."
    raise Refused(RefusalReason.OBJECT_CHANGED, words)


async def _restore_alias(asking: Asking, done: Plan, call: Call) -> Plan:
    """The version that the alias named before."""
    (edit,) = call.edits
    alias, left, before = edit.path[-1], shown_value(edit.after), shown_value(edit.before)
    models = asking.readers.models
    try:
        now = (await models.version_by_alias(name=call.name, alias=alias)).version
        await models.version(name=call.name, version=before)
    except NotFound as error:
        words = f"The alias {alias} or version {before} of {call.name} is gone; it cannot be undone."
        raise Refused(RefusalReason.TARGET_MISSING, words) from error
    if now == before:
        raise Refused(RefusalReason.NO_CHANGE, f"{alias} is version {before} already.")
    if now != left:
        words = f"Somebody moved {alias} since: it is version {now}, Lightship left {left}."
        raise Refused(RefusalReason.OBJECT_CHANGED, words)
    return make_plan(
        asking,
        Tried(call=replace(call, edits=inverse(call.edits)), found={}),
        arguments={},
        changes=turned(done),
        verification=f"{alias} of {call.name} is version {before}",
        undo=f"move {alias} to version {left} again",
    )


async def _cancel(asking: Asking, call: Call) -> Plan:
    """A deadline that is over: the Job ends as failed, its record and its end date stay."""
    name = job_name(call, asking.request.undoes)
    target = Target(kind="Job", namespace=asking.request.target.namespace, name=name)
    asking = replace(asking, request=replace(asking.request, target=target))

    def make(found: KubeObject) -> Call:
        if made_for(found) != asking.request.undoes:
            raise Refused(RefusalReason.NOT_OURS, f"Lightship did not make {target}.")
        seen = job_progress(found)
        if seen.done or seen.failed:
            words = f"{one_line(target)} has ended already ({seen.reason}); what it did {NEVER_UNDONE}."
            raise Refused(RefusalReason.CANNOT_BE_UNDONE, words)
        return edit_call(found, "jobs", {_CANCEL: 1})

    async def read() -> KubeObject:
        return await read_target(asking, Resource.JOBS, name)

    tried = await try_edit(asking, read, make)
    running = int((tried.found.get("status") or {}).get("active") or 0)
    return make_plan(
        asking,
        tried,
        arguments={},
        changes=(Change(field="job", before=f"{running} pods running", after="cancelled"),),
        verification="the Job has ended and none of its pods runs",
        undo=f"{NEVER_UNDONE}: run it anew",
        undoable=False,
    )
