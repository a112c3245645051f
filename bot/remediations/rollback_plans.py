"""Rolling a deployment back to a revision: the pod template of an older ReplicaSet, as `kubectl` does it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.domain.actions import whole_number
from bot.domain.calls import canonical, value_at
from bot.domain.outside_text import one_line
from bot.domain.pod_templates import changes_between
from bot.domain.remedies import Change, RefusalReason
from bot.domain.selectors import selector_text
from bot.ports.readers import Resource
from bot.remediations.deployments import RolloutState, replicas_of, uid_of
from bot.remediations.planning import Refused, edit_call, make_plan, try_edit
from bot.remediations.replacing import see_replacement
from bot.remediations.targets import read_deployment, refuse_owned, refuse_rollout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.remedies import Call, Plan
    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking

TEMPLATE: Final = ("spec", "template")
_REVISION: Final = "deployment.kubernetes.io/revision"
_HASH: Final = "pod-template-hash"
_MOST_SETS: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """An older or the present pod template, with its number."""

    number: int
    name: str
    template: dict[str, Any]


async def plan_rollback(asking: Asking) -> Plan:
    """The revision that was asked for, else the one before."""
    target = asking.request.target
    deployment = await read_deployment(asking)
    # A rollout that is under way or fails is what a rollback is for.
    warnings = (
        *refuse_rollout(asking, deployment, {RolloutState.PAUSED}),
        *refuse_owned(asking, deployment),
    )
    revisions = await revisions_of(asking, deployment)
    present = _present(deployment, revisions)
    wanted = _wanted(asking, revisions, present)

    def make(found: KubeObject) -> Call:
        return edit_call(found, "deployments", {TEMPLATE: wanted.template})

    tried = await try_edit(asking, lambda: read_deployment(asking), make)
    (edit,) = tried.call.edits
    if edit.before == edit.after:
        words = f"{target} has the pods of revision {wanted.number} already."
        raise Refused(RefusalReason.NO_CHANGE, words)
    seen = await see_replacement(asking, tried.found, wanted.template)
    return make_plan(
        asking,
        tried,
        arguments={"revision": wanted.number},
        changes=(
            Change(field="revision", before=str(present), after=str(wanted.number)),
            *template_changes(tried.found["spec"]["template"], wanted.template),
        ),
        observed={"revision": present, "replicas": replicas_of(tried.found)},
        verification=f"{target} has {replicas_of(tried.found)} ready pods, all of revision {wanted.number}",
        undo=f"roll out the pods of revision {present} again",
        notes=(f"ReplicaSet {wanted.name} holds the template of revision {wanted.number}", *seen.notes),
        warnings=(*warnings, *seen.warnings),
    )


async def revisions_of(asking: Asking, deployment: KubeObject) -> tuple[Revision, ...]:
    """The deployment's revisions, the newest first. Raises what the reader raises."""
    found = await asking.readers.cluster.list(
        Resource.REPLICA_SETS,
        namespace=deployment["metadata"]["namespace"],
        labels=selector_text(deployment["spec"].get("selector")),
        limit=_MOST_SETS,
    )
    mine = [one for one in map(_revision, (item for item in found if is_owned(item, deployment))) if one]
    return tuple(sorted(mine, key=lambda one: one.number, reverse=True))


def is_owned(found: KubeObject, owner: KubeObject) -> bool:
    """Whether the controller of an object is this one."""
    references = (found.get("metadata") or {}).get("ownerReferences") or ()
    return any(one.get("controller") and one.get("uid") == uid_of(owner) for one in references)


def template_changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[Change, ...]:
    """The difference of two templates as lines of a diff: `image of container api`, `a:1`, `a:2`."""
    lines = []
    for words in changes_between(before, after).words:
        field, _, values = words.rpartition(": ")
        was, arrow, now = values.partition(" → ")
        if arrow and field:
            lines.append(Change(field=field, before=was, after=now))
        else:
            lines.append(Change(field=one_line(words, limit=120), before="as it is", after="as it was"))
    return tuple(lines)


def _revision(item: KubeObject) -> Revision | None:
    number = whole_number((item["metadata"].get("annotations") or {}).get(_REVISION))
    template = deepcopy((item.get("spec") or {}).get("template") or {})
    (template.get("metadata") or {}).get("labels", {}).pop(_HASH, None)
    if number is None or not template.get("spec"):
        return None
    return Revision(number=number, name=one_line(item["metadata"]["name"], limit=253), template=template)


def _present(deployment: KubeObject, revisions: Sequence[Revision]) -> int:
    noted = whole_number((deployment["metadata"].get("annotations") or {}).get(_REVISION))
    now = value_at(deployment, TEMPLATE)
    same = [one.number for one in revisions if canonical(one.template) == now]
    return noted or (same[0] if same else 0)


def _wanted(asking: Asking, revisions: Sequence[Revision], present: int) -> Revision:
    asked, target = whole_number(asking.request.arguments.get("revision")), asking.request.target
    others = [one for one in revisions if one.number != present]
    if not others:
        raise Refused(RefusalReason.TARGET_MISSING, f"{target} has no other revision to go back to.")
    if not asked:
        older = [one for one in others if one.number < present] or others
        return older[0]
    if asked == present:
        raise Refused(RefusalReason.NO_CHANGE, f"{target} is at revision {present} already.")
    chosen = next((one for one in others if one.number == asked), None)
    if chosen is None:
        known = ", ".join(str(one.number) for one in others)
        raise Refused(RefusalReason.TARGET_MISSING, f"{target} has no revision {asked}; there are {known}.")
    return chosen
