"""Publishing what a drift run came to, in one transaction: report, end of the run, message, picture.

Called by `bot.engines.drifting`. `GET /metrics`, checks and messages read it from the store, so that every
replica says the same. Runs of one verdict share a message, which is edited: an hourly report that says the
same as the one before it calls nobody.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.drift_pictures import report_picture
from bot.checks.drift_words import summary_of
from bot.domain.drift import DriftVerdict
from bot.domain.files import Attachment
from bot.domain.messages import Message, MessageKind
from bot.engines.attaching import attach_to_message
from bot.engines.drift_views import TREND
from bot.rendering.drift_pages import drift_page

if TYPE_CHECKING:
    from bot.domain.comparisons import Compared, WatchedDrift
    from bot.domain.drift import DriftReport
    from bot.domain.drift_runs import DriftRun
    from bot.ports.clock import Ids
    from bot.ports.readers import PublishedDrift
    from bot.ports.stores import Transaction

SHARED_FOR: Final = timedelta(days=7)
"""After so long a verdict that stays gets a message anew: the old one is far up in the channel by then."""
_URGENCY: Final = {
    DriftVerdict.SEVERE: 2,
    DriftVerdict.DRIFTED: 3,
    DriftVerdict.STEADY: 4,
    DriftVerdict.INSUFFICIENT: 3,
}
_PICTURED: Final = frozenset({DriftVerdict.DRIFTED, DriftVerdict.SEVERE})


async def publish(
    tx: Transaction,
    ids: Ids,
    watched: WatchedDrift,
    run: DriftRun,
    compared: Compared,
    *,
    model_version: str,
    tracked: bool,
) -> DriftRun:
    """Keep everything; the run as it ended. One that was taken for lost meanwhile is not published."""
    report = compared.report
    before = await tx.drift_reports.latest(run.service)
    shown_with = await _shown_with(tx, before, report, report.reference.model_version or model_version)
    done = run.succeeded(report, at=tx.now, model_version=model_version, shown_with=shown_with)
    if not await tx.drift_runs.end(done):
        return await tx.drift_runs.get(run.id) or done
    await tx.drift_reports.save(run.service, report, run_id=run.id)
    if tracked:
        await tx.tracked_runs.owe(run.id, profile=compared.profile)
    if done.shown_with == done.id:
        await _show_anew(tx, ids, watched, done, report)
    if before is not None and before.run is not None:
        await tx.messages.touch(MessageKind.DRIFT, before.run.shown_with)
    return done


async def show_failure(tx: Transaction, failed: DriftRun) -> None:
    """The message of the last report says that the newest run failed."""
    success = await tx.drift_runs.last_success(failed.service)
    if success is not None:
        await tx.messages.touch(MessageKind.DRIFT, success.shown_with)


async def _shown_with(
    tx: Transaction, before: PublishedDrift | None, report: DriftReport, model_version: str
) -> str:
    """The run whose message can show this one too: of the same verdict, of the same model; else empty."""
    last = before.run if before else None
    if before is None or last is None or before.report.verdict is not report.verdict:
        return ""
    first = await tx.drift_runs.get(last.shown_with)
    if first is None or tx.now - first.started_at > SHARED_FOR or last.model_version != model_version:
        return ""
    return last.shown_with


async def _show_anew(
    tx: Transaction, ids: Ids, watched: WatchedDrift, run: DriftRun, report: DriftReport
) -> None:
    message = Message(
        id=ids.new(),
        kind=MessageKind.DRIFT,
        subject=run.id,
        channel=watched.channel,
        thread_of=None,
        incident_id=None,
        urgency=_URGENCY[report.verdict],
        desired_revision=1,
        created_at=tx.now,
    )
    await tx.messages.put(message)
    if report.verdict not in _PICTURED:
        return
    trend = await tx.drift_runs.trend(run.service, limit=TREND)
    page = drift_page(report, title=f"Drift of {run.service}", run=run, trend=trend)
    whole = Attachment(name="drift-report.html", title="The whole report", text=page)
    for file in (*report_picture(report, trend, service=run.service, said=summary_of(report)), whole):
        await attach_to_message(tx, ids, message, file)
