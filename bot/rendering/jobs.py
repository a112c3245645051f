"""What runs by the clock, for `/shop jobs`: last, outcome, next. Called by the doors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.drift_runs import DriftRunState, DriftTrigger
from bot.rendering.blocks import TEXT, context, joined, message, section
from bot.rendering.dates import age, moment, span
from bot.rendering.escaping import bold, code, mrkdwn
from bot.rendering.findings import finding_blocks
from bot.rendering.views import FindingView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.domain.drift_runs import DriftRun
    from bot.domain.findings import Finding
    from bot.ports.notifier import RenderedMessage
    from bot.rendering.views import JobView

_BY: Final = {
    DriftTrigger.SCHEDULE: "by the clock",
    DriftTrigger.MISSED: "made up for a tick that nobody was there for",
    DriftTrigger.COMMAND: "by `lightship drift run`",
}


def jobs_answer(jobs: Sequence[JobView], finding: Finding | None, *, now: datetime) -> RenderedMessage:
    """Lightship's own jobs, and below them what the check of the cluster's jobs found."""
    lines = [line for job in jobs for line in _lines(job, now)]
    head = "*Run by Lightship*"
    blocks = [section(joined([head, *lines])), context(f"As of {moment(now)}")]
    if finding is not None:
        blocks += finding_blocks(FindingView(finding=finding, incident_id=None, now=now))
    return message(joined(lines, TEXT), blocks)


def _lines(job: JobView, now: datetime) -> list[str]:
    when = f"{code(job.schedule, 60)} UTC" if job.schedule else "its schedule is somebody else's"
    lines = [f"{bold(job.name, 100)} · {mrkdwn(job.does, 100)} · {when}", _last(job.last, now)]
    success = job.last_success
    if success is not None and job.last is not None and success.id != job.last.id:
        lines.append(f"Last success: {_outcome(success, now)}")
    if job.next_at is not None:
        lines.append(f"Next: {moment(job.next_at)}, {age(job.next_at, now)}")
    return lines


def _last(run: DriftRun | None, now: datetime) -> str:
    return "Last: it has not run yet" if run is None else f"Last: {_outcome(run, now)}"


def _outcome(run: DriftRun, now: datetime) -> str:
    tail = f"{_BY[run.trigger]}, run {code(run.id, 60)}"
    at = run.ended_at or run.started_at
    match run.state:
        case DriftRunState.RUNNING:
            return f"⏳ running for {span(now - run.started_at)}, {tail}"
        case DriftRunState.FAILED:
            return f"❌ failed {age(at, now)}: {mrkdwn(run.reason, 400)} · {tail}"
        case DriftRunState.SUCCEEDED:
            score = "too little data for a score" if run.score is None else f"score {run.score:.2f}"
            return f"✅ {age(at, now)}, {score}, took {span(at - run.started_at)} · {tail}"
