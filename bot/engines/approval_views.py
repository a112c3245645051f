"""What the message of a request shows, and whether an action can be taken back; for the composing engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.approvals import ApprovalState
from bot.domain.decisions import glass_may_break
from bot.domain.events import RANKING_KINDS
from bot.domain.findings import Verdict
from bot.domain.freezing import in_force
from bot.domain.policies import ApprovalRule
from bot.domain.remedies import ExecutionState
from bot.domain.severity import Severity
from bot.domain.watching import watching_of
from bot.engines.noting import UNDO_OFFERED
from bot.rendering.views import ApprovalView

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from bot.domain.approvals import Approval
    from bot.domain.events import Event
    from bot.domain.findings import Finding
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.ports.stores import Transaction

_DONE: Final = frozenset({ExecutionState.SUCCEEDED, ExecutionState.NO_EFFECT})
_BAD: Final = (Verdict.FAIL, Verdict.WARN)
_OPEN: Final = frozenset({ApprovalState.REQUESTED, ApprovalState.GRANTED})


async def approval_view(
    tx: Transaction,
    approval: Approval,
    service: WatchedService | None,
    *,
    runbook: Callable[[str], Runbook | None],
    settle: timedelta,
    enabled: bool,
) -> ApprovalView:
    """All that the message of a request shows."""
    plan = approval.plan
    rule = service.approval.of(plan.action, plan.target) if service else ApprovalRule()
    incident = await tx.incidents.peek(approval.incident_id) if approval.incident_id else None
    critical = incident is not None and incident.severity is Severity.P1
    verification = await tx.verifications.get(approval.id)
    watching = None
    if approval.state in _OPEN and verification is None and not plan.undoes:
        name = plan.runbook or (incident.runbook if incident else None) or ""
        watching = watching_of(plan, incident=incident, runbook=runbook(name), service=service, settle=settle)
    return ApprovalView(
        approval=approval,
        execution=await tx.executions.get(approval.id),
        incident=incident,
        rule=rule,
        may_break_glass=glass_may_break(approval, rule, now=tx.now, critical=critical),
        verification=verification,
        watching=watching,
        may_be_undone=await may_be_undone(tx, approval),
        cause=await _cause(tx, approval),
        evidence=await _evidence(tx, approval),
        audit=await tx.audit.head(),
        frozen=in_force(await tx.freezes.current(), enabled=enabled, now=tx.now),
        now=tx.now,
    )


async def _cause(tx: Transaction, approval: Approval) -> str:
    """The likeliest cause of the incident in words, as the thread was told last; empty where none is."""
    if approval.incident_id is None or approval.plan.undoes:
        return ""
    told = await tx.events.newest(approval.incident_id, RANKING_KINDS)
    return str(told.detail.get("words") or "") if told else ""


async def _evidence(tx: Transaction, approval: Approval) -> tuple[Finding, ...]:
    """What speaks for it: the incident's findings that are not well, the worst first."""
    if approval.incident_id is None or approval.plan.undoes:
        return ()
    found = await tx.findings.of_incident(approval.incident_id)
    bad = [one for one in found if one.verdict in _BAD]
    return tuple(sorted(bad, key=lambda one: (_BAD.index(one.verdict), one.check)))


async def offered_undo(tx: Transaction, event: Event) -> Approval | None:
    """What a thread entry offers to take back: an action without effect, if nobody does that already."""
    if event.kind not in UNDO_OFFERED:
        return None
    approval = await tx.approvals.get(str(event.detail.get("approval", "")))
    return approval if approval is not None and await may_be_undone(tx, approval) else None


async def may_be_undone(tx: Transaction, approval: Approval) -> bool:
    """Whether it was done, can be taken back, and is not already being."""
    if not approval.plan.undoable or approval.plan.undoes:
        return False
    execution = await tx.executions.get(approval.id)
    if execution is None or execution.state not in _DONE:
        return False
    return not any(one.state in _OPEN for one in await tx.approvals.undoing(approval))
