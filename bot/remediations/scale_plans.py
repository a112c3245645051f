"""Scaling a deployment, or the bounds of the HorizontalPodAutoscaler that owns its replicas.

Planning, and watching what became of it; called through the registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.domain.actions import whole_number
from bot.domain.outside_text import one_line
from bot.domain.remedies import Change, RefusalReason
from bot.ports.readers import Resource
from bot.remediations.autoscalers import autoscaler_of, bounds_for, bounds_of
from bot.remediations.deployments import observe, replicas_of
from bot.remediations.planning import Refused, edit_call, make_plan, try_edit
from bot.remediations.room import need_of_pods
from bot.remediations.surroundings import Seen, see_budgets, see_room
from bot.remediations.targets import IN_THE_WAY, read_deployment, read_target, refuse_owned, refuse_rollout

if TYPE_CHECKING:
    from bot.domain.bounds import ScaleBounds
    from bot.domain.remedies import Call, Plan
    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking

_REPLICAS: Final = ("spec", "replicas")
_BOUNDS: Final = {"minReplicas": ("spec", "minReplicas"), "maxReplicas": ("spec", "maxReplicas")}


async def plan_scale(asking: Asking) -> Plan:
    """So many replicas, or bounds that lead there."""
    replicas = whole_number(asking.request.arguments.get("replicas"))
    assert replicas is not None  # noqa: S101 - the frame has looked at it
    limits = asking.bounds.scale
    refuse_bounds(replicas, limits=limits)
    deployment = await read_deployment(asking)
    hpa = await autoscaler_of(asking, deployment)
    if hpa is not None:
        return await _plan_autoscaler(asking, deployment, hpa, replicas)
    return await _plan_replicas(asking, deployment, replicas)


def refuse_bounds(replicas: int, *, limits: ScaleBounds) -> None:
    """Refuse a number outside the absolute bounds."""
    if not limits.minimum <= replicas <= limits.maximum:
        words = f"{replicas} replicas: the configured bounds are {limits.minimum} to {limits.maximum}."
        raise Refused(RefusalReason.OUT_OF_BOUNDS, words)


def refuse_step(current: int, replicas: int, *, limits: ScaleBounds) -> None:
    """Refuse a number too far from the one now; none is counted as one."""
    smaller, larger = sorted((max(current, 1), max(replicas, 1)))
    if larger > smaller * limits.max_factor:
        factor = f"{limits.max_factor:g}"
        words = f"From {current} to {replicas} is more than a factor of {factor}; take smaller steps."
        raise Refused(RefusalReason.TOO_LARGE_A_STEP, words)


async def _plan_replicas(asking: Asking, deployment: KubeObject, replicas: int) -> Plan:
    target, current = asking.request.target, replicas_of(deployment)
    if current == replicas:
        raise Refused(RefusalReason.NO_CHANGE, f"{target} has {current} replicas already.")
    refuse_step(current, replicas, limits=asking.bounds.scale)
    warnings = (
        *refuse_owned(asking, deployment),
        *refuse_rollout(asking, deployment, IN_THE_WAY),
        *_not_ready(deployment, current),
    )

    def make(found: KubeObject) -> Call:
        if replicas_of(found) != current:
            raise Refused(RefusalReason.OBJECT_CHANGED, f"{target} is being scaled just now.")
        return edit_call(found, "deployments", {_REPLICAS: replicas}, subresource="scale")

    tried = await try_edit(asking, lambda: read_deployment(asking), make)
    (edit,) = tried.call.edits
    if edit.after != str(replicas):
        sentence = f"The API server would make it {one_line(edit.after)} replicas, not {replicas}."
        raise Refused(RefusalReason.DRY_RUN_REFUSED, sentence)
    seen = await _look_around(asking, deployment, replicas - current)
    return make_plan(
        asking,
        tried,
        arguments={"replicas": replicas},
        changes=(Change(field="spec.replicas", before=str(current), after=str(replicas)),),
        observed={"replicas": current},
        verification=f"{target} has {replicas} ready pods of its newest revision",
        undo=f"scale back to {current}",
        notes=tuple(seen.notes),
        warnings=(*warnings, *seen.warnings),
    )


async def _plan_autoscaler(asking: Asking, deployment: KubeObject, hpa: KubeObject, replicas: int) -> Plan:
    """The autoscaler's minimum or maximum instead: replicas that it owns would be set back by it."""
    target, current, name = asking.request.target, replicas_of(deployment), hpa["metadata"]["name"]
    shown = one_line(name, limit=80)
    before = bounds_of(hpa)
    after = bounds_for(replicas, current=current, minimum=before[0], maximum=before[1])
    if after == before:
        words = (
            f"HorizontalPodAutoscaler {shown} keeps {target} at {before[0]} to {before[1]} replicas already."
        )
        raise Refused(RefusalReason.NO_CHANGE, words)
    refuse_step(current, replicas, limits=asking.bounds.scale)
    warnings = (*refuse_owned(asking, hpa), *refuse_rollout(asking, deployment, IN_THE_WAY))

    async def read() -> KubeObject:
        return await read_target(asking, Resource.HORIZONTAL_POD_AUTOSCALERS, name)

    def make(found: KubeObject) -> Call:
        if bounds_of(found) != before:
            raise Refused(RefusalReason.OBJECT_CHANGED, f"HorizontalPodAutoscaler {shown} is being changed.")
        wanted = {"minReplicas": after[0], "maxReplicas": after[1]}
        was = dict(zip(_BOUNDS, before, strict=True))
        fields: dict[tuple[str, ...], Any] = {
            _BOUNDS[key]: value for key, value in wanted.items() if value != was[key]
        }
        return edit_call(found, "horizontalpodautoscalers", fields)

    tried = await try_edit(asking, read, make)
    seen = await _look_around(asking, deployment, max(after[0] - current, 0))
    seen.notes.insert(
        0, f"HorizontalPodAutoscaler {shown} owns the replicas, now {current}: its bounds are set instead"
    )
    changes = tuple(
        Change(field=f"{shown} spec.{word}", before=str(was), after=str(now))
        for word, was, now in zip(_BOUNDS, before, after, strict=True)
        if was != now
    )
    return make_plan(
        asking,
        tried,
        arguments={"replicas": replicas},
        changes=changes,
        observed={"replicas": current, "minReplicas": before[0], "maxReplicas": before[1]},
        verification=f"the autoscaler brings {target} to {after[0]} to {after[1]} ready pods",
        undo=f"set the autoscaler's bounds back to {before[0]} to {before[1]}",
        notes=tuple(seen.notes),
        warnings=(*warnings, *seen.warnings),
    )


def _not_ready(deployment: KubeObject, replicas: int) -> tuple[str, ...]:
    seen = observe(deployment, desired=replicas)
    return () if seen.done else (f"its pods are not all ready: {seen.reason}",)


async def _look_around(asking: Asking, deployment: KubeObject, added: int) -> Seen:
    seen = Seen()
    template = (deployment.get("spec") or {}).get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    heed = "; scaling down does not heed it" if added < 0 else ""
    await see_budgets(asking, labels, seen, heed=heed)
    if added > 0:
        await see_room(asking, template, need_of_pods(template, added), seen)
    return seen
