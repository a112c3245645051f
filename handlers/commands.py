"""Slash commands, one for each service: `/shop status`, `/shop ack 12`, `/shop scale 6 more traffic`.

Called by `handlers.slack_app` with requests whose signature is verified. Everything is acknowledged at once;
the answer follows privately. Slash commands do not work in threads, so answers appear in the channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.domain.access import Role
from bot.domain.actors import user
from bot.domain.commands import (
    AcknowledgeIncident,
    RequestRemediation,
    ResolveIncident,
    SilenceIncident,
    SwitchActions,
)
from bot.domain.durations import DurationError, parse_duration
from bot.domain.remedies import RemediationRequest
from bot.rendering.answers import (
    alerts_answer,
    error_answer,
    help_answer,
    incidents_answer,
    no_runbook_answer,
    outcome_answer,
    runbook_answer,
    status_answer,
    unknown_word_answer,
    which_incident_answer,
)
from bot.rendering.findings import finding_message
from bot.rendering.jobs import jobs_answer
from bot.rendering.views import FindingView, OpenIncidentLine
from handlers.action_words import ACTION_WORDS, ActionWordsError, read_action
from handlers.answering import Asker
from handlers.check_words import CHECK_WORDS, CheckWordsError, read_arguments
from handlers.command_words import (
    WORDS,
    Typed,
    Unknown,
    read_command,
    read_incident,
    read_reason,
)
from handlers.services import target_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.domain.incidents import Incident
    from bot.domain.services import WatchedService
    from bot.ports.clock import Clock
    from bot.ports.notifier import RenderedMessage
    from handlers.answering import Answers
    from handlers.authorizing import Gate
    from handlers.engines import Engines
    from handlers.services import Services
    from handlers.working import Work

AUDITED = frozenset({*ACTION_WORDS, "freeze", "unfreeze"})
BUSY = "Lightship has too much to do at the moment. Try again in a minute."


class CommandDoor:
    """Takes slash commands."""

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

    def take(self, form: Mapping[str, Any]) -> str:
        """Begin the work on a command; the words to acknowledge it with, mostly none."""
        asker = Asker(
            user=str(form.get("user_id", "")),
            team=str(form.get("team_id", "")),
            channel=str(form.get("channel_id", "")),
            response_url=str(form.get("response_url", "")),
        )
        service = self._services.by_command(str(form.get("command", "")))
        if service is None:
            known = ", ".join(self._services.commands) or "none"
            return f"No service has this command. Configured are: {known}."
        text = str(form.get("text") or "")
        started = self._work.start(
            "command",
            lambda: self._answer(service, asker, text),
            lambda words: self._answers.complain(asker, words),
        )
        return "" if started else BUSY

    async def _answer(self, service: WatchedService, asker: Asker, text: str) -> None:
        read = read_command(text)
        role = read.word.role if isinstance(read, Typed) else Role.VIEWER
        admission = await self._gate.admit(service, role, user=asker.user, channel=asker.channel)
        if not admission.allowed:
            if isinstance(read, Typed) and read.word.word in AUDITED:
                actor, word = user(asker.user, team=asker.team), read.word.word
                why = admission.reason.value
                await self._engines.recording.press_refused(service.name, actor, word, why, None)
            await self._answers.refuse(asker, admission.sentence)
            return
        match read:
            case Unknown():
                answer = unknown_word_answer(service.command, read.word, read.nearest)
            case Typed():
                answer = await self._do(service, asker, read)
        await self._answers.tell(asker, answer)

    async def _do(self, service: WatchedService, asker: Asker, typed: Typed) -> RenderedMessage:
        doers: dict[str, Callable[[WatchedService, Asker, Typed], Awaitable[RenderedMessage]]] = {
            "help": self._help,
            "status": self._status,
            **dict.fromkeys(CHECK_WORDS, self._look),
            "jobs": self._jobs,
            "alerts": self._alerts,
            "incidents": self._incidents,
            "runbook": self._runbook,
            "ack": self._ack,
            "resolve": self._resolve,
            "silence": self._silence,
            **dict.fromkeys(ACTION_WORDS, self._remedy),
            "freeze": self._freeze,
            "unfreeze": self._freeze,
        }
        return await doers[typed.word.word](service, asker, typed)

    async def _help(self, service: WatchedService, _asker: Asker, _typed: Typed) -> RenderedMessage:
        return help_answer(service.command, [(word.usage, word.does) for word in WORDS])

    async def _status(self, service: WatchedService, _asker: Asker, _typed: Typed) -> RenderedMessage:
        return status_answer(await self._engines.reporting.status(service.name))

    async def _look(self, service: WatchedService, _asker: Asker, typed: Typed) -> RenderedMessage:
        try:
            arguments = read_arguments(typed.word.word, typed.arguments)
        except CheckWordsError as error:
            return error_answer(str(error))
        finding = await self._engines.diagnosing.look(service.name, typed.word.word, arguments)
        return finding_message(FindingView(finding=finding, incident_id=None, now=self._clock.now()))

    async def _jobs(self, service: WatchedService, asker: Asker, typed: Typed) -> RenderedMessage:
        jobs = await self._engines.jobs.of(service.name)
        if typed.arguments or not jobs:
            return await self._look(service, asker, typed)
        finding = await self._engines.diagnosing.look(service.name, "jobs", {}) if service.cronjob else None
        return jobs_answer(jobs, finding, now=self._clock.now())

    async def _alerts(self, service: WatchedService, _asker: Asker, _typed: Typed) -> RenderedMessage:
        return alerts_answer(await self._engines.reporting.alerts(service.name))

    async def _incidents(self, service: WatchedService, _asker: Asker, _typed: Typed) -> RenderedMessage:
        return incidents_answer(await self._engines.reporting.incidents(service.name))

    async def _runbook(self, service: WatchedService, _asker: Asker, typed: Typed) -> RenderedMessage:
        names = self._engines.runbooks.names()
        open_ones = await self._engines.recording.unresolved(service.name)
        if typed.arguments:
            wanted = typed.arguments[0].casefold()
            name = next((known for known in names if known.casefold() == wanted), "")
            incident = next((one for one in open_ones if one.runbook == name), None)
        else:
            incident = open_ones[0] if len(open_ones) == 1 else None
            name = (incident.runbook if incident else None) or ""
        number = incident.id if incident else None
        view = await self._engines.reporting.runbook(service.name, name, number) if name else None
        if view is None:
            return no_runbook_answer(service.command, names)
        return runbook_answer(view, incident_id=number, now=self._clock.now())

    async def _ack(self, service: WatchedService, asker: Asker, typed: Typed) -> RenderedMessage:
        incident = await self._meant(service, "ack", typed.arguments[0] if typed.arguments else "")
        if not isinstance(incident, int):
            return incident
        command = AcknowledgeIncident(incident_id=incident, actor=user(asker.user, team=asker.team))
        return outcome_answer(await self._engines.responding.acknowledge(command))

    async def _resolve(self, service: WatchedService, asker: Asker, typed: Typed) -> RenderedMessage:
        incident = await self._meant(service, "resolve", typed.arguments[0] if typed.arguments else "")
        if not isinstance(incident, int):
            return incident
        command = ResolveIncident(incident_id=incident, actor=user(asker.user, team=asker.team))
        return outcome_answer(await self._engines.responding.resolve(command))

    async def _silence(self, service: WatchedService, asker: Asker, typed: Typed) -> RenderedMessage:
        if not typed.arguments:
            return error_answer("For how long? Write it like `silence 2h deploying`.")
        try:
            duration = parse_duration(typed.arguments[0])
        except DurationError as error:
            return error_answer(str(error))
        rest = typed.arguments[1:]
        named = rest[0] if rest and await self._names_incident(service, rest[0]) else ""
        incident = await self._meant(service, f"silence {typed.arguments[0]}", named)
        if not isinstance(incident, int):
            return incident
        command = SilenceIncident(
            incident_id=incident,
            duration=duration,
            reason=read_reason(rest[1:] if named else rest),
            actor=user(asker.user, team=asker.team),
        )
        return outcome_answer(await self._engines.silencing.silence(command))

    async def _remedy(self, service: WatchedService, asker: Asker, typed: Typed) -> RenderedMessage:
        action = ACTION_WORDS[typed.word.word]
        try:
            arguments, reason = read_action(action, typed.arguments)
        except ActionWordsError as error:
            return error_answer(str(error))
        target = target_of(service, action, arguments)
        if isinstance(target, str):
            return error_answer(target)
        open_ones = await self._engines.recording.unresolved(service.name)
        request = RemediationRequest(
            action=action,
            service=service.name,
            target=target,
            arguments=arguments,
            incident_id=open_ones[0].id if len(open_ones) == 1 else None,
            reason=reason,
        )
        command = RequestRemediation(request=request, actor=user(asker.user, team=asker.team))
        return outcome_answer(await self._engines.approving.request(command))

    async def _freeze(self, service: WatchedService, asker: Asker, typed: Typed) -> RenderedMessage:
        command = SwitchActions(
            service=service.name,
            actor=user(asker.user, team=asker.team),
            reason=read_reason(typed.arguments),
        )
        freezing = self._engines.freezing
        switch = freezing.freeze if typed.word.word == "freeze" else freezing.unfreeze
        return outcome_answer(await switch(command))

    async def _names_incident(self, service: WatchedService, text: str) -> bool:
        """Whether the first word of a reason is an incident: `#12` always, a bare number if it is open."""
        number = read_incident(text)
        if number is None or text.startswith("#"):
            return number is not None
        return any(one.id == number for one in await self._engines.recording.unresolved(service.name))

    async def _meant(self, service: WatchedService, word: str, named: str) -> int | RenderedMessage:
        """The number of the incident that is meant, or the answer that asks which."""
        if named:
            number = read_incident(named)
            incident = await self._engines.recording.incident(number) if number is not None else None
            if incident is None or incident.key.service != service.name:
                return error_answer(f"{service.name} has no incident {named}.")
            return incident.id
        open_ones = await self._engines.recording.unresolved(service.name)
        if len(open_ones) == 1:
            return open_ones[0].id
        return which_incident_answer(service.command, word, [_line(one) for one in open_ones])


def _line(incident: Incident) -> OpenIncidentLine:
    return OpenIncidentLine(id=incident.id, title=incident.title, severity=incident.severity)
