"""Presses on buttons. Called by `handlers.slack_app` with requests whose signature is verified.

Every press is acknowledged at once. Where it opens a modal, a waiting one is opened first, because Slack's
trigger lives three seconds and nothing else may be waited for in that time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from bot.domain.access import Role
from bot.domain.actors import user
from bot.domain.approvals import ApprovalState, DecisionWord, undo_of
from bot.domain.commands import (
    AcknowledgeIncident,
    DecideApproval,
    LiftSilence,
    RequestRemediation,
    ResolveIncident,
    RunChecks,
)
from bot.domain.errors import LightshipError
from bot.rendering.answers import error_answer, runbook_answer, timeline_answer
from bot.rendering.buttons import (
    BREAK_GLASS,
    UNDO_SILENCE,
    ActionWord,
    ApprovalButton,
    ButtonRefusal,
    CheckButton,
    RemediationButton,
    RunbookButton,
)
from bot.rendering.forms import FormTarget
from bot.rendering.modals import silence_modal
from handlers.decisions import admit_decision, decision_form, decision_word
from handlers.presses import NOT_ITS_MESSAGE, Pressed, Stray, Subject, find_subject, read_pressed
from handlers.remedies import remedy_form
from handlers.waiting_views import closing_view, waiting_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.incidents import Incident
    from bot.ports.clock import Clock
    from bot.rendering.buttons import Press
    from bot.rendering.modals import View
    from handlers.answering import Answers, Asker
    from handlers.authorizing import Gate
    from handlers.engines import Engines
    from handlers.services import Services
    from handlers.working import Work

ROLES: Final = {
    ActionWord.ACKNOWLEDGE: Role.RESPONDER,
    ActionWord.RESOLVE: Role.RESPONDER,
    ActionWord.SILENCE: Role.RESPONDER,
    ActionWord.UNDO: Role.RESPONDER,
    ActionWord.REQUEST_REMEDIATION: Role.RESPONDER,
    ActionWord.RUN_CHECK: Role.VIEWER,
    ActionWord.RUN_ALL_CHECKS: Role.VIEWER,
    ActionWord.TIMELINE: Role.VIEWER,
    ActionWord.OPEN: Role.VIEWER,
    ActionWord.RUNBOOK: Role.VIEWER,
    ActionWord.APPROVE: Role.APPROVER,
    ActionWord.DENY: Role.APPROVER,
}
OPENING: Final = {
    ActionWord.SILENCE: "Silence",
    ActionWord.REQUEST_REMEDIATION: "Ask for approval",
    ActionWord.DENY: "Deny",
}
"""The words whose press opens a modal, with its title."""

READING: Final = frozenset(
    {
        ActionWord.RUN_CHECK,
        ActionWord.RUN_ALL_CHECKS,
        ActionWord.TIMELINE,
        ActionWord.RUNBOOK,
        ActionWord.OPEN,
    }
)
"""The words that change nothing. A refused press of any other, also of one that is none, is kept."""

_CANNOT_UNDO: Final = "This version of Lightship cannot undo that."
_LOOK_WITHIN: Final = 3.0


class ActionDoor:
    """Takes presses."""

    def __init__(
        self,
        *,
        engines: Engines,
        services: Services,
        gate: Gate,
        answers: Answers,
        work: Work,
        clock: Clock,
    ) -> None:
        self._engines = engines
        self._services = services
        self._gate = gate
        self._answers = answers
        self._work = work
        self._clock = clock

    def take(self, payload: Mapping[str, Any]) -> bool:
        """Begin the work on a press; False where there is no room for it. Returns at once."""
        pressed = read_pressed(payload)

        async def complain(words: str) -> None:
            await self._answers.complain(pressed.asker, words)

        return self._work.start("action", lambda: self._answer(pressed), complain)

    async def _answer(self, pressed: Pressed) -> None:
        press = pressed.press
        if isinstance(press, ButtonRefusal):
            await self._keep(pressed, Stray(why=press.reason.value, sentence=press.sentence))
            await self._answers.refuse(pressed.asker, press.sentence)
            return
        view_id = ""
        title = _title(press)
        if title:
            view_id = await self._answers.chat.open_view(
                trigger_id=pressed.trigger_id, view=waiting_view(title)
            )
        try:
            subject = await self._admitted(pressed, press)
            if isinstance(subject, str):
                await self._refuse(pressed.asker, press, view_id, subject)
            else:
                await self._do(pressed, press, subject, view_id)
        except (LightshipError, TimeoutError) as error:
            if not view_id:
                raise
            await self._answers.chat.update_view(
                view_id=view_id, view=closing_view(title, f"That did not work: {error}")
            )

    async def _admitted(self, pressed: Pressed, press: Press) -> Subject | str:
        """What the press is about, if this person may do it; else the sentence that says why not."""
        asker = pressed.asker
        subject = await find_subject(
            pressed, press, recording=self._engines.recording, services=self._services
        )
        if isinstance(subject, Stray):
            await self._keep(pressed, subject)
            return subject.sentence
        if subject.approval is not None and press.word is not ActionWord.UNDO:
            word = decision_word(press)
            admission = await admit_decision(self._gate, subject.service, subject.approval, word, asker)
        else:
            role = ROLES[press.word]
            admission = await self._gate.admit(subject.service, role, user=asker.user, channel=asker.channel)
        if admission.allowed:
            return subject
        await self._keep_of(pressed, subject, admission.reason.value, admission.sentence)
        return admission.sentence

    async def _keep(self, pressed: Pressed, stray: Stray) -> None:
        """Keep a press that counted for nothing, where it would have changed the world."""
        if pressed.word not in READING:
            actor = user(pressed.asker.user, team=pressed.asker.team)
            await self._engines.recording.press_refused(
                stray.service, actor, pressed.word, stray.why, stray.incident_id
            )

    async def _keep_of(self, pressed: Pressed, subject: Subject, why: str, sentence: str) -> None:
        """As `_keep`, where it is known what the press was about."""
        number = subject.incident.id if subject.incident else None
        stray = Stray(why=why, sentence=sentence, service=subject.service.name, incident_id=number)
        await self._keep(pressed, stray)

    async def _refuse(self, asker: Asker, press: Press, view_id: str, sentence: str) -> None:
        if view_id:
            await self._answers.chat.update_view(view_id=view_id, view=closing_view(_title(press), sentence))
        else:
            await self._answers.refuse(asker, sentence)

    async def _do(self, pressed: Pressed, press: Press, subject: Subject, view_id: str) -> None:
        if view_id:
            view = await self._form(pressed, press, subject)
            await self._answers.chat.update_view(view_id=view_id, view=view)
        elif isinstance(press.value, ApprovalButton) and press.word is ActionWord.UNDO:
            await self._undo(pressed, press.value, subject)
        elif isinstance(press.value, ApprovalButton):
            await self._approve(pressed.asker, press.value)
        elif subject.incident is not None:
            await self._act(pressed, press, subject, subject.incident)

    async def _approve(self, asker: Asker, value: ApprovalButton) -> None:
        command = DecideApproval(
            approval_id=value.approval_id,
            digest=value.digest,
            word=DecisionWord.APPROVE,
            actor=user(asker.user, team=asker.team),
        )
        await self._answers.outcome(asker, await self._engines.deciding.decide(command))

    async def _undo(self, pressed: Pressed, value: ApprovalButton, subject: Subject) -> None:
        """Ask for a change to be taken back; it is planned and approved as any other."""
        approval, asker = subject.approval, pressed.asker
        if approval is None or value.digest != approval.digest:
            await self._keep_of(pressed, subject, "digest_differs", NOT_ITS_MESSAGE)
            await self._answers.refuse(asker, NOT_ITS_MESSAGE)
            return
        command = RequestRemediation(request=undo_of(approval), actor=user(asker.user, team=asker.team))
        await self._answers.outcome(asker, await self._engines.approving.request(command))

    async def _act(self, pressed: Pressed, press: Press, subject: Subject, incident: Incident) -> None:
        asker = pressed.asker
        actor = user(asker.user, team=asker.team)
        engines, number = self._engines, incident.id
        match press.word:
            case ActionWord.ACKNOWLEDGE:
                command = AcknowledgeIncident(incident_id=number, actor=actor)
                outcome = await engines.responding.acknowledge(command)
            case ActionWord.RESOLVE:
                outcome = await engines.responding.resolve(ResolveIncident(incident_id=number, actor=actor))
            case ActionWord.UNDO if press.suffix == UNDO_SILENCE:
                outcome = await engines.silencing.lift(LiftSilence(incident_id=number, actor=actor))
            case ActionWord.OPEN:
                outcome = await engines.gathering.open(number)
            case ActionWord.RUN_CHECK | ActionWord.RUN_ALL_CHECKS:
                checks = (press.value.check,) if isinstance(press.value, CheckButton) else ()
                command_to_check = RunChecks(incident_id=number, checks=checks, actor=actor)
                outcome = await engines.diagnosing.run(command_to_check)
            case ActionWord.UNDO:
                await self._keep_of(pressed, subject, "cannot_undo", _CANNOT_UNDO)
                await self._answers.refuse(asker, _CANNOT_UNDO)
                return
            case _:
                await self._show(asker, press, subject, number)
                return
        await self._answers.outcome(asker, outcome)

    async def _show(self, asker: Asker, press: Press, subject: Subject, number: int) -> None:
        """The presses that only show something, privately."""
        reporting = self._engines.reporting
        answer = error_answer(f"There is no incident #{number}.")
        if press.word is ActionWord.TIMELINE:
            timeline = await reporting.timeline(number)
            if timeline is not None:
                answer = timeline_answer(timeline)
                await self._engines.timelines.post(number)
        elif isinstance(press.value, RunbookButton):
            name = press.value.runbook
            runbook = await reporting.runbook(subject.service.name, name, number)
            answer = error_answer(f"There is no runbook {name} any more.")
            if runbook is not None:
                answer = runbook_answer(runbook, incident_id=number, now=self._clock.now())
        await self._answers.tell(asker, answer)

    async def _form(self, pressed: Pressed, press: Press, subject: Subject) -> View:
        incident = subject.incident
        if subject.approval is not None:
            if subject.approval.state is not ApprovalState.REQUESTED:
                await self._keep_of(pressed, subject, "already_decided", "")
            return decision_form(press, subject.approval, channel=pressed.asker.channel)
        target = FormTarget(
            service=subject.service.name,
            channel=pressed.asker.channel,
            incident_id=incident.id if incident else None,
            remediation=press.value.remediation if isinstance(press.value, RemediationButton) else "",
        )
        if press.word is ActionWord.SILENCE:
            return silence_modal(target, title=incident.title if incident else "")
        view = await self._remediation_form(target, subject)
        if isinstance(view, str):
            await self._keep_of(pressed, subject, "not_possible", view)
            return closing_view(OPENING[press.word], view)
        return view

    async def _remediation_form(self, target: FormTarget, subject: Subject) -> View | str:
        """The form, or why there is none any more, as where the runbook was changed since it was drawn."""
        runbook = self._engines.runbooks.get((subject.incident.runbook if subject.incident else "") or "")
        remediation = runbook.remediation(target.remediation) if runbook else None
        if remediation is None:
            return f"The runbook has no remediation {target.remediation} any more."
        about = subject.incident.title if subject.incident else ""
        service = subject.service
        return await remedy_form(
            target, remediation, service, about=about, present=lambda: self._present(service.name)
        )

    async def _present(self, service: str) -> int | None:
        """How many replicas are wanted now; None where the cluster does not say so soon."""
        try:
            async with asyncio.timeout(_LOOK_WITHIN):
                finding = await self._engines.diagnosing.look(service, "pods", {})
        except (LightshipError, TimeoutError):
            return None
        desired = finding.facts.get("desired")
        return desired if isinstance(desired, int) else None


def _title(press: Press) -> str:
    """The title of the modal that a press opens; empty where it opens none."""
    if press.word is ActionWord.APPROVE and press.suffix == BREAK_GLASS:
        return "Break glass"
    return OPENING.get(press.word, "")
