"""The views that the rendering tests draw: one believable night, and the worst one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.actors import Actor, user
from bot.domain.alerts import Alert, AlertStatus, TrackedAlert
from bot.domain.approvals import Approval
from bot.domain.auditing import Head
from bot.domain.causes import JudgedCause, JudgedEvidence, Judgement, Ranking, WhyNot, rank
from bot.domain.events import Event, EventKind
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.incidents import Incident, IncidentKey, IncidentState, SilenceMark
from bot.domain.policies import ApprovalRule
from bot.domain.remedies import Action, Change, Execution, ExecutionState, Plan, Target
from bot.domain.severity import Severity
from bot.domain.suspects import FailureMode, Suspect
from bot.rendering.views import (
    AlertLine,
    ApprovalView,
    EventView,
    FindingView,
    IncidentView,
    LinkView,
    OfferedRemediation,
    OpenIncidentLine,
    RunbookView,
    StepView,
)

NOW = datetime(2026, 11, 24, 3, 17, tzinfo=UTC)
DIGEST = "ce2f30bffa17".ljust(64, "0")  # of no plan: the goldens must not change with a plan's fields
ALICE, BOB = user("U0ALICE"), user("U0BOB")

EVIL = (
    "<!channel> <@U0EVIL> <!subteam^S0EVIL> <http://evil.example|Acknowledge> <!date^1^{time}|now> "
    "& `x` ```y``` \u202eGNP.EXE\x00\x1b[31m"
)
ZALGO = (
    "Z\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307a\u0308\u0309\u030a\u030b\u030c\u030d\u030e\u030flgo"
)
RTL = "\u05e9\u05dc\u05d5\u05dd \u2067\u0645\u0631\u062d\u0628\u0627\u2069"
EMOJI = "👩‍👩‍👧‍👦🔥🏴󠁧󠁢󠁥󠁮󠁧󠁿"
LONG = (EVIL + ZALGO + RTL + EMOJI) * 60


def ago(**span: float) -> datetime:
    """A moment before NOW."""
    return NOW - timedelta(**span)


def alert(**changes: Any) -> Alert:
    """The high latency of one pod."""
    settled: dict[str, Any] = {
        "fingerprint": "f1",
        "status": AlertStatus.FIRING,
        "labels": {
            "alertname": "ChurnHighLatency",
            "service": "churn",
            "severity": "critical",
            "pod": "churn-api-7d9f-x2",
        },
        "annotations": {
            "summary": "p95 latency of churn-api is 1.84 s",
            "description": "Requests have been slow for 5 minutes.",
            "value": "1.84 s",
            "threshold": "0.5 s",
        },
        "starts_at": ago(minutes=12),
        "ends_at": None,
        "generator_url": "http://prometheus.example/graph?g0.expr=latency",
    }
    return Alert(**{**settled, **changes})


def incident(alerts: tuple[Alert, ...] = (), **changes: Any) -> Incident:
    """Incident 12 of the service churn."""
    told = alerts or (alert(),)
    settled: dict[str, Any] = {
        "id": 12,
        "key": IncidentKey(
            source="default",
            receiver="lightship",
            group_key='{}:{alertname="ChurnHighLatency"}',
            service="churn",
        ),
        "channel": "C0CHURN",
        "state": IncidentState.TRIGGERED,
        "severity": Severity.P1,
        "title": "ChurnHighLatency",
        "runbook": "high-latency",
        "alerts": tuple(TrackedAlert(alert=one, last_firing=NOW, last_resolve=None) for one in told),
        "group_labels": {"alertname": "ChurnHighLatency", "service": "churn"},
        "external_url": "http://alertmanager.example",
        "opened_at": ago(minutes=12),
        "updated_at": NOW,
    }
    return Incident(**{**settled, **changes})


def finding(**changes: Any) -> Finding:
    """What the pods check found."""
    settled: dict[str, Any] = {
        "check": "pods",
        "target": "deployment churn/churn-api",
        "verdict": Verdict.WARN,
        "summary": "3 of 3 pods are ready, 1 restarted in the last hour",
        "observed_at": ago(minutes=2),
        "fresh_for": timedelta(minutes=5),
        "table": Table(
            columns=("pod", "ready", "restarts", "age", "node"),
            rows=(
                ("churn-api-7d9f-x1", "1/1", "0", "3d", "node-a"),
                ("churn-api-7d9f-x2", "1/1", "1", "3d", "node-b"),
                ("churn-api-7d9f-x3", "1/1", "0", "3d", ""),
            ),
        ),
        "details": ("churn-api-7d9f-x2: last terminated by OOMKilled, exit code 137",),
    }
    return Finding(**{**settled, **changes})


def runbook(**changes: Any) -> RunbookView:
    """The runbook for high latency."""
    settled: dict[str, Any] = {
        "name": "high-latency",
        "title": "High latency",
        "summary": "Predictions are slow: too few replicas for the traffic, or a sick pod.",
        "symptoms": ("p95 above 0.5 s", "The request queue grows"),
        "steps": (
            StepView(title="Are the pods healthy?", text="", check="pods", finding=finding()),
            StepView(title="Is the HPA at its maximum?", text="", check="hpa", finding=None),
            StepView(
                title="Does the model answer?",
                text="",
                check="model",
                finding=finding(
                    check="model",
                    verdict=Verdict.UNKNOWN,
                    summary="The registry was not asked",
                    reason="MLflow did not answer within 5 s",
                    observed_at=ago(minutes=40),
                    table=None,
                ),
            ),
            StepView(title="Look at the dashboard", text="Compare with yesterday.", check=None, finding=None),
        ),
        "remediations": (OfferedRemediation(name="scale-up", label="Scale to 6 replicas"),),
    }
    return RunbookView(**{**settled, **changes})


def judged(words: str, judgement: Judgement = Judgement.FOR, **changes: Any) -> JudgedEvidence:
    """One piece of evidence of weight 3."""
    return JudgedEvidence(**{"judgement": judgement, "weight": 3.0, "words": words, **changes})


def suspect(**changes: Any) -> Suspect:
    """An image that is not in the registry."""
    settled: dict[str, Any] = {
        "mode": FailureMode.IMAGE_MISSING,
        "title": "image `churn-api:1.9` does not exist",
        "subject": "deployment churn-api",
        "field": "spec.template.spec.containers[api].image",
        "value": "churn-api:1.9",
        "mend": "name an image that exists, or roll back to the revision before",
        "certainty": 0.95,
        "evidence": ("The registry says manifest unknown to 2 pods.",),
        "since": ago(minutes=16),
        "action": "rollback",
    }
    return Suspect(**{**settled, **changes})


TRAFFIC = JudgedCause(
    name="high-traffic",
    title="More traffic than the replicas can take",
    weight=0.6,
    evidence=(
        judged("Requests are 3.1 times yesterday's"),
        judged("The HPA is at its maximum of 6"),
        judged("CPU is at 40 % of its limit", Judgement.AGAINST),
        judged("", Judgement.CANNOT_JUDGE, why_not=WhyNot.COULD_NOT_LOOK, check="logs"),
    ),
    explanation="Add replicas; the queue drains within minutes.",
    remediation="scale-up",
    explains=frozenset({FailureMode.AUTOSCALER_AT_MAXIMUM}),
)
RELEASE = JudgedCause(
    name="new-release",
    title="The newest release is slower",
    weight=0.5,
    evidence=(judged("A new image went out 50 minutes ago"), judged("No probe changed", Judgement.AGAINST)),
    remediation="roll-back",
)


def ranking(*causes: JudgedCause, suspects: tuple[Suspect, ...] = (), **changes: Any) -> Ranking:
    """The causes ranked over one finding, of the check `pods` unless told otherwise."""
    return rank(causes, (finding(suspects=suspects, **changes), finding(check="hpa", **changes)))


def incident_view(shown: Incident | None = None, **changes: Any) -> IncidentView:
    """A first post at night: everything is there."""
    settled: dict[str, Any] = {
        "incident": shown or incident(),
        "firing": (AlertLine(alert=alert(), severity=Severity.P1),),
        "runbook": runbook(),
        "other_runbooks": (),
        "findings": (finding(),),
        "links": (
            LinkView(label="Prometheus", url="http://prometheus.example/graph?g0.expr=latency&g0.tab=0"),
            LinkView(label="Alertmanager", url="http://alertmanager.example"),
        ),
        "other_open": (),
        "mention": None,
        "now": NOW,
    }
    return IncidentView(**{**settled, **changes})


def silence(reason: str = "deploying the fix") -> SilenceMark:
    """A silence by Alice that has two hours to go."""
    return SilenceMark(
        id="s-1", by=ALICE, reason=reason, starts_at=ago(minutes=5), ends_at=NOW + timedelta(hours=2)
    )


def group_of(count: int, **changes: Any) -> tuple[AlertLine, ...]:
    """Many alerts of two names, that differ by pod."""
    names = ("ChurnHighLatency", "ChurnPodRestarting")
    return tuple(
        AlertLine(
            alert=alert(
                fingerprint=f"f{number}",
                labels={"alertname": names[number % 2], "service": "churn", "pod": f"churn-api-{number}"},
                **changes,
            ),
            severity=Severity.P1 if number % 2 == 0 else Severity.P3,
        )
        for number in range(count)
    )


def plan(**changes: Any) -> Plan:
    """From three replicas to six."""
    settled: dict[str, Any] = {
        "action": Action.SCALE,
        "service": "churn",
        "target": Target(kind="Deployment", namespace="churn", name="churn-api"),
        "arguments": {"replicas": 6},
        "changes": (Change(field="spec.replicas", before="3", after="6"),),
        "resource_version": "4711",
        "observed": {"replicas": 3},
        "notes": ("No HPA owns the replicas", "PodDisruptionBudget churn-api allows 1 disruption"),
        "warnings": ("Argo CD manages this deployment and may revert it",),
        "verification": "6 pods ready within 3 min",
        "undo": "scale back to 3",
    }
    return Plan(**{**settled, **changes})


def approval(of: Plan | None = None, **changes: Any) -> Approval:
    """Alice's request, which waits for half an hour."""
    planned = of or plan()
    settled: dict[str, Any] = {
        "id": "a-1",
        "incident_id": 12,
        "plan": planned,
        "digest": DIGEST,
        "requester": ALICE,
        "reason": "traffic is three times yesterday's",
        "requested_at": ago(minutes=1),
        "expires_at": NOW + timedelta(minutes=29),
    }
    return Approval(**{**settled, **changes})


def approval_view(shown: Approval | None = None, **changes: Any) -> ApprovalView:
    """The request in the thread of incident 12."""
    settled: dict[str, Any] = {
        "approval": shown or approval(),
        "execution": None,
        "incident": incident(),
        "rule": ApprovalRule(approvers=("U0BOB", "S0ONCALL")),
        "cause": "High traffic: likely, because requests are 3.1 times yesterday's",
        "evidence": (finding(),),
        "audit": Head(number=57, hash="9f86d081884c7d65" * 4),
        "now": NOW,
    }
    return ApprovalView(**{**settled, **changes})


def execution(state: ExecutionState, outcome: str) -> Execution:
    """How the approved scale stands."""
    return Execution(
        approval_id="a-1",
        state=state,
        started_at=ago(seconds=50),
        updated_at=ago(seconds=10),
        outcome=outcome,
    )


def event(kind: EventKind, *, actor: Actor = ALICE, **detail: str | float | None) -> Event:
    """Something that happened a moment ago."""
    return Event(
        id="e-1", at=ago(seconds=5), kind=kind, service="churn", incident_id=12, actor=actor, detail=detail
    )


def event_view(shown: Event, *, mention: str | None = None) -> EventView:
    """That event, as the thread of incident 12 shows it."""
    return EventView(event=shown, incident=incident(), mention=mention, now=NOW)


def finding_view(shown: Finding | None = None) -> FindingView:
    """A finding of incident 12."""
    return FindingView(finding=shown or finding(), incident_id=12, now=NOW)


def worst_incident_view(text: str = LONG) -> IncidentView:
    """An alert group of 500 with labels of 10,000 characters, and every list longer than it may be."""
    labels = [{f"{text[:200]}{number}": f"{half}{text}"[:10_000] for number in range(30)} for half in (0, 1)]
    lines = tuple(
        AlertLine(
            alert=alert(
                fingerprint=f"f{number}",
                labels={"alertname": f"{text}{number % 40}", **labels[number % 2], "pod": f"{number}{text}"},
                annotations=dict.fromkeys(("summary", "description", "value", "threshold"), text),
                starts_at=datetime(1, 1, 1, tzinfo=UTC) if number == 0 else ago(days=900),
            ),
            severity=Severity.P1,
        )
        for number in range(500)
    )
    found = finding(summary=text, reason=text, verdict=Verdict.UNKNOWN, check=text[:150], target=text)
    step = StepView(title=text, text=text, check="pods", finding=found)
    shown = incident(
        tuple(line.alert for line in lines),
        title=text,
        key=IncidentKey(source=text, receiver=text, group_key=text, service=text),
        acknowledged_by=Actor(kind=ALICE.kind, id=text),
        acknowledged_at=NOW,
        silence=silence(text),
        truncated=10**9,
        reopened=10**6,
        id=2**53 - 1,
    )
    seen = suspect(
        title=text, subject=text, field=text, value=text, mend=text, evidence=(text,) * 50, since=ago(days=9)
    )
    told = tuple(judged(text, judgement, check=text, why_not=WhyNot.FAILS) for judgement in Judgement) * 20
    causes = [replace(TRAFFIC, name=f"c{n}", title=text, explanation=text, evidence=told) for n in range(20)]
    return IncidentView(
        incident=shown,
        firing=lines,
        ranking=ranking(*causes, suspects=(seen, replace(seen, subject="other")), summary=text),
        runbook=runbook(
            name=text,
            title=text,
            summary=text,
            symptoms=(text,) * 50,
            steps=(step,) * 200,
            remediations=tuple(OfferedRemediation(name=f"r{number}", label=text) for number in range(60)),
        ),
        other_runbooks=tuple(f"book-{number}-{'x' * 180}" for number in range(60)),
        findings=tuple(replace(found, check=f"check {number}") for number in range(60)),
        links=tuple(LinkView(label=text, url=f"https://example.org/{text}") for _ in range(30)),
        other_open=tuple(
            OpenIncidentLine(id=number, title=text, severity=Severity.P2) for number in range(1, 100)
        ),
        mention="S0ONCALL",
        now=NOW,
    )
