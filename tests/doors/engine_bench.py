"""Engines that keep what they were asked and answer as told, for the doors before them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.domain.access import AccessPolicy
from bot.domain.actors import user
from bot.domain.alerts import Alert, AlertStatus, track
from bot.domain.approvals import Approval, plan_digest
from bot.domain.commands import Outcome, OutcomeReason
from bot.domain.findings import Finding, Verdict
from bot.domain.incidents import Incident, IncidentKey, IncidentState
from bot.domain.messages import Message, MessageKind
from bot.domain.policies import ApprovalPolicy, ApprovalRule, RuleFor
from bot.domain.remedies import Action, Change, Plan, Target
from bot.domain.runbooks import Limits, Runbook, RunbookRemediation
from bot.domain.services import WatchedService
from bot.domain.severity import Severity
from bot.rendering.views import (
    AlertLine,
    AlertsView,
    IncidentLine,
    IncidentsView,
    JobView,
    RunbookView,
    StatusView,
    TimelineView,
)
from bot.testing import START
from handlers.engines import Engines

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from bot.domain.actors import Actor

DONE = Outcome(reason=OutcomeReason.DONE, sentence="It was done.")
SETTLE = timedelta(minutes=1)
CHURN = WatchedService(
    name="churn",
    channel="C0CHURN",
    command="/churn",
    match=(),
    namespace="churn",
    deployment="churn-api",
    policy=AccessPolicy(channel="C0CHURN", approvers=("U0BOB", "S0ONCALL")),
    approval=ApprovalPolicy(
        general=ApprovalRule(approvers=("U0BOB", "S0ONCALL")),
        special=(
            RuleFor(
                actions=frozenset({Action.SCALE}),
                targets=("deployment churn/churn-batch",),
                rule=ApprovalRule(approvers=("U0CAROL",)),
            ),
        ),
    ),
)
RUNBOOK = Runbook(
    name="high-latency",
    title="High latency",
    severity=Severity.P1,
    match=(),
    summary_template="slow",
    remediations=(
        RunbookRemediation(
            name="scale-up",
            title="More pods",
            action="scale",
            arguments={"factor": 2},
            limits=Limits(maximum=20),
        ),
        RunbookRemediation(name="retrain", title="Train anew", action="retrain"),
    ),
)


def make_incident(number: int = 7, **changes: Any) -> Incident:
    """An open incident of churn's with one firing alert."""
    alert = Alert(
        fingerprint=f"f{number}",
        status=AlertStatus.FIRING,
        labels={"alertname": "HighLatency", "service": "churn"},
        annotations={"summary": "p99 is 2.3 s"},
        starts_at=START,
        ends_at=None,
    )
    incident = Incident(
        id=number,
        key=IncidentKey(source="default", receiver="lightship", group_key=f"g{number}", service="churn"),
        channel="C0CHURN",
        state=IncidentState.TRIGGERED,
        severity=Severity.P1,
        title="HighLatency",
        runbook="high-latency",
        alerts=(track(alert, received_at=START),),
        group_labels={"alertname": "HighLatency"},
        opened_at=START,
        updated_at=START,
    )
    return replace(incident, **changes)


def make_approval(approval_id: str = "a-1", *, incident_id: int | None = 7) -> Approval:
    """Alice's request to scale to six."""
    alice = user("U0ALICE")
    plan = Plan(
        action=Action.SCALE,
        service="churn",
        target=Target(kind="Deployment", namespace="churn", name="churn-api"),
        arguments={"replicas": 6},
        changes=(Change(field="spec.replicas", before="3", after="6"),),
        resource_version="41",
        observed={"replicas": 3},
    )
    return Approval(
        id=approval_id,
        incident_id=incident_id,
        plan=plan,
        digest=plan_digest(plan, approval_id=approval_id, requester=alice),
        requester=alice,
        reason="traffic doubled",
        requested_at=START,
        expires_at=START + timedelta(minutes=30),
    )


@dataclass
class ListEngines:
    """All engines in one: what was asked is in `asked`, what is known in the dictionaries."""

    incidents_known: dict[int, Incident] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    messages: dict[tuple[str, str], Message] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    refused: list[tuple[str, str, str, str, int | None]] = field(default_factory=list)
    jobs_known: tuple[JobView, ...] = ()
    hanging: asyncio.Event | None = None
    error: Exception | None = None

    async def _take(self, command: Any) -> Outcome:
        if self.hanging is not None:
            await self.hanging.wait()
        if self.error is not None:
            raise self.error
        self.asked.append(command)
        return DONE

    acknowledge = resolve = silence = lift = run = request = decide = open = _take
    freeze = unfreeze = _take

    async def look(self, service: str, check: str, arguments: Mapping[str, Any]) -> Finding:
        """Three of three pods are ready."""
        await self._take((service, check, dict(arguments)))
        return Finding(
            check=check,
            target="churn/churn-api",
            verdict=Verdict.OK,
            summary="3 of 3 pods are ready",
            observed_at=START,
            fresh_for=timedelta(minutes=1),
            facts={"desired": 3},
        )

    async def incident(self, incident_id: int) -> Incident | None:
        """By number; hangs where told to."""
        if self.hanging is not None:
            await self.hanging.wait()
        return self.incidents_known.get(incident_id)

    async def unresolved(self, service: str | None = None) -> tuple[Incident, ...]:
        """Those of the service that are open."""
        known = self.incidents_known.values()
        return tuple(
            one for one in known if one.key.service == service and one.state is not IncidentState.RESOLVED
        )

    async def approval(self, approval_id: str) -> Approval | None:
        """By id."""
        return self.approvals.get(approval_id)

    async def by_message(self, channel: str, ts: str) -> Message | None:
        """By the chat's id."""
        return self.messages.get((channel, ts))

    async def press_refused(
        self, service: str, actor: Actor, what: str, why: str, incident_id: int | None = None
    ) -> None:
        """Keep it."""
        self.refused.append((service, actor.id, what, why, incident_id))

    async def status(self, service: str) -> StatusView:
        """What is open."""
        view = await self.incidents(service)
        return StatusView(
            service=service,
            open=view.open,
            findings=(),
            waiting=(),
            frozen=None,
            undelivered=0,
            oldest=None,
            now=START,
        )

    async def alerts(self, service: str) -> AlertsView:
        """What fires."""
        firing = tuple(
            AlertLine(alert=alert, severity=incident.severity)
            for incident in await self.unresolved(service)
            for alert in incident.firing(settle=SETTLE)
        )
        return AlertsView(service=service, firing=firing, now=START)

    async def incidents(self, service: str) -> IncidentsView:
        """What is open."""
        lines = tuple(IncidentLine(incident=one, firing=1) for one in await self.unresolved(service))
        return IncidentsView(service=service, open=lines, now=START)

    async def timeline(self, incident_id: int) -> TimelineView | None:
        """Nothing happened."""
        found = self.incidents_known.get(incident_id)
        return TimelineView(incident=found, events=(), now=START) if found else None

    async def post(self, incident_id: int) -> bool:
        """Keep that it was asked for."""
        self.asked.append(("timeline", incident_id))
        return True

    async def runbook(self, service: str, name: str, incident_id: int | None) -> RunbookView | None:
        """The one there is."""
        self.asked.append(("runbook", service, name, incident_id))
        if name != RUNBOOK.name:
            return None
        return RunbookView(
            name=name, title="High latency", summary="slow", symptoms=(), steps=(), remediations=()
        )

    async def of(self, service: str) -> tuple[JobView, ...]:
        """What there is; none unless a test put some."""
        return self.jobs_known if service == "churn" else ()

    def get(self, name: str) -> Runbook | None:
        """The one there is."""
        return RUNBOOK if name == RUNBOOK.name else None

    def names(self) -> tuple[str, ...]:
        """One."""
        return (RUNBOOK.name,)

    def as_engines(self) -> Engines:
        """This, in every place."""
        return Engines(
            responding=self,
            silencing=self,
            diagnosing=self,
            gathering=self,
            approving=self,
            deciding=self,
            freezing=self,
            recording=self,
            reporting=self,
            jobs=self,
            timelines=self,
            runbooks=self,
        )

    def shown(
        self, ts: str, *, incident_id: int = 7, kind: MessageKind = MessageKind.INCIDENT, subject: str = "7"
    ) -> None:
        """Note what a message of churn's channel shows."""
        self.messages["C0CHURN", ts] = Message(
            id=f"m-{ts}",
            kind=kind,
            subject=subject,
            channel="C0CHURN",
            thread_of=None,
            incident_id=incident_id,
            urgency=1,
            desired_revision=1,
            ts=ts,
            created_at=START,
        )
