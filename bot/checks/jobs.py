"""The check `jobs`: the newest runs of the service's CronJob, and why the last one that failed did.

The runs are the Jobs that the CronJob owns, and those made by hand that carry its name.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.arguments import text_of
from bot.checks.job_logs import last_words
from bot.checks.job_runs import RunState, jobs_of, runs_of
from bot.checks.reading import ago, parse_time
from bot.domain.durations import rough_duration
from bot.domain.errors import LightshipError, Permanent
from bot.domain.facts import number, yes_no
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.outside_text import one_line
from bot.domain.rights import Right
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.checks.job_runs import Run
    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.files import Attachment
    from bot.domain.findings import Fact, Scalar
    from bot.ports.readers import ClusterReader, KubeObject, Readers

NAME: Final = "jobs"
FRESH_FOR: Final = timedelta(minutes=5)
RIGHTS: Final[tuple[Right, ...]] = (Resource.CRON_JOBS.right("get"), Resource.JOBS.right("list"))
OPTIONAL_RIGHTS: Final[tuple[Right, ...]] = (
    Resource.PODS.right("list"),
    Right(verb="get", group="", resource="pods/log"),
)
FACTS: Final[Mapping[str, KnownFact]] = {
    "suspended": yes_no("whether the CronJob is suspended"),
    "active": number("jobs that run"),
    "failed": number("jobs that failed among the newest"),
    "last_failed": yes_no("whether the newest finished one failed"),
    "hours_since_success": number("hours since one succeeded", unit="hours"),
    "hours_since_schedule": number("hours since it was last due and begun", unit="hours"),
    "last_minutes": number("minutes that the newest finished one took", unit="minutes"),
}
"""The facts that evidence expressions may name."""
ARGUMENTS: Final = frozenset({"cronjob"})

_MOST_JOBS: Final = 500
_SHOWN: Final = 10
_HOUR: Final = timedelta(hours=1)


async def run(
    target: CheckTarget, readers: Readers, now: datetime, arguments: Mapping[str, Scalar]
) -> Finding:
    """Look at the CronJob and its runs. Raises what the reader raises for those two."""
    name = text_of(arguments, "cronjob") or target.cronjob
    if not target.namespace or not name:
        raise Permanent(f"no CronJob is configured for {target.service}: set `kubernetes.cronjob`")
    cluster, namespace = readers.cluster, target.namespace
    cronjob = await cluster.get(Resource.CRON_JOBS, namespace=namespace, name=name)
    listed = await cluster.list(Resource.JOBS, namespace=namespace, limit=_MOST_JOBS)
    uid = str((cronjob.get("metadata") or {}).get("uid", ""))
    runs = runs_of(jobs_of(listed, cronjob=name, uid=uid), cronjob=name)
    facts = _facts(cronjob, runs[:_SHOWN], now=now)
    finished = next((one for one in runs if one.ended_at), None)
    failed = finished if finished and finished.state is RunState.FAILED else None
    details = [f"{failed.name} failed: {failed.reason or 'no reason given'}"] if failed else []
    attachments: tuple[Attachment, ...] = ()
    if failed:
        said, attachments = await _logs(cluster, namespace, failed)
        details += said
    if len(listed) >= _MOST_JOBS:
        details.append(f"the namespace has more than {_MOST_JOBS} jobs, of which only so many were read")
    if len(runs) > _SHOWN:
        details.append(f"{len(runs) - _SHOWN} older runs are not shown")
    return Finding(
        check=NAME,
        target=f"{namespace}/{name}",
        verdict=_verdict(facts, runs),
        summary=_summary(cronjob, facts, runs, now=now),
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts=facts,
        table=_table(runs, now=now),
        details=tuple(details),
        attachments=attachments,
    )


def _facts(cronjob: KubeObject, runs: tuple[Run, ...], *, now: datetime) -> Mapping[str, Fact]:
    spec, status = cronjob.get("spec") or {}, cronjob.get("status") or {}
    ended = [one.ended_at for one in runs if one.state is RunState.SUCCEEDED and one.ended_at]
    # The CronJob remembers its own success after the Job itself is cleaned away.
    remembered = parse_time(status.get("lastSuccessfulTime"))
    success = max([*ended, *([remembered] if remembered else [])], default=None)
    schedule = parse_time(status.get("lastScheduleTime"))
    finished = next((one for one in runs if one.ended_at), None)
    lasted = finished.lasted(now=now) if finished else None
    return {
        "suspended": bool(spec.get("suspend")),
        "active": sum(one.state is RunState.RUNNING for one in runs),
        "failed": sum(one.state is RunState.FAILED for one in runs),
        "last_failed": finished.state is RunState.FAILED if finished else None,
        "hours_since_success": _hours(success, now),
        "hours_since_schedule": _hours(schedule, now),
        "last_minutes": None if lasted is None else round(lasted / timedelta(minutes=1), 1),
    }


def _verdict(facts: Mapping[str, Fact], runs: tuple[Run, ...]) -> Verdict:
    if facts["last_failed"]:
        return Verdict.FAIL
    never = not runs and facts["hours_since_success"] is None
    return Verdict.WARN if facts["suspended"] or facts["failed"] or never else Verdict.OK


def _summary(cronjob: KubeObject, facts: Mapping[str, Fact], runs: tuple[Run, ...], *, now: datetime) -> str:
    parts = ["suspended"] if facts["suspended"] else []
    running = next((one for one in runs if one.state is RunState.RUNNING), None)
    if running is not None:
        parts.append(f"{running.name} runs, {_lasted(running, now)} so far")
    finished = next((one for one in runs if one.ended_at), None)
    if finished is not None:
        why = f" ({finished.reason})" if finished.reason else ""
        parts.append(
            f"the last run {finished.state.value} {ago(finished.ended_at, now=now)} "
            f"after {_lasted(finished, now)}{why}"
        )
    success = facts["hours_since_success"]
    if (finished is None or finished.state is RunState.FAILED) and isinstance(success, float):
        parts.append(f"the last success was {rough_duration(timedelta(hours=success))} ago")
    elif success is None:
        parts.append("no success is known" if runs else "it has never run")
    schedule = one_line((cronjob.get("spec") or {}).get("schedule", "?"), limit=60)
    return one_line(f"{'; '.join(parts)}; schedule {schedule}", limit=400)


def _table(runs: tuple[Run, ...], *, now: datetime) -> Table | None:
    rows = tuple(
        (
            one.name,
            one.state.value,
            ago(one.started_at or one.made_at, now=now),
            _lasted(one, now),
            str(one.failed_pods) if one.failed_pods else "",
            "by hand" if one.by_hand else "schedule",
        )
        for one in runs[:_SHOWN]
    )
    columns = ("Job", "State", "Began", "Took", "Failed pods", "Made by")
    return Table(columns=columns, rows=rows) if rows else None


async def _logs(
    cluster: ClusterReader, namespace: str, failed: Run
) -> tuple[list[str], tuple[Attachment, ...]]:
    """What the failed run's pods wrote; a note where that cannot be had. Everything else is shown."""
    try:
        pods = await cluster.list(Resource.PODS, namespace=namespace, labels=f"job-name={failed.name}")
    except LightshipError as error:
        return [f"its log could not be read: {one_line(error, limit=160)}"], ()
    return await last_words(cluster, pods, failed, namespace=namespace)


def _lasted(one: Run, now: datetime) -> str:
    lasted = one.lasted(now=now)
    return "?" if lasted is None else rough_duration(lasted)


def _hours(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else round(max((now - moment) / _HOUR, 0.0), 2)
