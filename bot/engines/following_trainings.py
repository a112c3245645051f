"""What follows a training that was approved and has ended: the comparison, and the question about the alias.

A job by the clock, run by one replica a tick; bootstrap adds it. After a success the newest version is
compared with the one in production, and where it is better an approval to move the alias is asked for; after
a failure the logs of its pods are shown. Where the registry does not answer it waits for a while. What was
told is marked in the transaction that tells it, and a request that was made already is not made again, also
once it was answered, so that a start of the process goes on where another one died.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.actors import LIGHTSHIP
from bot.domain.commands import OutcomeReason, RequestRemediation
from bot.domain.events import Event, EventKind
from bot.domain.findings import Verdict
from bot.domain.incidents import IncidentState
from bot.domain.messages import Message, MessageKind
from bot.domain.remedies import Action, ExecutionState, RemediationRequest, Target
from bot.engines.attaching import attach_all, attach_all_to_message
from bot.engines.noting import put_in_thread, show
from bot.engines.threads import below

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.domain.approvals import Approval
    from bot.domain.commands import Outcome
    from bot.domain.events import Detail
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident
    from bot.domain.remedies import Execution
    from bot.domain.runbooks import Argument
    from bot.domain.services import WatchedService
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction

LOOK_BACK: Final = timedelta(days=2)
PATIENCE: Final = timedelta(minutes=15)
"""So long after the end the registry may be away before people are told to compare by hand."""

NEWEST_VERSION: Final = "newest_version"
"""What the plan of a retraining calls the newest version before it."""

_LONGEST: Final = 500
_ROWS: Final = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended:
    """A training that has ended, and what was found about it."""

    execution: Execution
    approval: Approval
    service: WatchedService
    finding: Finding

    @property
    def succeeded(self) -> bool:
        return self.execution.state is ExecutionState.SUCCEEDED

    @property
    def better(self) -> bool:
        return self.succeeded and self.finding.facts.get("better") is True

    @property
    def version(self) -> str:
        """The candidate's; empty where there is none."""
        return str(self.finding.facts.get("version") or "") if self.succeeded else ""


class FollowingTrainings:
    """Follows them up. `look` runs a check and never raises, `request` is the approving engine's."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        services: Mapping[str, WatchedService],
        look: Callable[[WatchedService, str, Mapping[str, Argument]], Awaitable[Finding]],
        request: Callable[[RequestRemediation], Awaitable[Outcome]],
    ) -> None:
        self._store = store
        self._ids = ids
        self._services = services
        self._look = look
        self._request = request

    async def step(self) -> int:
        """Follow up what has ended since; how many trainings that was."""
        async with self._store.transaction() as tx:
            ended = await tx.executions.ended(Action.RETRAIN, since=tx.now - LOOK_BACK)
            due = [pair for pair in ended if await tx.heartbeats.last(_followed(pair[1])) is None]
            now = tx.now
        followed = 0
        for execution, approval in due:
            service = self._services.get(approval.plan.service)
            if service is None:
                continue
            finding = await self._find(execution, approval, service)
            if not _was_looked(finding) and now - execution.updated_at < PATIENCE:
                continue
            await self._follow(
                _Ended(execution=execution, approval=approval, service=service, finding=finding)
            )
            followed += 1
        return followed

    async def _find(self, execution: Execution, approval: Approval, service: WatchedService) -> Finding:
        if execution.state is not ExecutionState.SUCCEEDED:
            return await self._look(service, "jobs", {"cronjob": approval.plan.target.name})
        newest = approval.plan.observed.get(NEWEST_VERSION)
        return await self._look(service, "candidate", {} if newest is None else {"after": newest})

    async def _follow(self, ended: _Ended) -> None:
        """Tell it, ask where that is due, and remember that this is done."""
        async with self._store.transaction() as tx:
            incident = await _open_incident(tx, ended.approval)
            await self._tell(tx, ended, incident)
        if ended.better:
            await self._ask(ended, incident)
        async with self._store.transaction() as tx:
            await tx.heartbeats.beat(_followed(ended.approval), tx.now)

    async def _ask(self, ended: _Ended, incident: Incident | None) -> None:
        """Ask to move the alias; not where a request for that version waits, nor again after an answer."""
        wish = RemediationRequest(
            action=Action.PROMOTE,
            service=ended.service.name,
            target=Target(kind="Model", namespace="", name=ended.service.model),
            arguments={"version": int(ended.version)},
            incident_id=incident.id if incident else None,
            reason=ended.finding.summary[:_LONGEST],
        )
        async with self._store.transaction() as tx:
            waiting = await tx.approvals.requested(service=ended.service.name)
            since = await tx.approvals.asked(service=ended.service.name, since=ended.execution.started_at)
        asked = (*waiting, *(one for one in since if one.requester == LIGHTSHIP))
        if any(one.plan.target == wish.target and one.plan.arguments == wish.arguments for one in asked):
            return
        outcome = await self._request(RequestRemediation(request=wish, actor=LIGHTSHIP))
        if outcome.reason is not OutcomeReason.DONE:
            said = f"No approval to move the alias was asked for: {outcome.sentence}"
            async with self._store.transaction() as tx:
                event = _event(tx, ended, "unasked", {"summary": said[:_LONGEST]})
                await self._put(tx, ended, incident, event)

    async def _tell(self, tx: Transaction, ended: _Ended, incident: Incident | None) -> None:
        """What came of it, once: with pictures and logs in the incident's thread, else below the request."""
        event = _event(tx, ended, "followed", _said(ended))
        if await tx.events.get(event.id) is not None:
            return
        await self._put(tx, ended, incident, event)
        if incident is None:
            asked = await tx.messages.find(MessageKind.APPROVAL, ended.approval.id)
            if asked is not None:
                await attach_all_to_message(tx, self._ids, asked, ended.finding)
            return
        await tx.findings.save(incident.id, ended.finding)
        await attach_all(tx, self._ids, incident, ended.finding)
        subject = f"{incident.id}/{ended.finding.check}"
        await put_in_thread(tx, self._ids, incident, kind=MessageKind.FINDINGS, subject=subject)
        await show(tx, self._ids, incident)

    async def _put(self, tx: Transaction, ended: _Ended, incident: Incident | None, event: Event) -> None:
        """Keep the event, and show it where the request was shown."""
        if await tx.events.get(event.id) is not None:
            return
        await tx.events.add(event)
        if incident is not None:
            await put_in_thread(tx, self._ids, incident, kind=MessageKind.EVENT, subject=event.id)
            return
        asked = await tx.messages.find(MessageKind.APPROVAL, ended.approval.id)
        await tx.messages.put(
            Message(
                id=self._ids.new(),
                kind=MessageKind.NOTICE,
                subject=event.id,
                channel=asked.channel if asked else ended.service.channel,
                thread_of=below(asked) if asked else None,
                incident_id=None,
                urgency=1,
                desired_revision=1,
                created_at=tx.now,
            )
        )


async def _open_incident(tx: Transaction, approval: Approval) -> Incident | None:
    found = await tx.incidents.get(approval.incident_id) if approval.incident_id else None
    return found if found is not None and found.state is not IncidentState.RESOLVED else None


def _was_looked(finding: Finding) -> bool:
    """Whether the check could look at all; a comparison without an accuracy is one."""
    return finding.verdict is not Verdict.UNKNOWN or bool(finding.facts)


def _event(tx: Transaction, ended: _Ended, word: str, detail: Mapping[str, Detail]) -> Event:
    """Its id follows from the request, so that it is told once."""
    return Event(
        id=f"{ended.approval.id}/{word}",
        at=tx.now,
        kind=EventKind.TRAINING_FOLLOWED,
        service=ended.service.name,
        incident_id=ended.approval.incident_id,
        actor=LIGHTSHIP,
        detail={"approval": ended.approval.id, "title": "Training", "text": detail["summary"], **detail},
    )


def _said(ended: _Ended) -> Mapping[str, Detail]:
    finding = ended.finding
    head = "The training has ended" if ended.succeeded else "The training failed"
    summary = f"{head}: {finding.summary}"[:_LONGEST]
    rows = [" · ".join(row) for row in (finding.table.rows[:_ROWS] if finding.table else ())]
    text = "\n".join([summary, *rows, *finding.details[:_ROWS], _next(ended)])
    return {
        "succeeded": int(ended.succeeded),
        "summary": summary,
        "next": _next(ended),
        "title": head,
        "text": text,
    }


def _next(ended: _Ended) -> str:
    """What follows from it, or what people can do."""
    command = ended.service.command
    if not ended.succeeded:
        return "Production stays as it is"
    if not _was_looked(ended.finding):
        return f"It could not be compared; `{command} candidate` compares it later"
    if not ended.version:
        return "It registered no new version, so there is nothing to move the alias to"
    if ended.better:
        return "An approval to move the alias is asked for"
    return f"Production stays; `{command} promote {ended.version}` asks for it all the same"


def _followed(approval: Approval) -> str:
    return f"training/{approval.id}/followed"
