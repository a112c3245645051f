"""Submitted modals. Called by `handlers.slack_app` with requests whose signature is verified.

Faults in a field are answered in the acknowledgement, so that they show beside the field; everything else is
done after it, and told privately in the channel that the modal was opened from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.domain.access import Role
from bot.domain.actors import user
from bot.domain.approvals import DecisionWord
from bot.domain.commands import DecideApproval, Outcome, RequestRemediation, SilenceIncident
from bot.domain.remedies import Action, RemediationRequest
from bot.rendering.forms import (
    DenyForm,
    FieldFaults,
    FormRefusal,
    GlassForm,
    ScaleForm,
    SilenceForm,
    read_form,
)
from bot.rendering.remedy_forms import RemedyForm
from handlers.answering import Asker
from handlers.decisions import admit_decision
from handlers.services import target_of
from handlers.waiting_views import closing_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.services import WatchedService
    from bot.rendering.forms import Form, FormTarget
    from handlers.answering import Answers
    from handlers.authorizing import Admission, Gate
    from handlers.engines import Engines
    from handlers.services import Services
    from handlers.working import Work

BUSY = "Lightship has too much to do at the moment. Submit again in a minute."


class ViewDoor:
    """Takes submissions."""

    def __init__(
        self, *, engines: Engines, services: Services, gate: Gate, answers: Answers, work: Work
    ) -> None:
        self._engines = engines
        self._services = services
        self._gate = gate
        self._answers = answers
        self._work = work

    def take(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Begin the work on a submission; the arguments to acknowledge it with, none to close the modal."""
        view = payload.get("view")
        person = payload.get("user")
        if not isinstance(view, dict) or not isinstance(person, dict):
            return {}
        form = read_form(view)
        if isinstance(form, FieldFaults):
            return {"response_action": "errors", "errors": dict(form.errors)}
        if isinstance(form, FormRefusal):
            return {"response_action": "update", "view": closing_view("Lightship", form.sentence)}
        asker = Asker(
            user=str(person.get("id", "")), team=str(person.get("team_id", "")), channel=form.target.channel
        )
        started = self._work.start(
            "view",
            lambda: self._answer(asker, form),
            lambda words: self._answers.complain(asker, words),
        )
        return {} if started else {"response_action": "update", "view": closing_view("Lightship", BUSY)}

    async def _answer(self, asker: Asker, form: Form) -> None:
        service = self._services.by_name(form.target.service)
        if service is None:
            await self._refuse(asker, form, "no_service", "The service of this form is no longer configured.")
            return
        admission = await self._admission(service, asker, form)
        if not admission.allowed:
            await self._refuse(asker, form, admission.reason.value, admission.sentence)
            return
        outcome = await self._do(service, asker, form)
        if isinstance(outcome, str):
            await self._refuse(asker, form, "not_possible", outcome)
        else:
            await self._answers.outcome(asker, outcome)

    async def _refuse(self, asker: Asker, form: Form, why: str, sentence: str) -> None:
        """Keep that it counted for nothing, as with a press, and say why."""
        actor, target = user(asker.user, team=asker.team), form.target
        await self._engines.recording.press_refused(
            target.service, actor, _what(form), why, target.incident_id
        )
        await self._answers.refuse(asker, sentence)

    async def _admission(self, service: WatchedService, asker: Asker, form: Form) -> Admission:
        if isinstance(form, DenyForm | GlassForm):
            approval = await self._engines.recording.approval(form.target.approval_id)
            if approval is not None and approval.plan.service == service.name:
                return await admit_decision(self._gate, service, approval, _word(form), asker)
        role = Role.APPROVER if isinstance(form, DenyForm | GlassForm) else Role.RESPONDER
        return await self._gate.admit(service, role, user=asker.user, channel=asker.channel)

    async def _do(self, service: WatchedService, asker: Asker, form: Form) -> Outcome | str:
        actor = user(asker.user, team=asker.team)
        match form:
            case SilenceForm():
                return await self._engines.silencing.silence(
                    SilenceIncident(
                        incident_id=form.target.incident_id or 0,
                        duration=form.duration,
                        reason=form.reason,
                        actor=actor,
                    )
                )
            case ScaleForm() | RemedyForm():
                action = form.action if isinstance(form, RemedyForm) else Action.SCALE
                arguments = form.arguments if isinstance(form, RemedyForm) else {"replicas": form.replicas}
                target = target_of(service, action, arguments)
                if isinstance(target, str):
                    return target
                request = RemediationRequest(
                    action=action,
                    service=service.name,
                    target=target,
                    arguments=arguments,
                    incident_id=form.target.incident_id,
                    reason=form.reason,
                    runbook=await self._runbook_of(form.target),
                    remediation=form.target.remediation,
                )
                return await self._engines.approving.request(RequestRemediation(request=request, actor=actor))
            case DenyForm() | GlassForm():
                return await self._engines.deciding.decide(
                    DecideApproval(
                        approval_id=form.target.approval_id,
                        digest=form.target.digest,
                        word=_word(form),
                        actor=actor,
                        reason=form.reason,
                    )
                )

    async def _runbook_of(self, target: FormTarget) -> str:
        """The runbook whose remediation was pressed; its limits hold for the request too."""
        if not target.remediation or target.incident_id is None:
            return ""
        incident = await self._engines.recording.incident(target.incident_id)
        return (incident.runbook if incident else None) or ""


def _word(form: DenyForm | GlassForm) -> DecisionWord:
    return DecisionWord.DENY if isinstance(form, DenyForm) else DecisionWord.BREAK_GLASS


def _what(form: Form) -> str:
    match form:
        case SilenceForm():
            return "silence"
        case ScaleForm():
            return Action.SCALE.value
        case RemedyForm():
            return form.action.value
        case _:
            return _word(form).value
