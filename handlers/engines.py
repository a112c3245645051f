"""The engines as the doors use them: what each door may call, and nothing else. Filled by `bot.bootstrap`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.actors import Actor
    from bot.domain.approvals import Approval
    from bot.domain.commands import (
        AcknowledgeIncident,
        DecideApproval,
        LiftSilence,
        Outcome,
        RequestRemediation,
        ResolveIncident,
        RunChecks,
        SilenceIncident,
        SwitchActions,
    )
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident
    from bot.domain.messages import Message
    from bot.domain.runbooks import Argument, Runbook
    from bot.rendering.views import AlertsView, IncidentsView, JobView, RunbookView, StatusView, TimelineView


class Responding(Protocol):
    """Taking and ending incidents."""

    async def acknowledge(self, command: AcknowledgeIncident) -> Outcome:
        """Take one."""
        ...

    async def resolve(self, command: ResolveIncident) -> Outcome:
        """End one."""
        ...


class Silencing(Protocol):
    """Silences in Alertmanager."""

    async def silence(self, command: SilenceIncident) -> Outcome:
        """Make one."""
        ...

    async def lift(self, command: LiftSilence) -> Outcome:
        """End it."""
        ...


class Gathering(Protocol):
    """What a storm's digest stands for."""

    async def open(self, incident_id: int) -> Outcome:
        """Give one incident its own message."""
        ...


class Diagnosing(Protocol):
    """Checks."""

    async def run(self, command: RunChecks) -> Outcome:
        """Run an incident's; the findings go into its thread."""
        ...

    async def look(self, service: str, check: str, arguments: Mapping[str, Argument]) -> Finding:
        """Run one for a private answer."""
        ...


class Approving(Protocol):
    """Requests for approval."""

    async def request(self, command: RequestRemediation) -> Outcome:
        """Plan and ask; a refusal carries its sentence."""
        ...


class Deciding(Protocol):
    """Answers to requests."""

    async def decide(self, command: DecideApproval) -> Outcome:
        """Take an answer."""
        ...


class Freezing(Protocol):
    """The kill switch."""

    async def freeze(self, command: SwitchActions) -> Outcome:
        """Stop all actions."""
        ...

    async def unfreeze(self, command: SwitchActions) -> Outcome:
        """Let them go on."""
        ...


class Recording(Protocol):
    """The record."""

    async def incident(self, incident_id: int) -> Incident | None:
        """By number."""
        ...

    async def unresolved(self, service: str | None = None) -> tuple[Incident, ...]:
        """The open ones, worst first."""
        ...

    async def approval(self, approval_id: str) -> Approval | None:
        """By id."""
        ...

    async def by_message(self, channel: str, ts: str) -> Message | None:
        """What a message of the chat shows."""
        ...

    async def press_refused(
        self, service: str, actor: Actor, what: str, why: str, incident_id: int | None = None
    ) -> None:
        """Keep that somebody tried what they may not."""
        ...


class Reporting(Protocol):
    """What private answers show."""

    async def status(self, service: str) -> StatusView:
        """A service at a glance."""
        ...

    async def alerts(self, service: str) -> AlertsView:
        """Its firing alerts."""
        ...

    async def incidents(self, service: str) -> IncidentsView:
        """Its open incidents."""
        ...

    async def timeline(self, incident_id: int) -> TimelineView | None:
        """What happened to an incident; None where there is none."""
        ...

    async def runbook(self, service: str, name: str, incident_id: int | None) -> RunbookView | None:
        """A runbook rendered for an incident, or for none; None where there is no such runbook."""
        ...


class Jobs(Protocol):
    """What runs by the clock."""

    async def of(self, service: str) -> tuple[JobView, ...]:
        """A service's jobs with their last run, its outcome, and the next one."""
        ...


class Timelines(Protocol):
    """Timelines as files."""

    async def post(self, incident_id: int) -> bool:
        """Put it into the incident's thread; False where one was put there a moment ago."""
        ...


class Runbooks(Protocol):
    """The loaded runbooks."""

    def get(self, name: str) -> Runbook | None:
        """By name."""
        ...

    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Engines:
    """All engines that a press, a submission or a slash command can reach."""

    responding: Responding
    silencing: Silencing
    diagnosing: Diagnosing
    gathering: Gathering
    approving: Approving
    deciding: Deciding
    freezing: Freezing
    recording: Recording
    reporting: Reporting
    jobs: Jobs
    timelines: Timelines
    runbooks: Runbooks
