"""The check `events`: the warnings that Kubernetes noted about the deployment and all that belongs to it.

Those of the deployment, its replica sets, its pods (the ones that are gone too) and its autoscaler; equal
ones folded into one row. Normal events are not shown: they are the noise that hides the others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.arguments import duration_of
from bot.checks.pod_events import warnings_of
from bot.checks.reading import RECENT, ago, deployment_named, list_beside, name_of, owned_by, scales
from bot.domain.durations import rough_duration
from bot.domain.facts import number, texts
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.masking import pattern_of
from bot.domain.outside_text import one_line
from bot.domain.selectors import selector_text
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.checks.pod_events import WarningEvent
    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Scalar
    from bot.domain.rights import Right
    from bot.ports.readers import Readers

NAME: Final = "events"
FRESH_FOR: Final = timedelta(minutes=2)
RIGHTS: Final[tuple[Right, ...]] = (
    Resource.DEPLOYMENTS.right("get"),
    Resource.REPLICA_SETS.right("list"),
    Resource.PODS.right("list"),
    Resource.EVENTS.right("list"),
)
OPTIONAL_RIGHTS: Final[tuple[Right, ...]] = (Resource.HORIZONTAL_POD_AUTOSCALERS.right("list"),)
FACTS: Final[Mapping[str, KnownFact]] = {
    "warnings": number("warning events of the last hour"),
    "occurrences": number("how often they happened, repeats counted"),
    "reasons": texts("their reasons, each once"),
    "objects": number("how many objects they are about"),
    "minutes_ago": number("minutes since the newest; none without warnings", unit="minutes"),
}
"""The facts that evidence expressions may name."""
ARGUMENTS: Final = frozenset({"since"})

_MOST_EVENTS: Final = 2_000
_LONGEST: Final = timedelta(days=1)
_ROWS: Final = 20
_OTHERS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Fold:
    """Warnings that say the same: the newest of them, how often, about how many objects."""

    newest: WarningEvent
    count: int
    objects: int


async def run(
    target: CheckTarget, readers: Readers, now: datetime, arguments: Mapping[str, Scalar]
) -> Finding:
    """Look at the warnings. Raises what the reader raises, Permanent for a wrong `since`."""
    where = deployment_named(target)
    within = duration_of(arguments, "since", default=RECENT, most=_LONGEST)
    cluster, namespace = readers.cluster, target.namespace
    deployment = await cluster.get(Resource.DEPLOYMENTS, namespace=namespace, name=target.deployment)
    selector = selector_text(deployment.get("spec", {}).get("selector"))
    sets, pods, events, scalers = await asyncio.gather(
        cluster.list(Resource.REPLICA_SETS, namespace=namespace, labels=selector),
        cluster.list(Resource.PODS, namespace=namespace, labels=selector),
        cluster.list(Resource.EVENTS, namespace=namespace, fields="type=Warning", limit=_MOST_EVENTS),
        list_beside(cluster, Resource.HORIZONTAL_POD_AUTOSCALERS, namespace, what="autoscalers"),
    )
    uid = str((deployment.get("metadata") or {}).get("uid", ""))
    own_sets = {name_of(one) for one in owned_by(sets, kind="Deployment", name=target.deployment, uid=uid)}
    names = {target.deployment, target.hpa, *own_sets, *(name_of(pod) for pod in pods)}
    names |= {name_of(one) for one in scalers.found if scales(one, target.deployment)}
    warnings = warnings_of(events, names=names - {""}, now=now, within=within, pods_of=own_sets)
    notes = [scalers.note] if scalers.note else []
    if len(events) >= _MOST_EVENTS:
        notes.append(f"the namespace has more than {_MOST_EVENTS} warnings, of which only so many were read")
    return _finding(where, warnings, tuple(notes), now=now, within=within)


def fold(warnings: Sequence[WarningEvent]) -> tuple[Fold, ...]:
    """Warnings of one reason that say the same but for names and numbers; the newest first."""
    groups: dict[tuple[str, str], list[WarningEvent]] = {}
    for one in warnings:
        said = pattern_of(one.message.replace(one.about, "<name>") if one.about else one.message)
        groups.setdefault((one.reason, said), []).append(one)
    folds = (
        Fold(
            newest=max(group, key=lambda one: one.at),
            count=sum(one.count for one in group),
            objects=len({(one.kind, one.about) for one in group}),
        )
        for group in groups.values()
    )
    return tuple(sorted(folds, key=lambda one: one.newest.at, reverse=True))


def _finding(
    where: str,
    warnings: tuple[WarningEvent, ...],
    notes: tuple[str, ...],
    *,
    now: datetime,
    within: timedelta,
) -> Finding:
    folds = fold(warnings)
    # What was not read may be the warning that matters, so nothing found is then not "ok".
    blind = not folds and any("only so many" in note for note in notes)
    newest = max((one.at for one in warnings), default=None)
    rows = tuple(_row(one, now) for one in folds[:_ROWS])
    rest = len(folds) - len(rows)
    return Finding(
        check=NAME,
        target=where,
        verdict=Verdict.UNKNOWN if blind else Verdict.WARN if folds else Verdict.OK,
        summary=_summary(folds, now=now, within=within) if not blind else "unknown: too many to read",
        reason=notes[-1] if blind else "",
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts={
            "warnings": len(warnings),
            "occurrences": sum(one.count for one in warnings),
            "reasons": tuple(sorted({one.reason for one in warnings})),
            "objects": len({(one.kind, one.about) for one in warnings}),
            "minutes_ago": None if newest is None else max(round((now - newest).total_seconds() / 60), 0),
        },
        table=Table(columns=("Last", "Times", "Reason", "About", "Message"), rows=rows) if rows else None,
        details=(*([f"{rest} more kinds of warning are not shown"] if rest else []), *notes),
    )


def _summary(folds: tuple[Fold, ...], *, now: datetime, within: timedelta) -> str:
    if not folds:
        return f"no warnings in the last {rough_duration(within)}"
    first = folds[0]
    often = f" {first.count} times" if first.count > 1 else ""
    said = f"{first.newest.reason}{often}, last {ago(first.newest.at, now=now)}: {first.newest.message}"
    others = list(dict.fromkeys(one.newest.reason for one in folds[1:]))
    more = " and more" if len(others) > _OTHERS else ""
    rest = f"; also {', '.join(others[:_OTHERS])}{more}" if others else ""
    return f"{one_line(said, limit=300)}{rest}"


def _row(one: Fold, now: datetime) -> tuple[str, ...]:
    newest = one.newest
    about = f"{newest.kind} {newest.about}" if one.objects == 1 else f"{one.objects} objects, {newest.about}"
    return (ago(newest.at, now=now), str(one.count), newest.reason, one_line(about), newest.message)
