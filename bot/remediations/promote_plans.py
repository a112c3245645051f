"""Pointing the model's alias at another version: up to a newer one, or down again. MLflow has no dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.actions import whole_number
from bot.domain.calls import canonical
from bot.domain.durations import rough_duration
from bot.domain.errors import NotFound
from bot.domain.outside_text import one_line
from bot.domain.remedies import Call, CallKind, Change, Edit, RefusalReason
from bot.remediations.planning import Refused, Tried, make_plan

if TYPE_CHECKING:
    from bot.domain.remedies import Plan
    from bot.ports.readers import ModelVersion
    from bot.remediations.planning import Asking

_METRICS = 5


async def plan_promote(asking: Asking) -> Plan:
    """The alias at that version."""
    name, alias = asking.bounds.model, asking.bounds.alias
    if not name or not alias:
        raise Refused(RefusalReason.NOT_CONFIGURED, f"No model is configured for {asking.request.service}.")
    number = str(whole_number(asking.request.arguments.get("version")))
    models = asking.readers.models
    try:
        now = await models.version_by_alias(name=name, alias=alias)
    except NotFound as error:
        words = f"Model {name} has no alias {alias} yet; set it once in MLflow."
        raise Refused(RefusalReason.TARGET_MISSING, words) from error
    if now.version == number:
        raise Refused(RefusalReason.NO_CHANGE, f"{alias} is version {number} already.")
    try:
        wanted = await models.version(name=name, version=number)
    except NotFound as error:
        words = f"Model {name} has no version {number}."
        raise Refused(RefusalReason.TARGET_MISSING, words) from error
    edit = Edit(path=("aliases", alias), before=canonical(now.version), after=canonical(number))
    older = wanted.created_at < now.created_at
    return make_plan(
        asking,
        Tried(call=Call(kind=CallKind.ALIAS, resource="models", name=name, edits=(edit,)), found={}),
        arguments={"version": int(number)},
        changes=(Change(field=f"alias {alias}", before=f"version {now.version}", after=f"version {number}"),),
        observed={"version": now.version},
        verification=f"{alias} of {name} is version {number}",
        undo=f"{alias} back to version {now.version}",
        notes=(*(_age(one, asking) for one in (now, wanted)), *_compared(now, wanted)),
        warnings=("this is an older version than the one in use",) if older else (),
    )


def _age(version: ModelVersion, asking: Asking) -> str:
    return f"version {version.version} was made {rough_duration(asking.now - version.created_at)} ago"


def _compared(now: ModelVersion, wanted: ModelVersion) -> tuple[str, ...]:
    both = sorted(now.metrics.keys() & wanted.metrics.keys())
    return tuple(
        f"{one_line(name, limit=60)} {now.metrics[name]:.4g} → {wanted.metrics[name]:.4g}"
        for name in both[:_METRICS]
    )
