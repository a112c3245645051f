"""The check `hpa`: what the autoscaler wants, what it may, and whether it can see at all.

It is found by its target when the configuration names none. A deployment without one is a fact, no fault.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.hpa_reports import report_of
from bot.checks.hpa_words import details_of, summary_of, table_of, verdict_of
from bot.checks.reading import deployment_named, name_of, scales
from bot.domain.facts import number, yes_no
from bot.domain.findings import Finding, Verdict
from bot.domain.outside_text import one_line
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.checks.hpa_reports import HpaReport
    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Fact, Scalar
    from bot.domain.rights import Right
    from bot.ports.readers import KubeObject, Readers

NAME: Final = "hpa"
FRESH_FOR: Final = timedelta(minutes=2)
RIGHTS: Final[tuple[Right, ...]] = (Resource.HORIZONTAL_POD_AUTOSCALERS.right("list"),)
FACTS: Final[Mapping[str, KnownFact]] = {
    "exists": yes_no("whether there is a HorizontalPodAutoscaler"),
    "autoscalers": number("how many of them scale the deployment; more than one undo each other's work"),
    "current": number("replicas now"),
    "desired": number("replicas it wants"),
    "minimum": number("its lower bound"),
    "maximum": number("its upper bound"),
    "at_maximum": yes_no("whether it wants all it may have"),
    "wants_more": yes_no("whether it would want more than it may have"),
    "minutes_at_maximum": number("minutes since it began to want more than it may have", unit="minutes"),
    "able": yes_no("whether it can read its metrics and scale"),
    "highest_ratio": number("the metric that is furthest above its target, over that target"),
}
"""The facts that evidence expressions may name."""


async def run(
    target: CheckTarget,
    readers: Readers,
    now: datetime,
    arguments: Mapping[str, Scalar],  # noqa: ARG001 - the check takes none
) -> Finding:
    """Look at the autoscaler of the deployment. Raises what the reader raises."""
    where = deployment_named(target)
    everything = await readers.cluster.list(
        Resource.HORIZONTAL_POD_AUTOSCALERS, namespace=target.namespace, limit=500
    )
    scaling = [one for one in everything if scales(one, target.deployment)]
    named = next((one for one in everything if target.hpa and name_of(one) == target.hpa), None)
    chosen = named or (scaling[0] if scaling else None)
    if chosen is None:
        return _without(target, where, now)
    report = report_of(chosen)
    facts = _facts(report, scaling=len(scaling), now=now)
    notes = _notes(target, chosen, scaling)
    if report.silent:
        return Finding(
            check=NAME,
            target=f"{target.namespace}/{report.name}",
            verdict=Verdict.UNKNOWN,
            summary=f"unknown: nothing has worked on {report.name} yet",
            reason="its status is empty; the cluster's controllers fill it some seconds after it is made",
            observed_at=now,
            fresh_for=FRESH_FOR,
            facts=facts,
            details=notes,
        )
    return Finding(
        check=NAME,
        target=f"{target.namespace}/{report.name}",
        verdict=verdict_of(report, warned=bool(notes)),
        summary=summary_of(report, now=now),
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts=facts,
        table=table_of(report),
        details=(*notes, *details_of(report, now=now)),
    )


def _without(target: CheckTarget, where: str, now: datetime) -> Finding:
    wanted = one_line(target.hpa, limit=253)
    return Finding(
        check=NAME,
        target=where,
        verdict=Verdict.WARN if wanted else Verdict.OK,
        summary=(
            f"there is no autoscaler {wanted}, which the configuration names"
            if wanted
            else "no autoscaler: replicas stay as somebody sets them"
        ),
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts={**dict.fromkeys(FACTS), "exists": False, "autoscalers": 0, "at_maximum": False},
    )


def _notes(target: CheckTarget, chosen: KubeObject, scaling: Sequence[KubeObject]) -> tuple[str, ...]:
    """What is wrong with which autoscaler scales what, whatever its status says."""
    notes = []
    if target.hpa and name_of(chosen) != target.hpa:
        notes.append(f"the configuration names {target.hpa}, which does not exist")
    if chosen not in scaling:
        reference = (chosen.get("spec") or {}).get("scaleTargetRef") or {}
        notes.append(
            f"it scales {reference.get('kind', '?')} {reference.get('name', '?')}, not {target.deployment}"
        )
    if len(scaling) > 1:
        names = ", ".join(name_of(one) for one in scaling[:5])
        notes.append(f"{len(scaling)} autoscalers scale the deployment and undo each other's work: {names}")
    return tuple(one_line(note, limit=240) for note in notes)


def _facts(report: HpaReport, *, scaling: int, now: datetime) -> Mapping[str, Fact]:
    since = report.at_maximum_since
    ratios = [one.ratio for one in report.metrics if one.ratio is not None]
    return {
        "exists": True,
        "autoscalers": scaling,
        "current": report.current,
        "desired": report.desired,
        "minimum": report.minimum,
        "maximum": report.maximum,
        "at_maximum": report.at_maximum,
        "wants_more": report.wants_more,
        "minutes_at_maximum": None if since is None else max(round((now - since).total_seconds() / 60), 0),
        "able": report.able,
        "highest_ratio": round(max(ratios), 3) if ratios else None,
    }
