"""A request for approval: what would change at a glance, and afterwards what became of it.

Called by the composing engine. The buttons carry the digest of exactly this plan; they are gone once the
request is answered, withdrawn or out of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.approvals import ApprovalState
from bot.domain.measures import format_change, format_measure
from bot.domain.remedies import ExecutionState
from bot.domain.verifications import VerificationState
from bot.rendering.blocks import actions, button, confirm, context, header, joined, message, section
from bot.rendering.buttons import BREAK_GLASS, UNDO_ACTION, ActionWord, ApprovalButton
from bot.rendering.dates import age, moment, span, utc
from bot.rendering.escaping import bold, code, mrkdwn
from bot.rendering.findings import finding_line
from bot.rendering.freezes import frozen_line
from bot.rendering.people import all_called, person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.approvals import Approval
    from bot.domain.remedies import Change, Execution, Plan
    from bot.domain.verifications import Verification
    from bot.domain.watching import Watching
    from bot.ports.notifier import Block, RenderedMessage
    from bot.rendering.views import ApprovalView

_CHANGES: Final = 10
_EVIDENCE: Final = 3
_NOTES: Final = 10
_ALERTS: Final = 3
_DIGEST_SHOWN: Final = 12
_DONE: Final = {
    ExecutionState.INTENDED: "🔧 About to be done",
    ExecutionState.APPLIED: "🔧 Applied, being watched",
    ExecutionState.SUCCEEDED: "✅ Rolled out",
    ExecutionState.NO_EFFECT: "⚠️ Done, without the wanted effect",
    ExecutionState.FAILED: "❌ Failed",
    ExecutionState.NEEDS_HUMAN: "🆘 A human has to look",
    ExecutionState.REHEARSED: "🧪 Only tried, as this is a drill",
}
_AFTER_GRANT: Final = {
    ExecutionState.INTENDED: "✅ Approved",
    ExecutionState.APPLIED: "🔧 Applied",
    ExecutionState.SUCCEEDED: "✅ Done",
    ExecutionState.NO_EFFECT: "⚠️ No effect",
    ExecutionState.FAILED: "❌ Failed",
    ExecutionState.NEEDS_HUMAN: "🆘 Needs a human",
    ExecutionState.REHEARSED: "🧪 Tried",
}
_VERDICTS: Final = {
    VerificationState.FIXED: "✅ *Fixed after {took}*",
    VerificationState.NO_EFFECT: "⚠️ *No effect after {took}*",
    VerificationState.CANNOT_TELL: "❔ *Cannot tell after {took}* whether it helped",
}
_HEADS: Final = {
    ApprovalState.REQUESTED: "✋ Approval needed",
    ApprovalState.GRANTED: "✅ Approved",
    ApprovalState.DENIED: "⛔ Denied",
    ApprovalState.EXPIRED: "⌛ Expired",
    ApprovalState.WITHDRAWN: "↪️ Withdrawn",
    ApprovalState.SUPERSEDED: "↪️ Superseded",
}


def change_words(plan: Plan) -> str:
    """`replicas 3 → 6`, raw: what would change, named by the last word of its field."""
    shown = [f"{change.field.rpartition('.')[2]} {change.before} → {change.after}" for change in plan.changes]
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")  # noqa: PLR2004 - three


def plan_words(plan: Plan) -> str:
    """`scale shop-api, replicas 3 → 6`, raw."""
    change = change_words(plan)
    return f"{plan.action.value} {plan.target.name}{f', {change}' if change else ''}"


def watching_words(watching: Watching) -> str:
    """`p95 latency (bad above 1 s) and the alert HighAPILatency, for 10 min`, raw."""
    metric, names = watching.metric, list(dict.fromkeys(alert.name for alert in watching.alerts))
    if not watching.can_tell:
        return "nothing: no alert and no metric with a threshold tells whether it helps"
    parts = []
    if metric is not None:
        limit = metric.threshold
        bad = "" if limit is None else f" (bad {metric.worse.value} {format_measure(limit, metric.unit)})"
        parts.append(f"{metric.title or metric.name}{bad}")
    if names:
        more = f" and {len(names) - _ALERTS} more" if len(names) > _ALERTS else ""
        parts.append(f"the alert{'s' if names[1:] else ''} {', '.join(names[:_ALERTS])}{more}")
    return f"{' and '.join(parts)}, for {span(watching.within)}"


def approval_message(view: ApprovalView) -> RenderedMessage:
    """The request with its buttons while it waits, else its outcome. Approvers are called while it waits."""
    approval = view.approval
    waits = approval.state is ApprovalState.REQUESTED and approval.expires_at > view.now
    blocks = [header(f"{_head(view)}: {plan_words(approval.plan)}")]
    if not waits:
        blocks.append(section(_outcome(view)))
    else:
        blocks.append(section(_asking(view)))
    blocks += _plan_blocks(view)
    if waits and view.frozen is not None:
        blocks.append(section(f"{frozen_line(view.frozen)}. It cannot be approved before that is over."))
    if waits:
        blocks += _buttons(view)
    elif view.may_be_undone:
        blocks += actions([undo_button(view.approval)])
    blocks.append(_footer(view, waits=waits))
    return message(_story(view, waits=waits), blocks)


def _head(view: ApprovalView) -> str:
    if view.approval.state is ApprovalState.GRANTED and view.execution is not None:
        return _AFTER_GRANT[view.execution.state]
    return _HEADS[view.approval.state]


def _asking(view: ApprovalView) -> str:
    """Whom it waits for: the approvers, how many of them, who has agreed already."""
    rule, votes = view.rule, view.approval.votes
    if not rule.approvers:
        return "⚠️ Nobody is named as an approver of this."
    words = f"{all_called(rule.approvers)}: please approve or deny."
    if rule.approvals > 1:
        agreed = f" ({', '.join(person(vote.by) for vote in votes)})" if votes else ""
        words += f" *{len(votes)} of {rule.approvals} approvals*{agreed}."
    if view.may_break_glass:
        asker = person(view.approval.requester)
        words += f"\n🚨 Nobody has answered: {asker} may break the glass and approve alone."
    return words


def _story(view: ApprovalView, *, waits: bool) -> str:
    approval = view.approval
    words = f"{_head(view)}: {mrkdwn(plan_words(approval.plan), 600)}"
    if waits:
        calls = f"{all_called(view.rule.approvers)} " if view.rule.approvers else ""
        why = f": {mrkdwn(approval.reason, 400)}" if approval.reason.strip() else ""
        return (
            f"{calls}{words} on {mrkdwn(str(approval.plan.target), 300)}, asked by "
            f"{person(approval.requester)}{why}. Until {utc(approval.expires_at, view.now)}."
        )
    outcome = ". ".join(_outcome(view).splitlines())
    return f"{words}. {outcome}"


def _plan_blocks(view: ApprovalView) -> list[Block]:
    approval, plan = view.approval, view.approval.plan
    rows = [f"{bold(plan.action.value, 40)} {code(str(plan.target), 300)}", *_change_rows(plan.changes)]
    why = mrkdwn(approval.reason, 500) if approval.reason.strip() else "no reason given"
    rows.append(f"Asked by {person(approval.requester)}: {why}")
    blocks = [section(joined(rows))]
    if view.evidence or view.cause:
        lines = [mrkdwn(view.cause, 400)] if view.cause else []
        lines += [
            f"{code(one.check, 60)} {finding_line(one, now=view.now, limit=250)}"
            for one in view.evidence[:_EVIDENCE]
        ]
        blocks.append(section(joined(["*What was found*", *lines])))
    if plan.warnings:
        blocks.append(section(joined(_listed("⚠️", plan.warnings))))
    if plan.notes:
        blocks.append(section(joined(_listed("•", plan.notes))))
    watched = watching_words(view.watching) if view.watching else ""
    after = [
        f"*{word}* {mrkdwn(text, 500)}"
        for word, text in (
            ("Verified by:", plan.verification),
            ("Watched afterwards:", watched),
            ("Undo:", plan.undo),
        )
        if text.strip()
    ]
    return [*blocks, section("\n".join(after))] if after else blocks


def _change_rows(changes: Sequence[Change]) -> list[str]:
    rows = [
        f"{code(change.field, 120)}  {bold(change.before, 200)} → {bold(change.after, 200)}"
        for change in changes[:_CHANGES]
    ]
    rest = len(changes) - _CHANGES
    return [*rows, f"⚠️ and {rest} more changes"] if rest > 0 else rows


def _listed(mark: str, texts: Sequence[str]) -> list[str]:
    rows = [f"{mark} {mrkdwn(text, 280)}" for text in texts[:_NOTES]]
    rest = len(texts) - _NOTES
    return [*rows, f"{mark} and {rest} more"] if rest > 0 else rows


def _buttons(view: ApprovalView) -> tuple[Block, ...]:
    approval = view.approval
    value = ApprovalButton(approval_id=approval.id, digest=approval.digest)
    sure = confirm(
        "Approve this?",
        f"{plan_words(approval.plan)[:200]}. It is done at once.",
        yes="Approve",
    )
    return actions(
        [
            button(ActionWord.APPROVE, "Approve", value, style="primary", confirm=sure)
            if view.frozen is None
            else None,
            button(ActionWord.DENY, "Deny or withdraw…", value, style="danger"),
            button(ActionWord.APPROVE, "🚨 Break glass…", value, suffix=BREAK_GLASS)
            if view.may_break_glass and view.frozen is None
            else None,
        ]
    )


def undo_button(approval: Approval) -> Block | None:
    """Asks for the change to be taken back; that is approved like any other."""
    back = [f"{one.field.rpartition('.')[2]} {one.after} → {one.before}" for one in approval.plan.changes[:3]]
    sure = confirm(
        "Ask to undo this?",
        f"{approval.plan.target.name}, {', '.join(back)}"[:250] + ". It is approved like any action.",
        yes="Ask",
    )
    value = ApprovalButton(approval_id=approval.id, digest=approval.digest)
    return button(ActionWord.UNDO, "↩️ Undo", value, suffix=UNDO_ACTION, confirm=sure)


def _outcome(view: ApprovalView) -> str:
    approval = view.approval
    at = f" {moment(approval.decided_at)}" if approval.decided_at else ""
    why = f": {mrkdwn(approval.decision_reason, 400)}" if approval.decision_reason.strip() else ""
    who = f" by {person(approval.decided_by)}" if approval.decided_by else ""
    if approval.state is ApprovalState.REQUESTED:
        return f"*Out of time* since {moment(approval.expires_at)}; nothing was done."
    if approval.state is ApprovalState.GRANTED:
        lines = [f"{_granted(approval)}{at}{why}", _execution(view.execution), _watched(view.verification)]
        return "\n".join(line for line in lines if line)
    word = approval.state.value.capitalize()
    return f"*{word}{who}*{at}{why}. Nothing was done."


def _watched(verification: Verification | None) -> str:
    """Whether it helped, as far as that is known; empty where nothing is watched."""
    if verification is None or verification.state is VerificationState.NOT_WATCHED:
        return ""
    metric = verification.metric
    numbers = ""
    if metric is not None and verification.after is not None:
        change = format_change(verification.before, verification.after, metric.unit)
        numbers = f": {mrkdwn(metric.title or metric.name, 80)} {mrkdwn(change, 120)}"
    if verification.state is VerificationState.WATCHING:
        return f"👁 Watching until {moment(verification.until)}{numbers}"
    took = span((verification.ended_at or verification.until) - verification.began_at)
    return f"{_VERDICTS[verification.state].format(took=took)}{numbers}"


def _granted(approval: Approval) -> str:
    if approval.without_approval:
        return "*No approval needed*, says the policy,"
    if approval.broke_glass:
        return f"🚨 *Break glass: {person(approval.decided_by)} approved their own request alone*"
    people = [person(vote.by) for vote in approval.votes] or [person(approval.decided_by)]
    return f"*Approved by {' and '.join(people)}*"


def _execution(execution: Execution | None) -> str:
    if execution is None:
        return "🔧 Waits to be done"
    outcome = f": {mrkdwn(execution.outcome, 800)}" if execution.outcome.strip() else ""
    return f"{_DONE[execution.state]}{outcome} · {moment(execution.updated_at)}"


def _footer(view: ApprovalView, *, waits: bool) -> Block:
    approval = view.approval
    parts = [f"#{view.incident.id} {mrkdwn(view.incident.title, 100)}"] if view.incident else []
    parts.append(bold(approval.plan.service, 100))
    if waits:
        parts.append(f"expires {moment(approval.expires_at)} ({age(approval.expires_at, view.now)})")
    parts.append(f"plan {code(approval.digest[:_DIGEST_SHOWN], 20)}")
    if view.audit.number:
        parts.append(f"audit {code(view.audit.short, 40)}")
    return context(" · ".join(parts))
