"""Jobs of a CronJob read into runs: state, times, why one failed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from bot.checks.reading import condition_of, created_at, name_of, owned_by, parse_time
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from bot.ports.readers import KubeObject

_NAME_LABELS: Final = ("app.kubernetes.io/name", "app")


class RunState(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUSPENDED = "suspended"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One Job."""

    name: str
    state: RunState
    by_hand: bool
    failed_pods: int
    reason: str
    made_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None

    def lasted(self, *, now: datetime) -> timedelta | None:
        """How long it took, or has taken so far; None before its start."""
        if self.started_at is None:
            return None
        return max((self.ended_at or now) - self.started_at, now - now)


def jobs_of(jobs: Iterable[KubeObject], *, cronjob: str, uid: str) -> list[KubeObject]:
    """The CronJob's own, and those that carry its name: made by hand, they have no owner but the label."""
    every = list(jobs)
    own = owned_by(every, kind="CronJob", name=cronjob, uid=uid)
    named = [job for job in every if job not in own and not _has_owner(job) and _is_named(job, cronjob)]
    return [*own, *named]


def runs_of(jobs: Iterable[KubeObject], *, cronjob: str) -> tuple[Run, ...]:
    """The runs, the newest first."""
    runs = [_run(job, by_hand=not owned_by([job], kind="CronJob", name=cronjob)) for job in jobs]
    known = sorted(
        (run for run in runs if run.made_at is not None),
        key=lambda run: (run.made_at, run.name),
        reverse=True,
    )
    return (*known, *(run for run in runs if run.made_at is None))


def newest_pod(pods: Sequence[KubeObject]) -> str:
    """The name of the pod that failed last, else of the newest; empty without pods."""
    failed = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Failed"]
    chosen = sorted(failed or pods, key=lambda pod: str((pod.get("metadata") or {}).get("creationTimestamp")))
    return name_of(chosen[-1]) if chosen else ""


def _run(job: KubeObject, *, by_hand: bool) -> Run:
    status: dict[str, Any] = job.get("status") or {}
    failed, complete = condition_of(job, "Failed"), condition_of(job, "Complete")
    state, ended = RunState.RUNNING, None
    if failed.status == "True":
        state, ended = RunState.FAILED, failed.since
    elif complete.status == "True":
        state, ended = RunState.SUCCEEDED, parse_time(status.get("completionTime")) or complete.since
    elif (job.get("spec") or {}).get("suspend"):
        state = RunState.SUSPENDED
    reason = f"{failed.reason}: {failed.message}" if state is RunState.FAILED else ""
    return Run(
        name=one_line(name_of(job), limit=253),
        state=state,
        by_hand=by_hand,
        failed_pods=int(status.get("failed") or 0),
        reason=one_line(reason.strip(": "), limit=200),
        made_at=created_at(job),
        started_at=parse_time(status.get("startTime")),
        ended_at=ended,
    )


def _has_owner(job: KubeObject) -> bool:
    return bool((job.get("metadata") or {}).get("ownerReferences"))


def _is_named(job: KubeObject, cronjob: str) -> bool:
    labels = (job.get("metadata") or {}).get("labels") or {}
    return any(labels.get(label) == cronjob for label in _NAME_LABELS) or name_of(job).startswith(
        f"{cronjob}-"
    )
