"""The main messages as they were last looked at; `--update-goldens` accepts what is drawn now."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain.actors import LIGHTSHIP
from bot.domain.alerts import AlertStatus
from bot.domain.approvals import POLICY, ApprovalState, Vote
from bot.domain.causes import rank
from bot.domain.commands import Outcome, OutcomeReason
from bot.domain.events import EventKind
from bot.domain.findings import Verdict
from bot.domain.freezing import Freeze
from bot.domain.incidents import IncidentState, Resolution, Suppression
from bot.domain.policies import ApprovalRule
from bot.domain.remedies import Action, ExecutionState
from bot.domain.severity import Severity
from bot.domain.suspects import FailureMode
from bot.domain.verifications import Verification, VerificationState, WatchedAlert, WatchedMetric
from bot.domain.watching import Watching
from bot.rendering import answers, modals
from bot.rendering.approvals import approval_message, plan_words
from bot.rendering.drift_reports import drift_message
from bot.rendering.findings import finding_message
from bot.rendering.forms import FormTarget
from bot.rendering.incidents import incident_message
from bot.rendering.jobs import jobs_answer
from bot.rendering.likeness import likeness
from bot.rendering.notices import notice_message
from bot.rendering.thread import event_entry
from bot.rendering.views import (
    AlertsView,
    IncidentLine,
    IncidentsView,
    NoticeView,
    OfferedRemediation,
    OpenIncidentLine,
    StatusView,
    TimelineView,
)
from tests.rendering.drift_samples import drift_run, drift_view, job_view, steady_view
from tests.rendering.samples import (
    ALICE,
    BOB,
    NOW,
    RELEASE,
    TRAFFIC,
    ago,
    alert,
    approval,
    approval_view,
    event,
    event_view,
    execution,
    finding,
    finding_view,
    group_of,
    incident,
    incident_view,
    ranking,
    runbook,
    silence,
    suspect,
)

if TYPE_CHECKING:
    from bot.ports.notifier import RenderedMessage

GOLDENS = Path(__file__).parent / "goldens"
P95 = WatchedMetric(name="p95_latency", query="p95", title="P95 latency", unit="s", threshold=1.0)
WATCHING = Watching(
    within=timedelta(minutes=10),
    alerts=(WatchedAlert(name="HighAPILatency", labels={}),),
    metric=P95,
)
WATCHED = Verification(
    approval_id="a-1",
    incident_id=12,
    began_at=ago(minutes=5),
    until=NOW + timedelta(minutes=5),
    metric=P95,
    before=1.7,
    after=1.6,
)
MEASURED: dict[str, Any] = {
    "action": "scale",
    "target": "deployment churn/churn-api",
    "change": "spec.replicas 3 → 6",
    "seconds": 180,
    "metric": "P95 latency",
    "unit": "s",
    "before": 1.7,
    "after": 0.4,
}
SWITCHED_OFF = Freeze(by=LIGHTSHIP, at=NOW, configured=True)
FREEZE = Freeze(by=BOB, at=ago(minutes=2), reason="the shop's sale begins")
TARGET = FormTarget(service="churn", channel="C0CHURN", incident_id=12)


def _acknowledged(**changes: Any) -> Any:
    return incident(
        state=IncidentState.ACKNOWLEDGED, acknowledged_by=ALICE, acknowledged_at=ago(minutes=9), **changes
    )


def _resolved(resolution: Resolution, **changes: Any) -> Any:
    return incident(
        state=IncidentState.RESOLVED, resolution=resolution, resolved_at=ago(minutes=1), **changes
    )


def _granted() -> Any:
    return approval(state=ApprovalState.GRANTED, decided_by=BOB, decided_at=ago(minutes=1))


MESSAGES: dict[str, RenderedMessage] = {
    "incident_first_post": incident_message(incident_view(mention="S0ONCALL")),
    "incident_acknowledged": incident_message(
        incident_view(
            _acknowledged(reopened=2, silence=silence()),
            other_open=(
                OpenIncidentLine(id=13, title="ChurnModelDrift", severity=Severity.P3),
                OpenIncidentLine(id=14, title="ChurnPodRestarting", severity=Severity.P4),
            ),
            other_runbooks=("pod-restarting",),
        )
    ),
    "incident_cause": incident_message(
        incident_view(
            ranking=ranking(TRAFFIC, RELEASE),
            runbook=runbook(
                remediations=(
                    OfferedRemediation(name="scale-up", label="Scale to 6 replicas", fits=True),
                    OfferedRemediation(name="restart", label="Replace the pods"),
                )
            ),
        )
    ),
    "incident_suspect": incident_message(
        incident_view(
            runbook=None,
            ranking=ranking(
                suspects=(
                    suspect(),
                    suspect(
                        mode=FailureMode.CHANGED_IMAGE,
                        title="the image changed from churn-api:1.8 to churn-api:1.9",
                        certainty=0.5,
                        evidence=(),
                    ),
                )
            ),
        )
    ),
    "incident_nothing_wrong": incident_message(
        incident_view(ranking=ranking(verdict=Verdict.OK), runbook=None, findings=())
    ),
    "incident_too_little_evidence": incident_message(
        incident_view(
            ranking=rank(
                (
                    replace(RELEASE, evidence=RELEASE.evidence[1:]),
                    replace(TRAFFIC, evidence=TRAFFIC.evidence[3:]),
                ),
                (finding(), finding(check="metrics", verdict=Verdict.UNKNOWN)),
            ),
            runbook=None,
            findings=(),
        )
    ),
    "thread_cause_changed": event_entry(
        event_view(
            event(
                EventKind.CAUSE_CHANGED,
                actor=LIGHTSHIP,
                words="Found: image `churn-api:1.9` does not exist, because manifest unknown",
                before="More traffic than the replicas can take",
            )
        )
    ),
    "incident_folded": incident_message(
        incident_view(incident(truncated=20), firing=group_of(12), runbook=None, findings=())
    ),
    "incident_resolved": incident_message(
        incident_view(
            _resolved(Resolution.ALERTS_RESOLVED, alerts=(alert(status=AlertStatus.RESOLVED),)), firing=()
        )
    ),
    "incident_resolved_still_firing": incident_message(
        incident_view(_resolved(Resolution.BY_HAND, resolved_by=ALICE))
    ),
    "incident_gone": incident_message(incident_view(_resolved(Resolution.GONE), firing=())),
    "incident_inhibited": incident_message(
        incident_view(incident(suppressed={"f1": Suppression.INHIBITED}), runbook=None, findings=())
    ),
    "incident_partly_silenced": incident_message(
        incident_view(
            incident(suppressed={"f0": Suppression.SILENCED, "f1": Suppression.INHIBITED}),
            firing=group_of(3),
            runbook=None,
            findings=(),
        )
    ),
    "thread_silence_ended_outside": event_entry(
        event_view(event(EventKind.SILENCE_LIFTED, actor=LIGHTSHIP, how="lifted"))
    ),
    "thread_reopened": event_entry(
        event_view(event(EventKind.REOPENED, actor=LIGHTSHIP), mention="S0ONCALL")
    ),
    "thread_resolved_by_hand": event_entry(
        event_view(event(EventKind.RESOLVED, resolution="by_hand", still_firing=2))
    ),
    "thread_silenced": event_entry(
        event_view(event(EventKind.SILENCED, until=int(NOW.timestamp()) + 7200, reason="deploying"))
    ),
    "thread_scaled": event_entry(
        event_view(
            event(
                EventKind.REMEDIATION_SUCCEEDED,
                actor=LIGHTSHIP,
                action="scale",
                target="deployment churn/churn-api",
                change="spec.replicas 3 → 6",
                outcome="6 of 6 pods are ready after 40 s",
            )
        )
    ),
    "finding_table": finding_message(finding_view()),
    "finding_fixed_width": finding_message(finding_view(), table_block=False),
    "approval_requested": approval_message(approval_view(watching=WATCHING)),
    "approval_denied": approval_message(
        approval_view(
            approval(
                state=ApprovalState.DENIED,
                decided_by=BOB,
                decided_at=ago(seconds=30),
                decision_reason="the database is the bottleneck",
            )
        )
    ),
    "approval_expired": approval_message(
        approval_view(approval(state=ApprovalState.EXPIRED, decided_at=NOW, expires_at=NOW))
    ),
    "approval_done": approval_message(
        approval_view(
            _granted(), execution=execution(ExecutionState.SUCCEEDED, "6 of 6 pods are ready after 40 s")
        )
    ),
    "approval_failed": approval_message(
        approval_view(_granted(), execution=execution(ExecutionState.FAILED, "the deployment has changed"))
    ),
    "approval_one_of_two": approval_message(
        approval_view(
            approval(votes=(Vote(by=BOB, at=ago(minutes=1)),)),
            rule=ApprovalRule(approvers=("U0BOB", "S0ONCALL"), approvals=2),
        )
    ),
    "approval_glass_offered": approval_message(approval_view(may_break_glass=True)),
    "approval_glass_broken": approval_message(
        approval_view(
            approval(
                state=ApprovalState.GRANTED,
                decided_by=ALICE,
                decided_at=NOW,
                broke_glass=True,
                decision_reason="Bob is on a plane",
            )
        )
    ),
    "thread_glass_broken": event_entry(
        event_view(
            event(
                EventKind.APPROVAL_GLASS_BROKEN,
                action="scale",
                target="deployment churn/churn-api",
                change="spec.replicas 3 → 6",
                said="Bob is on a plane",
                approvers="U0BOB S0ONCALL",
            )
        )
    ),
    "approval_not_needed": approval_message(
        approval_view(
            approval(state=ApprovalState.GRANTED, decided_by=POLICY, decided_at=NOW, without_approval=True)
        )
    ),
    "approval_watched": approval_message(
        approval_view(
            _granted(),
            execution=execution(ExecutionState.SUCCEEDED, "6 of 6 pods are ready after 40 s"),
            verification=WATCHED,
            may_be_undone=True,
        )
    ),
    "approval_fixed": approval_message(
        approval_view(
            _granted(),
            execution=execution(ExecutionState.SUCCEEDED, "6 of 6 pods are ready after 40 s"),
            verification=replace(WATCHED, state=VerificationState.FIXED, after=0.4, ended_at=ago(minutes=2)),
        )
    ),
    "thread_fixed": event_entry(event_view(event(EventKind.REMEDIATION_FIXED, **MEASURED))),
    "thread_no_effect": event_entry(
        replace(
            event_view(event(EventKind.REMEDIATION_UNFIXED, **{**MEASURED, "after": 1.7, "seconds": 600})),
            undoable=_granted(),
        )
    ),
    "approval_frozen": approval_message(approval_view(frozen=FREEZE)),
    "approval_switched_off": approval_message(approval_view(frozen=SWITCHED_OFF)),
    "incident_frozen": incident_message(incident_view(frozen=FREEZE)),
    "notice": notice_message(
        NoticeView(title="Alerts were rejected", text="3 webhooks came without the token.", now=NOW)
    ),
    "answer_help": answers.help_answer("/churn", [("status", "how it stands"), ("scale N [REASON]", "asks")]),
    "answer_unknown": answers.unknown_word_answer("/churn", "statsu", "status"),
    "answer_which": answers.which_incident_answer(
        "/churn", "ack", [OpenIncidentLine(id=13, title="ChurnModelDrift", severity=Severity.P3)]
    ),
    "answer_incidents": answers.incidents_answer(
        IncidentsView(
            service="churn",
            open=(IncidentLine(incident=_acknowledged(), firing=1, cause="Probably: too much traffic"),),
            now=NOW,
        )
    ),
    "answer_alerts": answers.alerts_answer(AlertsView(service="churn", firing=group_of(3), now=NOW)),
    "answer_status": answers.status_answer(
        StatusView(
            service="churn",
            open=(IncidentLine(incident=incident(silence=silence()), firing=1),),
            findings=(finding(),),
            waiting=(approval(),),
            undelivered=2,
            oldest=ago(minutes=3),
            now=NOW,
        )
    ),
    "answer_runbook": answers.runbook_answer(runbook(), incident_id=None, now=NOW),
    "answer_timeline": answers.timeline_answer(
        TimelineView(
            incident=incident(),
            events=tuple(
                replace(event(kind), at=ago(minutes=20 - number))
                for number, kind in enumerate((EventKind.OPENED, EventKind.ACKNOWLEDGED, EventKind.CHECK_RUN))
            ),
            now=NOW + timedelta(minutes=1),
        )
    ),
    "answer_jobs": jobs_answer((job_view(),), None, now=NOW),
    "drift_severe": drift_message(drift_view()),
    "drift_over": drift_message(drift_view(followed_by=drift_run(id="5c", score=0.1))),
    "drift_steady": drift_message(steady_view()),
    "answer_refused": answers.outcome_answer(
        Outcome(reason=OutcomeReason.ALREADY, sentence="Incident #12 is acknowledged already by <@U0BOB>.")
    ),
}

MODALS: dict[str, modals.View] = {
    "modal_silence": modals.silence_modal(TARGET, title="ChurnHighLatency"),
    "modal_scale": modals.scale_modal(TARGET, subject="deployment churn/churn-api", present=3, asked=6),
    "modal_remedy": modals.remedy_modal(
        replace(TARGET, action="resources"),
        Action.RESOURCES,
        subject="deployment churn/churn-api",
        given={"memory": "2Gi"},
    ),
    "modal_deny": modals.deny_modal(
        replace(TARGET, approval_id="a-1", digest="d" * 64), plan=plan_words(approval().plan)
    ),
}

DRAWN: dict[str, dict[str, Any]] = {
    **{name: {"text": shown.text, "blocks": list(shown.blocks)} for name, shown in MESSAGES.items()},
    **MODALS,
}


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_drawn_as_last_looked_at(name: str, update_goldens: bool) -> None:
    """What is drawn is what somebody looked at last."""
    drawn = json.dumps(DRAWN[name], indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    seen = likeness(DRAWN[name])
    kept, kept_seen = GOLDENS / f"{name}.json", GOLDENS / f"{name}.txt"
    if update_goldens:
        kept.write_text(drawn, encoding="utf-8")
        kept_seen.write_text(seen, encoding="utf-8")
    assert kept_seen.read_text(encoding="utf-8") == seen
    assert kept.read_text(encoding="utf-8") == drawn


def test_no_golden_is_left_over() -> None:
    """Every golden file belongs to something that is still drawn."""
    assert {path.stem for path in GOLDENS.iterdir()} == set(DRAWN)
