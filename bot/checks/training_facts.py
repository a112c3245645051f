"""What a retraining is decided by, read from the world: drift report, model registry, Jobs.

Called by the check `retraining`, and by the engines that plan and propose retrainings. Every part is read
beside the others and bounded; what cannot be read is None with its reason in words, and the rest is told.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from bot.checks.job_runs import RunState, jobs_of, runs_of
from bot.domain.errors import Forbidden, LightshipError, NotFound, Temporary
from bot.domain.outside_text import one_line
from bot.domain.retraining import WEEK, TrainingFacts
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from datetime import datetime

    from bot.checks.targets import CheckTarget
    from bot.ports.readers import ModelVersion, Readers

ACCURACY: Final = "accuracy"
ANSWERS_WITHIN: Final = 25.0
_MOST_JOBS: Final = 500
_REASON: Final = 160


async def training_facts(
    target: CheckTarget, readers: Readers, now: datetime, *, within: float = ANSWERS_WITHIN
) -> TrainingFacts:
    """All that is known. Raises nothing that readers raise."""
    parts = await asyncio.gather(
        _told("report", _report(target, readers), within),
        _told("jobs", _jobs(target, readers, now), within),
        _told("model", _model(target, readers), within),
    )
    known: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for found, missing in parts:
        known |= found
        unknown |= missing
    unanswered = known.pop(_UNANSWERED, False)
    return TrainingFacts(**known, unknown=unknown, unanswered=unanswered)


_UNANSWERED: Final = "unanswered"
_Part = tuple[dict[str, Any], dict[str, str]]


async def _told(name: str, reading: Awaitable[_Part], within: float) -> _Part:
    try:
        async with asyncio.timeout(within):
            return await reading
    except TimeoutError:
        return {_UNANSWERED: True}, _everywhere(name, "no answer in time")
    except Temporary as error:
        return {_UNANSWERED: True}, _everywhere(name, one_line(error, limit=_REASON))
    except Forbidden as error:
        why = f"the right `{error.right}` is missing"
    except LightshipError as error:
        why = one_line(error, limit=_REASON)
    return {}, _everywhere(name, why)


def _everywhere(name: str, why: str) -> dict[str, str]:
    """Without the model nothing of it is known."""
    return dict.fromkeys(("model", "baseline", "accuracy"), why) if name == "model" else {name: why}


async def _report(target: CheckTarget, readers: Readers) -> _Part:
    published = await readers.drift.latest(target.service)
    if published is None:
        return {}, {"report": "no drift report has been published yet"}
    return {"report": published.report, "reported_at": published.made_at}, {}


async def _jobs(target: CheckTarget, readers: Readers, now: datetime) -> _Part:
    if not target.namespace or not target.cronjob:
        return {}, {"jobs": "no CronJob is configured"}
    cluster, namespace, name = readers.cluster, target.namespace, target.cronjob
    cronjob = await cluster.get(Resource.CRON_JOBS, namespace=namespace, name=name)
    listed = await cluster.list(Resource.JOBS, namespace=namespace, limit=_MOST_JOBS)
    uid = str((cronjob.get("metadata") or {}).get("uid", ""))
    runs = runs_of(jobs_of(listed, cronjob=name, uid=uid), cronjob=name)
    asked = [one.made_at for one in runs if one.by_hand and one.made_at is not None]
    return {
        "running": tuple(one.name for one in runs if one.state is RunState.RUNNING),
        "begun": tuple(sorted(moment for moment in asked if now - moment < WEEK)),
    }, {}


async def _model(target: CheckTarget, readers: Readers) -> _Part:
    if not target.model:
        return {}, _everywhere("model", "no model is configured")
    name, alias = target.model, target.model_alias or "Production"
    newest = await readers.models.versions(name=name)
    known: dict[str, Any] = {}
    if newest:
        known = {"trained_at": max(one.created_at for one in newest), "newest_version": _number(newest[0])}
    try:
        version = await readers.models.version_by_alias(name=name, alias=alias)
    except NotFound:
        why = f"no version of {one_line(name, limit=60)} has the alias {one_line(alias, limit=40)}"
        return known, _everywhere("model", why)
    known |= {"version": version.version, "made_at": version.created_at}
    baseline, unknown = _baseline(target, version)
    measured, unmeasured = await _measured(version, readers)
    return {**known, **baseline, **measured}, {**unknown, **unmeasured}


def _baseline(target: CheckTarget, version: ModelVersion) -> _Part:
    if target.model_baseline is not None:
        return {"baseline": target.model_baseline, "baseline_words": "the configured baseline"}, {}
    own = version.metrics.get(ACCURACY)
    number = one_line(version.version, limit=20)
    if own is None:
        return {}, {
            "baseline": f"the run of version {number} logged no accuracy, and no baseline is configured"
        }
    return {"baseline": own, "baseline_words": f"what version {number} had in training"}, {}


async def _measured(version: ModelVersion, readers: Readers) -> _Part:
    """The newest evaluation in production that has an accuracy; a zero is one."""
    found = await readers.models.evaluations(name=version.name, version=version.version)
    for one in found:
        if ACCURACY in one.metrics:
            return {"accuracy": one.metrics[ACCURACY], "evaluated_at": one.at}, {}
    number = one_line(version.version, limit=20)
    why = f"no run `production_evaluation` of version {number} has an accuracy"
    return {}, {"accuracy": why}


def _number(version: ModelVersion) -> int | None:
    return int(version.version) if version.version.isdecimal() else None


def facts_for_evidence(facts: TrainingFacts) -> Mapping[str, float | None]:
    """The numbers among them that evidence expressions may name."""
    both = facts.accuracy is not None and facts.baseline is not None
    return {
        "accuracy": facts.accuracy,
        "accuracy_drop": round((facts.baseline or 0.0) - (facts.accuracy or 0.0), 6) if both else None,
    }
