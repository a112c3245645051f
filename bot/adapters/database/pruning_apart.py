"""Forgetting what belongs to no incident: notices, digests, actions asked for apart, drift reports and runs.

As in `bot.adapters.database.pruning`, nothing goes that the chat does not show yet, or whose thread still
moves. What a later message or report needs stays whatever its age: the newest of each service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, exists, or_, select, update

from bot.adapters.database.message_rows import DIRTY
from bot.adapters.database.tables import (
    approvals,
    drift_reports,
    drift_runs,
    events,
    executions,
    files,
    messages,
    storms,
    tracked_runs,
    verifications,
)
from bot.domain.approvals import ApprovalState
from bot.domain.drift_runs import DriftRunState
from bot.domain.messages import MessageKind
from bot.domain.remedies import EXECUTION_TRANSITIONS
from bot.domain.verifications import VerificationState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select, Table

    from bot.adapters.database.engine import Link

_TOLD_BY: Final = (MessageKind.EVENT.value, MessageKind.NOTICE.value)
_UNFINISHED: Final = [state.value for state, nexts in EXECUTION_TRANSITIONS.items() if nexts]
_SUCCEEDED: Final = DriftRunState.SUCCEEDED.value

_reply = messages.alias("reply")
_later = drift_runs.alias("later")


@dataclass(frozen=True, slots=True)
class PruningApartTable:
    """What may go; each method removes at most `limit` and says how many it removed."""

    link: Link

    async def notices(self, *, before: datetime, limit: int) -> int:
        """Notices of Lightship about itself, with the events that they tell."""
        query = select(messages.c.id).where(_quiet_thread(MessageKind.NOTICE, before))
        chosen = await self._chosen(query.order_by(messages.c.created_at).limit(limit), messages)
        await self._remove_threads(chosen)
        return len(chosen)

    async def storms(self, *, before: datetime, limit: int) -> int:
        """Storms that are closed, with their digests, once no message of an incident is gathered there."""
        gathered = exists().where(_reply.c.digest_of == messages.c.id)
        digest = exists().where(
            messages.c.subject == storms.c.id,
            messages.c.kind == MessageKind.DIGEST.value,
            or_(~_quiet_thread(MessageKind.DIGEST, before), gathered),
        )
        query = select(storms.c.id).where(storms.c.closed_at < before, ~digest)
        chosen = await self._chosen(query.order_by(storms.c.closed_at).limit(limit), storms)
        await self._remove_threads(await self._shown(MessageKind.DIGEST, chosen))
        await self.link.run(delete(storms).where(storms.c.id.in_(chosen)))
        return len(chosen)

    async def actions(self, *, before: datetime, limit: int) -> int:
        """Requests outside of incidents with what came of them, once nothing of them is under way."""
        under_way = (
            exists().where(executions.c.approval_id == approvals.c.id, executions.c.state.in_(_UNFINISHED)),
            exists().where(
                verifications.c.approval_id == approvals.c.id,
                verifications.c.state == VerificationState.WATCHING.value,
            ),
            exists().where(
                messages.c.subject == approvals.c.id,
                messages.c.kind == MessageKind.APPROVAL.value,
                ~_quiet_thread(MessageKind.APPROVAL, before),
            ),
        )
        query = select(approvals.c.id).where(
            approvals.c.incident_id.is_(None),
            approvals.c.requested_at < before,
            approvals.c.state != ApprovalState.REQUESTED.value,
            ~or_(*under_way),
        )
        chosen = await self._chosen(query.order_by(approvals.c.requested_at).limit(limit), approvals)
        await self._remove_threads(await self._shown(MessageKind.APPROVAL, chosen))
        for table in (verifications, executions):
            await self.link.run(delete(table).where(table.c.approval_id.in_(chosen)))
        await self.link.run(delete(approvals).where(approvals.c.id.in_(chosen)))
        return len(chosen)

    async def drift_reports(self, *, before: datetime, limit: int) -> int:
        """Whole reports and their files; not a service's newest, nor one that somebody is still owed."""
        newer = drift_reports.alias("newer")
        wanted = (
            ~exists().where(
                newer.c.service == drift_reports.c.service, newer.c.number > drift_reports.c.number
            ),
            exists().where(
                tracked_runs.c.run_id == drift_reports.c.run_id, tracked_runs.c.due_at.is_not(None)
            ),
            exists().where(
                drift_runs.c.id == drift_reports.c.run_id,
                messages.c.subject == drift_runs.c.shown_with,
                messages.c.kind == MessageKind.DRIFT.value,
                DIRTY,
            ),
        )
        query = select(drift_reports.c.number).where(drift_reports.c.made_at < before, ~or_(*wanted))
        query = query.order_by(drift_reports.c.number).limit(limit)
        chosen = await self._chosen(query, drift_reports)
        await self.link.run(delete(drift_reports).where(drift_reports.c.number.in_(chosen)))
        return len(chosen) + await self._contents(before=before, limit=limit - len(chosen))

    async def drift_runs(self, *, before: datetime, limit: int) -> int:
        """Runs that are over, with the messages that showed them; not a service's newest ones."""
        shows_more = exists().where(
            drift_runs.c.shown_with == messages.c.subject,
            or_(drift_runs.c.started_at >= before, _is_newest()),
        )
        old = select(messages.c.id).where(_quiet_thread(MessageKind.DRIFT, before), ~shows_more)
        chosen = await self._chosen(old.order_by(messages.c.created_at).limit(limit), messages)
        await self._remove_threads(chosen)
        is_shown = exists().where(
            messages.c.kind == MessageKind.DRIFT.value, messages.c.subject == drift_runs.c.id
        )
        owed = exists().where(tracked_runs.c.run_id == drift_runs.c.id, tracked_runs.c.due_at.is_not(None))
        query = select(drift_runs.c.id).where(
            drift_runs.c.started_at < before,
            drift_runs.c.state != DriftRunState.RUNNING.value,
            ~or_(_is_newest(), is_shown, owed),
        )
        runs = await self._chosen(query.order_by(drift_runs.c.number).limit(limit), drift_runs)
        for table, run_id in ((tracked_runs, tracked_runs.c.run_id), (drift_reports, drift_reports.c.run_id)):
            await self.link.run(delete(table).where(run_id.in_(runs)))
        await self.link.run(delete(drift_runs).where(drift_runs.c.id.in_(runs)))
        return len(runs)

    async def events(self, *, before: datetime, limit: int) -> int:
        """Events of no incident that no message tells; the audit keeps its copy."""
        told = exists().where(messages.c.subject == events.c.id, messages.c.kind.in_(_TOLD_BY))
        query = select(events.c.seq).where(events.c.incident_id.is_(None), events.c.at < before, ~told)
        chosen = await self._chosen(query.order_by(events.c.seq).limit(limit), events)
        await self.link.run(delete(events).where(events.c.seq.in_(chosen)))
        return len(chosen)

    async def _contents(self, *, before: datetime, limit: int) -> int:
        """What files of no incident hold, once the chat has them."""
        waiting = exists().where(
            messages.c.subject == files.c.id, messages.c.kind == MessageKind.FILE.value, DIRTY
        )
        old = (
            files.c.incident_id.is_(None), files.c.content.is_not(None),
            files.c.created_at < before, ~waiting,
        )  # fmt: skip
        query = select(files.c.id).where(*old).order_by(files.c.created_at, files.c.id).limit(limit)
        chosen = await self._chosen(query, files)
        await self.link.run(update(files).where(files.c.id.in_(chosen)).values(content=None, draw_at=None))
        return len(chosen)

    async def _shown(self, kind: MessageKind, subjects: Collection[object]) -> Collection[object]:
        """The messages that show these."""
        query = select(messages.c.id).where(messages.c.kind == kind.value, messages.c.subject.in_(subjects))
        return [row.id for row in await self.link.all(query)]

    async def _remove_threads(self, roots: Collection[object]) -> None:
        """These messages with their replies, and the events and files that those are about."""
        if not roots:
            return
        among = or_(messages.c.id.in_(roots), messages.c.thread_of.in_(roots))
        told = select(messages.c.subject).where(among, messages.c.kind.in_(_TOLD_BY))
        await self.link.run(delete(events).where(events.c.incident_id.is_(None), events.c.id.in_(told)))
        shared = select(messages.c.subject).where(among, messages.c.kind == MessageKind.FILE.value)
        await self.link.run(delete(files).where(or_(files.c.thread_of.in_(roots), files.c.id.in_(shared))))
        for which in (messages.c.thread_of.in_(roots), messages.c.id.in_(roots)):
            await self.link.run(delete(messages).where(which))

    async def _chosen(self, query: Select[Any], of: Table) -> Collection[object]:
        rows = await self.link.all(query.with_for_update(of=of, skip_locked=True))
        return [row[0] for row in rows]


def _quiet_thread(kind: MessageKind, before: datetime) -> ColumnElement[bool]:
    """Of `messages`: of that kind and of no incident, its thread shown as it is, nothing new in it since."""
    moves = exists().where(
        _reply.c.thread_of == messages.c.id,
        or_(_reply.c.created_at >= before, _reply.c.posted_revision < _reply.c.desired_revision),
    )
    return (
        (messages.c.kind == kind.value)
        & messages.c.incident_id.is_(None)
        & messages.c.thread_of.is_(None)
        & (messages.c.created_at < before)
        & ~DIRTY
        & ~moves
    )


def _is_newest() -> ColumnElement[bool]:
    """Of `drift_runs`: the newest of its service, or the newest that made a report."""
    of_service = (_later.c.service == drift_runs.c.service, _later.c.number > drift_runs.c.number)
    return or_(
        ~exists().where(*of_service),
        (drift_runs.c.state == _SUCCEEDED) & ~exists().where(*of_service, _later.c.state == _SUCCEEDED),
    )
