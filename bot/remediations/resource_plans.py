"""Other requests and limits for one container, within bounds, limit ranges and quota; pods are replaced."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from bot.domain.outside_text import one_line
from bot.domain.quantities import parse_quantity
from bot.domain.remedies import Change, RefusalReason
from bot.remediations.deployments import RolloutState, replicas_of
from bot.remediations.planning import Refused, edit_call, make_plan, try_edit
from bot.remediations.replacing import see_replacement
from bot.remediations.room import amount_words
from bot.remediations.surroundings import limit_ranges
from bot.remediations.targets import read_deployment, refuse_owned, refuse_rollout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.bounds import ResourceBounds
    from bot.domain.remedies import Call, Plan
    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking

CONTAINERS: Final = ("spec", "template", "spec", "containers")
_PLACES: Final = {
    "cpu": ("limits", "cpu"),
    "memory": ("limits", "memory"),
    "cpu_request": ("requests", "cpu"),
    "memory_request": ("requests", "memory"),
}


async def plan_resources(asking: Asking) -> Plan:
    """The container with these numbers in place of its own."""
    target, arguments = asking.request.target, asking.request.arguments
    wanted = {
        _PLACES[key]: str(value).strip() for key, value in arguments.items() if key in _PLACES and str(value)
    }
    if not wanted:
        words = (
            "Say what to change: `cpu` and `memory` are limits, `cpu_request` and `memory_request` requests."
        )
        raise Refused(RefusalReason.BAD_ARGUMENT, words)
    deployment = await read_deployment(asking)
    name = _container(deployment, str(arguments.get("container") or ""), str(target))
    # Pods that die for want of memory are a rollout that fails, and this is its remedy.
    warnings = (
        *refuse_rollout(asking, deployment, {RolloutState.PAUSED, RolloutState.UNDER_WAY}),
        *refuse_owned(asking, deployment),
    )
    _refuse_bounds(_named(deployment, name), wanted, asking.bounds.resources)

    def make(found: KubeObject) -> Call:
        return edit_call(found, "deployments", {CONTAINERS: _with(found, name, wanted)})

    tried = await try_edit(asking, lambda: read_deployment(asking), make)
    before, after = tried.found["spec"]["template"], deepcopy(tried.found["spec"]["template"])
    after["spec"]["containers"] = _with(tried.found, name, wanted)
    changes = _changes(_named(tried.found, name), wanted, name)
    if not changes:
        raise Refused(RefusalReason.NO_CHANGE, f"Container {name} of {target} has these numbers already.")
    seen = await see_replacement(asking, tried.found, after)
    _refuse_ranges(await limit_ranges(asking, seen), wanted)
    pods = replicas_of(tried.found)
    return make_plan(
        asking,
        tried,
        arguments={**arguments, "container": name},
        changes=changes,
        observed={"replicas": pods},
        verification=f"{target} has {pods} ready pods with the new numbers",
        undo="the numbers before; the pods are replaced once more",
        notes=(f"{pods} pods are replaced, one after the other", *seen.notes),
        warnings=(*warnings, *seen.warnings, *_cautions(before, after, name)),
    )


def _container(deployment: KubeObject, asked: str, target: str) -> str:
    names = [str(one["name"]) for one in deployment["spec"]["template"]["spec"]["containers"]]
    known = ", ".join(one_line(name, limit=63) for name in names)
    if not asked and len(names) == 1:
        return names[0]
    if not asked:
        words = f"{target} has several containers; name one with `container=`: {known}."
        raise Refused(RefusalReason.BAD_ARGUMENT, words)
    if asked not in names:
        words = f"{target} has no container `{one_line(asked, limit=63)}`; there are {known}."
        raise Refused(RefusalReason.BAD_ARGUMENT, words)
    return asked


def _named(deployment: KubeObject, name: str) -> dict[str, Any]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = next((one for one in containers if one["name"] == name), {})
    return found


def _with(deployment: KubeObject, name: str, wanted: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
    containers: list[dict[str, Any]] = deepcopy(deployment["spec"]["template"]["spec"]["containers"])
    for container in containers:
        if container["name"] == name:
            for (kind, resource), value in wanted.items():
                container.setdefault("resources", {}).setdefault(kind, {})[resource] = value
    return containers


def _refuse_bounds(
    container: dict[str, Any], wanted: dict[tuple[str, str], str], bounds: ResourceBounds
) -> None:
    most = {"cpu": bounds.cpu, "memory": bounds.memory}
    for (kind, resource), text in wanted.items():
        value = parse_quantity(text) or 0.0
        if value > most[resource]:
            words = f"{resource} {text}: the configured bound is {amount_words(resource, most[resource])}."
            raise Refused(RefusalReason.OUT_OF_BOUNDS, words)
        now = parse_quantity(_value(container, kind, resource))
        if now and not now / bounds.max_factor <= value <= now * bounds.max_factor:
            words = (
                f"{resource} from {_value(container, kind, resource)} to {text} is more than a factor of "
                f"{bounds.max_factor:g}; take smaller steps."
            )
            raise Refused(RefusalReason.TOO_LARGE_A_STEP, words)


def _refuse_ranges(ranges: Sequence[KubeObject], wanted: dict[tuple[str, str], str]) -> None:
    """The dry run does not meet limit ranges: they are for pods, which come later."""
    for found in ranges:
        name = one_line(found["metadata"]["name"], limit=80)
        for limit in (found.get("spec") or {}).get("limits") or ():
            if limit.get("type") != "Container":
                continue
            for (_, resource), text in wanted.items():
                value = parse_quantity(text) or 0.0
                least, most = (parse_quantity((limit.get(key) or {}).get(resource)) for key in ("min", "max"))
                if (most is not None and value > most) or (least is not None and value < least):
                    low, high = ((limit.get(key) or {}).get(resource, "any") for key in ("min", "max"))
                    words = f"LimitRange {name} allows a container {low} to {high} of {resource}, not {text}."
                    raise Refused(RefusalReason.NO_ROOM, words)


def _changes(container: dict[str, Any], wanted: dict[tuple[str, str], str], name: str) -> tuple[Change, ...]:
    return tuple(
        Change(
            field=f"{resource} {kind.removesuffix('s')} of {name}",
            before=_value(container, kind, resource) or "none",
            after=text,
        )
        for (kind, resource), text in wanted.items()
        if parse_quantity(_value(container, kind, resource)) != parse_quantity(text)
    )


def _cautions(before: dict[str, Any], after: dict[str, Any], name: str) -> tuple[str, ...]:
    """A limit that falls may kill what needed it."""
    said = []
    for resource in ("cpu", "memory"):
        was, now = (
            parse_quantity(_value(_by_name(template, name), "limits", resource))
            for template in (before, after)
        )
        if was is not None and now is not None and now < was:
            said.append(f"the {resource} limit falls: pods that need more are slowed down or killed")
    return tuple(said)


def _by_name(template: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next((one for one in template["spec"]["containers"] if one["name"] == name), {})
    return found


def _value(container: dict[str, Any], kind: str, resource: str) -> str:
    return str(((container.get("resources") or {}).get(kind) or {}).get(resource) or "")
