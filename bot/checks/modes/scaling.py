"""Autoscalers: at the maximum, blind, aimed at the wrong thing, or undoing what somebody scaled by hand."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.hpa_reports import report_of
from bot.checks.modes.sight import clean, short
from bot.checks.reading import ago, condition_of, name_of, scales
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.checks.hpa_reports import HpaReport
    from bot.checks.modes.sight import Happening, Sight
    from bot.ports.readers import KubeObject

_NO_REQUEST: Final = re.compile(r"missing request for (\S+)(?: in container (\S+))?")
_SCALED: Final = re.compile(
    r"Scaled (?:up|down) replica set (\S+) (?:from (\d+) to (\d+)|to (\d+) from (\d+))"
)
_RESIZED: Final = re.compile(r"New size: (\d+)")
_SOON: Final = timedelta(minutes=15)
_ITSELF: Final = timedelta(minutes=1)


def scaling(sight: Sight) -> Iterator[Suspect]:
    """The autoscalers of the deployment, and those that should be."""
    for one in sight.scalers:
        if scales(one, sight.name):
            yield from _own(sight, one)
        elif _means_it(sight, one):
            yield from _elsewhere(sight, one)


def _own(sight: Sight, one: KubeObject) -> Iterator[Suspect]:
    report, subject = report_of(one), f"autoscaler {name_of(one)}"
    if report.wants_more:
        yield Suspect(
            mode=FailureMode.AUTOSCALER_AT_MAXIMUM,
            title=f"The autoscaler is at its maximum of {report.maximum} replicas and wants more",
            subject=subject,
            field="spec.maxReplicas",
            value=str(report.maximum),
            mend="raise the maximum, or find what makes the load",
            certainty=0.8,
            evidence=tuple(
                [
                    f"{metric.name} is at {metric.now}, its target is {metric.target}"
                    for metric in report.metrics[:3]
                ]
                + [f"so since {ago(report.at_maximum_since, now=sight.now)}"]
            ),
            since=report.at_maximum_since,
            action="scale",
        )
    if report.active.status == "False" and not report.switched_off:
        yield _blind(sight, report, subject)
    yield from _undoing(sight, one)


def _blind(sight: Sight, report: HpaReport, subject: str) -> Suspect:
    said, field, value = report.active.message, "spec.metrics", ", ".join(m.name for m in report.metrics[:3])
    mend = "look at the metrics API (metrics-server or the adapter) that it asks"
    missing = _NO_REQUEST.search(said)
    if missing is not None:
        containers = (sight.template.get("spec") or {}).get("containers") or ()
        resource = missing[1].strip(",.;")
        without = [
            str(one.get("name"))
            for one in containers
            if resource not in ((one.get("resources") or {}).get("requests") or {})
        ]
        container = (missing[2] or (without[0] if without else "?")).strip(",.;")
        subject = sight.subject
        field = f"spec.template.spec.containers[{container}].resources.requests.{resource}"
        value, mend = "none", f"request {resource}: a share of what is requested cannot be told without"
    return Suspect(
        mode=FailureMode.AUTOSCALER_WITHOUT_METRICS,
        title="The autoscaler cannot read its metrics, so it does not scale",
        subject=subject,
        field=field,
        value=clean(value, limit=200) or "none",
        mend=mend,
        # Pods that do not run have no metrics either: then it is a consequence.
        certainty=0.6 if sight.troubled else 0.85,
        evidence=(f"{report.active.reason}: {short(said)}",),
        since=report.active.since,
    )


def _means_it(sight: Sight, one: KubeObject) -> bool:
    """Whether an autoscaler that scales something else was meant for this deployment."""
    name = name_of(one)
    if sight.hpa:
        return name == sight.hpa
    able = condition_of(one, "AbleToScale")
    lost = able.status == "False" and able.reason == "FailedGetScale"
    return lost and (name == sight.name or name.startswith(f"{sight.name}-"))


def _elsewhere(sight: Sight, one: KubeObject) -> Iterator[Suspect]:
    reference = (one.get("spec") or {}).get("scaleTargetRef") or {}
    aimed = clean(f"{reference.get('kind', '?')} {reference.get('name', '?')}", limit=200)
    able = condition_of(one, "AbleToScale")
    yield Suspect(
        mode=FailureMode.AUTOSCALER_WRONG_TARGET,
        title=f"The autoscaler {name_of(one)} scales {aimed} and not this deployment",
        subject=f"autoscaler {name_of(one)}",
        field="spec.scaleTargetRef.name",
        value=clean(reference.get("name", "?"), limit=200),
        mend=f"set its target to Deployment {sight.name}",
        certainty=0.9,
        evidence=(short(able.message),) if able.status == "False" and able.message else (),
        since=able.since if able.status == "False" else None,
    )


def _undoing(sight: Sight, one: KubeObject) -> Iterator[Suspect]:
    """The newest time that it took back what somebody had set a little earlier."""
    resized = [
        (event, int(found[1]))
        for event in sight.about("HorizontalPodAutoscaler", name_of(one), "SuccessfulRescale")
        if (found := _RESIZED.search(event.message))
    ]
    by_hand = _scaled_by_hand(sight, resized)
    for event, size in resized:
        before = next(
            ((other, to) for other, to in by_hand if other.at <= event.at and event.at - other.at <= _SOON),
            None,
        )
        if before is None or before[1] == size:
            continue
        spec = one.get("spec") or {}
        field = "minReplicas" if size < before[1] else "maxReplicas"
        yield Suspect(
            mode=FailureMode.AUTOSCALER_UNDOES_SCALE,
            title=f"The autoscaler took back a scaling by hand: from {before[1]} to {size} replicas",
            subject=f"autoscaler {name_of(one)}",
            field=f"spec.{field}",
            value=str(spec.get(field) or 1),
            mend="set the autoscaler's bounds, not the deployment's replicas",
            certainty=0.85,
            evidence=(
                f"somebody scaled to {before[1]} {ago(before[0].at, now=sight.now)}",
                short(event.message),
            ),
            since=event.at,
        )
        return


def _scaled_by_hand(sight: Sight, resized: Sequence[tuple[Happening, int]]) -> list[tuple[Happening, int]]:
    """Scalings of the one replica set that the autoscaler did not ask for; none amid a rollout."""
    found: list[tuple[Happening, str, int, int]] = []
    for event in sight.about("Deployment", sight.name, "ScalingReplicaSet"):
        match = _SCALED.search(event.message)
        if match is not None:
            old, new = match[2] or match[5], match[3] or match[4]
            found.append((event, match[1], int(old), int(new)))
    if len({name for _, name, _, _ in found}) > 1:
        return []
    asked = [(event.at, size) for event, size in resized]
    return [
        (event, new)
        for event, _, old, new in found
        if old > 0 and not any(size == new and abs(event.at - at) <= _ITSELF for at, size in asked)
    ]
