"""Gathering what a message shows, from the latest state, and handing it to the renderers.

The publishing engine calls `compose` with the transaction in which it reads the revision, so that what is
rendered and what is noted as shown are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.errors import Permanent
from bot.domain.events import EventKind
from bot.domain.freezing import in_force
from bot.domain.incidents import worst_first
from bot.domain.messages import Message, MessageKind
from bot.domain.outside_text import is_web_address
from bot.domain.runbooks import CheckStep, HumanStep
from bot.engines.approval_views import approval_view, offered_undo
from bot.engines.digest_views import digest_view
from bot.engines.drift_views import drift_view
from bot.engines.noting import NAMED_NEIGHBOURS, ending_of
from bot.engines.ranking_causes import NEIGHBOURS, RankingCauses, offers
from bot.rendering.approvals import approval_message
from bot.rendering.contexts import incident_words, text_context
from bot.rendering.digests import digest_message
from bot.rendering.drift_reports import drift_message
from bot.rendering.drills import marked_as_drill
from bot.rendering.findings import finding_message
from bot.rendering.incidents import incident_message
from bot.rendering.notices import notice_message
from bot.rendering.templates import render_text
from bot.rendering.thread import event_entry
from bot.rendering.views import (
    AlertLine,
    ApprovalView,
    EventView,
    FindingView,
    IncidentView,
    LinkView,
    NoticeView,
    OpenIncidentLine,
    RunbookView,
    StepView,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import timedelta

    from bot.domain.alerts import Alert
    from bot.domain.causes import Ranking
    from bot.domain.findings import Finding
    from bot.domain.incidents import Classification, Incident
    from bot.domain.runbooks import Runbook, Step
    from bot.domain.services import WatchedService
    from bot.ports.notifier import RenderedMessage
    from bot.ports.stores import Transaction

MENTIONING = frozenset({EventKind.REOPENED})
BY_HAND = "Look at these by hand"


class Composing:
    """Makes the content of messages; `runbook` is asked anew each time, `enabled` is of remediations."""

    def __init__(
        self,
        *,
        services: Mapping[str, WatchedService],
        runbook: Callable[[str], Runbook | None],
        classify: Callable[[Alert], Classification],
        settle: timedelta,
        checks: Collection[str],
        enabled: Callable[[], bool],
    ) -> None:
        self._enabled = enabled
        self._services = services
        self._runbook = runbook
        self._classify = classify
        self._settle = settle
        self._checks = checks
        self._ranking = RankingCauses(services=services, runbook=runbook, classify=classify, settle=settle)

    async def compose(self, tx: Transaction, message: Message) -> RenderedMessage:
        """The latest content of a message. Raises Permanent where what it shows is gone from the store."""
        rendered = await self._render(tx, message)
        incident = await tx.incidents.peek(message.incident_id) if message.incident_id else None
        return marked_as_drill(rendered, incident.drill) if incident and incident.drill else rendered

    async def _render(self, tx: Transaction, message: Message) -> RenderedMessage:
        match message.kind:
            case MessageKind.INCIDENT:
                return incident_message(await self.incident_view(tx, message))
            case MessageKind.EVENT:
                return event_entry(await self._event_view(tx, message))
            case MessageKind.APPROVAL:
                return approval_message(await self._approval_view(tx, message))
            case MessageKind.FINDINGS:
                return finding_message(await self._finding_view(tx, message))
            case _:
                return await self._outside_incidents(tx, message)

    async def _outside_incidents(self, tx: Transaction, message: Message) -> RenderedMessage:
        match message.kind:
            case MessageKind.DIGEST:
                return digest_message(await digest_view(tx, message, self._services))
            case MessageKind.DRIFT:
                return drift_message(await drift_view(tx, message, self._services))
            case MessageKind.NOTICE:
                return notice_message(await self._notice_view(tx, message))
            case _:
                raise Permanent("a file is shared as it is; what it would be composed of is not in the store")

    async def incident_view(self, tx: Transaction, message: Message) -> IncidentView:
        """All that the incident's own message shows."""
        incident = await self._incident(tx, message)
        findings = await tx.findings.of_incident(incident.id)
        firing = worst_first(incident.firing(settle=self._settle), self._classify)
        others = await tx.incidents.unresolved(service=incident.key.service, limit=NEIGHBOURS + 1)
        ranking = self._ranking.rank(incident, findings, others=others)
        first_post = message.posted_revision == 0 and message.ts is None
        return IncidentView(
            incident=incident,
            firing=tuple(AlertLine(alert=alert, severity=c.severity) for alert, c in firing),
            runbook=self.runbook_view(incident, findings, ranking=ranking),
            ranking=ranking,
            other_runbooks=incident.other_runbooks,
            findings=findings,
            links=self._links(incident, firing[0][0] if firing else None),
            other_open=tuple(
                OpenIncidentLine(id=o.id, title=o.title, severity=o.severity)
                for o in others
                if o.id != incident.id
            )[:NAMED_NEIGHBOURS],
            frozen=in_force(await tx.freezes.current(), enabled=self._enabled(), now=tx.now),
            mention=self._mention(incident) if first_post else None,
            now=tx.now,
        )

    def runbook_view(
        self,
        incident: Incident,
        findings: tuple[Finding, ...],
        *,
        name: str | None = None,
        ranking: Ranking | None = None,
    ) -> RunbookView | None:
        """The incident's runbook (or the named one) with its texts rendered; None where there is none."""
        runbook = self._runbook(name or incident.runbook or "")
        if runbook is None:
            return None
        firing = worst_first(incident.firing(settle=self._settle), self._classify)
        known = firing[0][0] if firing else (incident.alerts[0].alert if incident.alerts else None)
        return render_runbook(
            runbook,
            alert=known,
            incident=incident,
            service=self._service(incident),
            findings=findings,
            checks=self._checks,
            ranking=ranking,
        )

    async def _incident(self, tx: Transaction, message: Message) -> Incident:
        incident = await tx.incidents.peek(message.incident_id or 0)
        if incident is None:
            raise Permanent(f"incident {message.incident_id} is not in the store")
        return incident

    async def _event_view(self, tx: Transaction, message: Message) -> EventView:
        incident = await self._incident(tx, message)
        event = await tx.events.get(message.subject)
        if event is None:
            raise Permanent(f"event {message.subject} is not in the store")
        first_post = message.ts is None
        mention = self._mention(incident) if first_post and event.kind in MENTIONING else None
        undoable = await offered_undo(tx, event)
        return EventView(event=event, incident=incident, undoable=undoable, mention=mention, now=tx.now)

    async def _approval_view(self, tx: Transaction, message: Message) -> ApprovalView:
        approval = await tx.approvals.get(message.subject)
        if approval is None:
            raise Permanent(f"approval {message.subject} is not in the store")
        service = self._services.get(approval.plan.service)
        return await approval_view(
            tx,
            approval,
            service,
            runbook=self._runbook,
            settle=self._settle,
            enabled=self._enabled(),
        )

    async def _finding_view(self, tx: Transaction, message: Message) -> FindingView:
        check = message.subject.partition("/")[2]
        incident_id = message.incident_id or 0
        for finding in await tx.findings.of_incident(incident_id):
            if finding.check == check:
                return FindingView(finding=finding, incident_id=incident_id, now=tx.now)
        raise Permanent(f"the finding {message.subject} is not in the store")

    async def _notice_view(self, tx: Transaction, message: Message) -> NoticeView:
        event = await tx.events.get(message.subject)
        if event is None:
            raise Permanent(f"notice {message.subject} is not in the store")
        event = await tx.events.get(ending_of(event.id)) or event
        return NoticeView(
            title=str(event.detail.get("title", "")),
            text=str(event.detail.get("text", "")),
            by=event.actor,
            now=tx.now,
        )

    def _service(self, incident: Incident) -> WatchedService | None:
        return self._services.get(incident.key.service)

    def _mention(self, incident: Incident) -> str | None:
        service = self._service(incident)
        if service is None or incident.severity not in service.mention:
            return None
        return service.oncall or None

    def _links(self, incident: Incident, worst: Alert | None) -> tuple[LinkView, ...]:
        service = self._service(incident)
        runbook = self._runbook(incident.runbook or "")
        wanted = [
            LinkView(label="Prometheus", url=worst.generator_url if worst else ""),
            LinkView(label="Dashboard", url=service.dashboard_url if service else ""),
            LinkView(label="Alertmanager", url=incident.external_url),
        ]
        if worst is not None:
            wanted.append(LinkView(label="Runbook page", url=worst.annotations.get("runbook_url", "")))
        if runbook is not None:
            context = text_context(
                runbook=runbook, alert=worst, service=dict(service.words()) if service else {}
            )
            wanted += [
                LinkView(
                    label=link.title,
                    url=render_text(
                        link.url_template, context, runbook=runbook.name, place=f"link {link.title}"
                    ).text,
                )
                for link in runbook.links
            ]
        return tuple(link for link in wanted if is_web_address(link.url))


def render_runbook(
    runbook: Runbook,
    *,
    alert: Alert | None,
    incident: Incident | None,
    service: WatchedService | None,
    findings: tuple[Finding, ...],
    checks: Collection[str],
    ranking: Ranking | None = None,
) -> RunbookView:
    """A runbook with its texts made for this alert, its steps beside what their checks found.

    Runbooks may name checks (those built are `checks`) and actions of a later version: no button is offered.
    """
    context = text_context(
        runbook=runbook,
        alert=alert,
        incident=incident_words(incident) if incident else {},
        service=dict(service.words()) if service else {},
        findings=findings,
    )

    def text(source: str, place: str) -> str:
        return render_text(source, context, runbook=runbook.name, place=place).text

    by_check = {finding.check: finding for finding in findings}

    def step_view(step: Step, number: int) -> StepView:
        if isinstance(step, CheckStep):
            return StepView(title=step.title, text="", check=step.check, finding=by_check.get(step.check))
        return StepView(title=step.title, text=_human(step, text, number), check=None, finding=None)

    def built(step: Step) -> bool:
        return not isinstance(step, CheckStep) or step.check in checks

    return RunbookView(
        name=runbook.name,
        title=runbook.title,
        summary=text(runbook.summary_template, "summary"),
        symptoms=tuple(
            text(source, f"symptom {number}")
            for number, source in enumerate(runbook.symptom_templates, start=1)
        ),
        steps=(
            *(step_view(step, number) for number, step in enumerate(runbook.steps, start=1) if built(step)),
            *_by_hand(tuple(step.title for step in runbook.steps if not built(step))),
        ),
        remediations=offers(runbook, ranking),
    )


def _by_hand(titles: tuple[str, ...]) -> tuple[StepView, ...]:
    """One step in place of those whose checks this version has not, so that they do not fill the message."""
    if not titles:
        return ()
    return (StepView(title=BY_HAND, text="; ".join(titles), check=None, finding=None),)


def _human(step: HumanStep, text: Callable[[str, str], str], number: int) -> str:
    return text(step.text_template, f"step {number}")
