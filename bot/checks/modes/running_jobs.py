"""Jobs and CronJobs that do not do their work: over the back-off limit or deadline, suspended, missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.checks.job_runs import RunState, jobs_of, runs_of
from bot.checks.modes.due_runs import missed_runs
from bot.checks.modes.sight import short
from bot.checks.reading import ago, condition_of, name_of, parse_time
from bot.domain.outside_text import one_line
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bot.checks.modes.sight import Sight
    from bot.ports.readers import KubeObject

_MISSED: Final = ("MissSchedule", "TooManyMissedTimes", "FailedNeedsStart", "JobAlreadyActive")
_LAST_LINES: Final = 3


def running_jobs(sight: Sight) -> Iterator[Suspect]:
    """The CronJob of the service and its newest finished run."""
    if not sight.cronjob:
        return
    name = name_of(sight.cronjob)
    uid = str((sight.cronjob.get("metadata") or {}).get("uid", ""))
    own = {name_of(job): job for job in jobs_of(sight.jobs, cronjob=name, uid=uid)}
    finished = next((one for one in runs_of(own.values(), cronjob=name) if one.ended_at), None)
    if finished is not None and finished.state is RunState.FAILED:
        yield from _failed(sight, own[finished.name])
    yield from _cronjob(sight, name)


def _failed(sight: Sight, job: KubeObject) -> Iterator[Suspect]:
    failure, spec, name = condition_of(job, "Failed"), job.get("spec") or {}, name_of(job)
    if failure.reason == "DeadlineExceeded":
        mode, field, value = (
            FailureMode.JOB_OVER_DEADLINE,
            "activeDeadlineSeconds",
            spec.get("activeDeadlineSeconds"),
        )
        title = f"The job {name} did not end within its {value} seconds"
        mend = "give it more time, or find what makes it slow"
    elif failure.reason in {
        "BackoffLimitExceeded",
        "PodFailurePolicy",
        "FailedIndexes",
        "MaxFailedIndexesExceeded",
    }:
        mode, field, value = FailureMode.JOB_OVER_BACKOFF_LIMIT, "backoffLimit", spec.get("backoffLimit", 6)
        failed = int((job.get("status") or {}).get("failed") or 0)
        title = f"The job {name} gave up after {failed} failed pod{'s' if failed != 1 else ''}"
        mend = "read the last log lines of its pods and mend what they say, then run it again"
    else:
        return
    lines = [line for line in _log_of(sight, name).splitlines() if line.strip()][-_LAST_LINES:]
    yield Suspect(
        mode=mode,
        title=title,
        subject=f"job {name}",
        field=f"spec.{field}",
        value=str(value),
        mend=mend,
        certainty=0.85,
        evidence=(f"{failure.reason}: {short(failure.message)}", *(f"log: {short(line)}" for line in lines)),
        since=failure.since,
        action="run",
    )


def _log_of(sight: Sight, job: str) -> str:
    return next((text for (pod, _), text in sight.logs.items() if pod.startswith(f"{job}-")), "")


def _cronjob(sight: Sight, name: str) -> Iterator[Suspect]:
    spec, status = sight.cronjob.get("spec") or {}, sight.cronjob.get("status") or {}
    last = parse_time(status.get("lastScheduleTime"))
    began = f"its last run began {ago(last, now=sight.now)}" if last else "it has never begun a run"
    if spec.get("suspend"):
        yield Suspect(
            mode=FailureMode.CRON_JOB_SUSPENDED,
            title=f"The CronJob {name} is suspended, so it does not run",
            subject=f"cron job {name}",
            field="spec.suspend",
            value="true",
            mend="set `suspend: false` when it should run again",
            certainty=0.85,
            evidence=(began,),
        )
        return
    told = next(iter(sight.about("CronJob", name, *_MISSED)), None)
    if told is None:
        yield from _missed_in_silence(sight, name, began)
        return
    field, value, mend = _why_missed(spec, told.reason)
    yield Suspect(
        mode=FailureMode.CRON_JOB_MISSED,
        title=f"The CronJob {name} missed a run that was due",
        subject=f"cron job {name}",
        field=field,
        value=value,
        mend=mend,
        certainty=0.85,
        evidence=(f"{told.reason}: {short(told.message)}", began),
        since=told.first,
        action="run",
    )


def _missed_in_silence(sight: Sight, name: str, began: str) -> Iterator[Suspect]:
    """By the schedule alone, where no event tells of it."""
    missed = missed_runs(sight.cronjob, now=sight.now)
    if missed is None:
        return
    spec = sight.cronjob.get("spec") or {}
    zone = str(spec.get("timeZone") or "UTC")
    field, value = "spec.schedule", f"{spec.get('schedule')} ({zone})"
    mend = "see whether the controller manager runs; run the CronJob now, since it does not make up for it"
    if spec.get("concurrencyPolicy") == "Forbid" and (sight.cronjob.get("status") or {}).get("active"):
        field, value, mend = _why_missed(spec, "JobAlreadyActive")
    more = f", the last of {missed.count}" if missed.count > 1 else ""
    yield Suspect(
        mode=FailureMode.CRON_JOB_MISSED,
        title=f"The CronJob {name} missed a run that was due",
        subject=f"cron job {name}",
        field=field,
        value=one_line(value, limit=120),
        mend=mend,
        certainty=0.8,
        evidence=(f"due at {missed.due:%Y-%m-%d %H:%M} UTC{more}, and no event tells why", began),
        since=missed.due,
        action="run",
    )


def _why_missed(spec: Mapping[str, Any], reason: str) -> tuple[str, str, str]:
    if reason == "JobAlreadyActive":
        policy = str(spec.get("concurrencyPolicy"))
        return "spec.concurrencyPolicy", policy, "end the run that still goes on, or find why it does not end"
    deadline = spec.get("startingDeadlineSeconds")
    if reason == "TooManyMissedTimes" or deadline is None:
        return (
            "spec.startingDeadlineSeconds",
            str(deadline or "none"),
            "set `startingDeadlineSeconds: 300`, so that old misses are forgotten",
        )
    return "spec.startingDeadlineSeconds", str(deadline), "give it longer to start, such as 300 seconds"
