"""What each message needs to be drawn, gathered by `bot.engines.composing` and nothing else.

The renderers get these and look nothing up. Every text that came from outside is raw here: escaping is the
renderers' own business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.domain.actors import LIGHTSHIP, Actor
from bot.domain.auditing import Head

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.alerts import Alert
    from bot.domain.approvals import Approval
    from bot.domain.causes import Ranking
    from bot.domain.drift import DriftReport
    from bot.domain.drift_runs import DriftPoint, DriftRun
    from bot.domain.events import Event
    from bot.domain.files import KeptPicture
    from bot.domain.findings import Finding
    from bot.domain.freezing import Freeze
    from bot.domain.incidents import Incident
    from bot.domain.policies import ApprovalRule
    from bot.domain.remedies import Execution
    from bot.domain.severity import Severity
    from bot.domain.storms import Storm
    from bot.domain.verifications import Verification
    from bot.domain.watching import Watching


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertLine:
    """One firing alert with the severity that it has for its service."""

    alert: Alert
    severity: Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class StepView:
    """A runbook's step: its text rendered already, the check it names, and that check's latest finding."""

    title: str
    text: str
    check: str | None
    finding: Finding | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedRemediation:
    """A remediation of the runbook that a button asks for; `fits` when it mends the first cause."""

    name: str
    label: str
    fits: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RunbookView:
    """A runbook with its templates rendered."""

    name: str
    title: str
    summary: str
    symptoms: tuple[str, ...]
    steps: tuple[StepView, ...]
    remediations: tuple[OfferedRemediation, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class JobView:
    """A job that Lightship runs by the clock. `schedule` is empty where something else runs it."""

    name: str
    does: str
    schedule: str
    last: DriftRun | None
    last_success: DriftRun | None
    next_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftView:
    """A drift report as its message shows it.

    `newest` is the newest run of the service, `tracker_id` what MLflow calls this one, empty where it does
    not know it (yet). `followed_by` is the run whose message took this one's place.
    """

    service: str
    command: str
    report: DriftReport
    run: DriftRun
    newest: DriftRun | None
    trend: tuple[DriftPoint, ...]
    tracker_id: str
    followed_by: DriftRun | None
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkView:
    """A place to look; only http and https addresses get here."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenIncidentLine:
    """Another open incident of the same service, as one line names it."""

    id: int
    title: str
    severity: Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentView:
    """All that an incident's message shows. `mention` is the user group to call, on the first post alone."""

    incident: Incident
    firing: tuple[AlertLine, ...]
    runbook: RunbookView | None
    other_runbooks: tuple[str, ...]
    findings: tuple[Finding, ...]
    links: tuple[LinkView, ...]
    other_open: tuple[OpenIncidentLine, ...]
    ranking: Ranking | None = None
    frozen: Freeze | None = None
    mention: str | None
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EventView:
    """A short entry of an incident's thread. `mention` as above, for a reopening or an escalation.

    `undoable` is what had no effect and can be taken back.
    """

    event: Event
    incident: Incident
    undoable: Approval | None = None
    mention: str | None
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalView:
    """A request for approval, from asking to outcome. The approvers of `rule` are mentioned while it waits.

    `cause` is the incident's likeliest in words, `evidence` are the findings that speak for it, the worst
    first. `may_break_glass` says that its requester may approve it alone now. `watching` is what will be
    watched once it was done, None where that is past or there is nothing to watch.
    `audit` is the audit's newest entry, so that the chat keeps what a database cannot take back.
    """

    approval: Approval
    execution: Execution | None
    incident: Incident | None
    rule: ApprovalRule
    may_break_glass: bool = False
    verification: Verification | None = None
    watching: Watching | None = None
    may_be_undone: bool = False
    cause: str = ""
    evidence: tuple[Finding, ...] = ()
    audit: Head
    frozen: Freeze | None = None
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingView:
    """One finding in full, as a thread entry or a private answer."""

    finding: Finding
    incident_id: int | None
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestView:
    """A storm and the incidents for which its digest stands, open and worst first."""

    storm: Storm
    incidents: tuple[Incident, ...]
    mention: str | None
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeView:
    """Something about Lightship itself that people should know."""

    title: str
    text: str
    by: Actor = LIGHTSHIP
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentLine:
    """An open incident in a list, with the number of its alerts that fire, and its first cause in words."""

    incident: Incident
    firing: int
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentsView:
    """The open incidents of a service, worst first."""

    service: str
    open: tuple[IncidentLine, ...]
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertsView:
    """The firing alerts of a service over all its open incidents, worst first."""

    service: str
    firing: tuple[AlertLine, ...]
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusView:
    """How a service stands: what is open, what its checks found last, what waits for an answer.

    `undelivered` counts messages that have not reached the chat, the oldest of them since `oldest`.
    """

    service: str
    open: tuple[IncidentLine, ...]
    findings: tuple[Finding, ...]
    waiting: tuple[Approval, ...]
    frozen: Freeze | None = None
    undelivered: int
    oldest: datetime | None
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineView:
    """What happened to an incident, oldest first.

    `audited` gives the number of an event's audit entry by its id, `head` is the newest entry of all.
    `pictures` are the graphs that the thread was shown.
    """

    incident: Incident
    events: tuple[Event, ...]
    findings: tuple[Finding, ...] = ()
    pictures: tuple[KeptPicture, ...] = ()
    audited: Mapping[str, int] = field(default_factory=dict)
    head: Head = field(default_factory=Head)
    now: datetime
