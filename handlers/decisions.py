"""Who may answer a request for approval, and the forms for it; shared by presses and submissions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain.access import Role
from bot.domain.approvals import ApprovalState, DecisionWord
from bot.rendering.approvals import plan_words
from bot.rendering.buttons import BREAK_GLASS, ActionWord
from bot.rendering.forms import FormTarget
from bot.rendering.modals import deny_modal, glass_modal
from handlers.waiting_views import closing_view

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from bot.domain.services import WatchedService
    from bot.rendering.buttons import Press
    from bot.rendering.modals import View
    from handlers.answering import Asker
    from handlers.authorizing import Admission, Gate


def decision_word(press: Press) -> DecisionWord:
    """What a press on approve, deny or break glass says."""
    if press.word is ActionWord.DENY:
        return DecisionWord.DENY
    return DecisionWord.BREAK_GLASS if press.suffix == BREAK_GLASS else DecisionWord.APPROVE


async def admit_decision(
    gate: Gate, service: WatchedService, approval: Approval, word: DecisionWord, asker: Asker
) -> Admission:
    """Whether somebody may answer: approvers of that action; whoever asked may withdraw or break the glass.

    Whether the glass may be broken is for the engine to say.
    """
    own = approval.requester.id == asker.user
    role = Role.RESPONDER if own and word is not DecisionWord.APPROVE else Role.APPROVER
    rule = service.approval.of(approval.plan.action, approval.plan.target)
    policy = replace(service.policy, approvers=rule.approvers)
    if role is Role.RESPONDER:
        policy = replace(policy, approvers=(*service.policy.approvers, *rule.approvers))
    return await gate.admit(replace(service, policy=policy), role, user=asker.user, channel=asker.channel)


def decision_form(press: Press, approval: Approval, *, channel: str) -> View:
    """The form that asks for the reason, or the sentence that it is too late."""
    glass = decision_word(press) is DecisionWord.BREAK_GLASS
    if approval.state is not ApprovalState.REQUESTED:
        words = f"This request is {approval.state.value} already; nothing was done."
        return closing_view("Break glass" if glass else "Deny", words)
    target = FormTarget(
        service=approval.plan.service,
        channel=channel,
        incident_id=approval.incident_id,
        approval_id=approval.id,
        digest=approval.digest,
    )
    draw = glass_modal if glass else deny_modal
    return draw(target, plan=plan_words(approval.plan))
