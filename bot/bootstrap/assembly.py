"""Putting the bot together: settings and the outside become engines, and engines become running loops.

Called by the command line (`run`, `demo`) and by the end-to-end tests; the doors are put on top by
`bot.cli.serving`.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot import telemetry
from bot.bootstrap.acting import make_acting_side
from bot.bootstrap.checks import looking, make_diagnosing
from bot.bootstrap.drifts import NOTICE_REST, make_drifts
from bot.bootstrap.escalations import make_escalating, make_gathering
from bot.bootstrap.loops import Loops, end
from bot.bootstrap.runbooks import RunbookShelf
from bot.bootstrap.services import (
    classification,
    routing,
    watched_services,
)
from bot.bootstrap.trainings import make_trainings
from bot.bootstrap.watches import heartbeat_of, make_pruning, make_watches
from bot.checks.registry import CHECKS
from bot.domain.errors import LightshipError
from bot.domain.incidents import IntakeRules
from bot.engines.ageing import Ageing
from bot.engines.attaching import Attaching
from bot.engines.composing import Composing
from bot.engines.intake import Intake, IntakeLimits
from bot.engines.jobs import Jobs
from bot.engines.merging import MergeLimits, Merging
from bot.engines.noticing import Noticing
from bot.engines.publishing import Publishing, PublishLimits
from bot.engines.recording import Recording
from bot.engines.reporting import Reporting
from bot.engines.responding import Responding
from bot.engines.scheduling import Scheduling
from bot.engines.silencing import Silencing
from bot.engines.timelines import Timelines
from bot.engines.waking import Waker
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.bootstrap.outside import Outside
    from bot.domain.auditing import Head
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.settings import Settings

GATHER_EVERY = timedelta(seconds=2)
REHEARSED_GATHER_EVERY = timedelta(seconds=10)
"""Every other second would be most of the ticks of a rehearsal, whose minutes pass in milliseconds."""

EXPIRY_EVERY = timedelta(seconds=15)
CATCH_UP_EVERY = timedelta(seconds=30)
PRUNE_EVERY = timedelta(hours=1)
POLL_SECONDS = 2.0
PUBLISH_POLL = 1.0
REHEARSED_POLL_SECONDS = 60.0
"""Alone with its store, a bot is woken for everything and need not look by itself."""
CALLS_END_WITHIN = timedelta(seconds=1.5)
COMMIT_WITHIN = timedelta(seconds=2.5)
STOP_WITHIN = 3.0
CLOSE_WITHIN = 1.0

_LOG = Log("bootstrap")
_HERE = Path()


class Lightship:
    """The assembled bot without its doors: `start` opens the store and the loops, `stop` ends them.

    `rehearsed`: it is alone with its store, and its ticks follow `outside.clock`, which may be virtual.
    Relative paths in the settings count from `folder`.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        runbooks: Iterable[Runbook],
        outside: Outside,
        rehearsed: bool = False,
        folder: Path = _HERE,
    ) -> None:
        self._rehearsed = rehearsed
        self._poll = REHEARSED_POLL_SECONDS if rehearsed else POLL_SECONDS
        self.settings = settings
        self.outside = outside
        self.services: Mapping[str, WatchedService] = watched_services(settings)
        self.runbooks = RunbookShelf(runbooks)
        self._owner = f"lightship-{outside.ids.new()}"
        self._loops = Loops(outside.clock, poll=self._poll)
        self._checks_wanted = Waker(outside.clock)
        self._granted = Waker(outside.clock)
        self._pictures_wanted = Waker(outside.clock)
        self._settle = settings.intake.resolve_settle
        self._classify = classification(self.runbooks.all)
        self._look = looking(settings, outside)
        self._make_core()
        self._make_people_side()
        self._make_acting_side()
        self._make_jobs(folder)
        self.scheduling = Scheduling(store=outside.store)
        self._schedule()

    async def start(self) -> None:
        """Migrate the store and begin to work. Raises Temporary or Permanent where it cannot be had."""
        await self.outside.store.upgrade()
        await self.freezing.show_anew()
        loops, clock = self._loops, self.outside.clock
        loops.run("intake", self.intake.run())
        loops.run("merging", self.merging.run())
        loops.run("publishing", self.publishing.run())
        loops.keep("diagnosing", self.diagnosing.run_due, self._checks_wanted)
        loops.keep("remediating", self.remediating.begin_due, self._granted)
        loops.keep("verifying", self.verifying.run_due, Waker(clock))
        loops.keep("drawing", self.attaching.draw_due, self._pictures_wanted)
        for name, step, poll in self.drifts.loops() if self.drifts is not None else ():
            loops.keep(name, step, Waker(clock), poll=poll)
        if self._rehearsed:
            self.scheduling.start_by(self.outside.clock)
        else:
            self.scheduling.start()

    async def stop(self) -> None:
        """Commit what was accepted, give claims back, close everything; within 4 s whatever hangs."""
        self.scheduling.stop()
        self.merging.stop()
        self.publishing.stop()
        await self._loops.end(self.intake.stop, self.remediating.stop, within=STOP_WITHIN)
        await end([asyncio.create_task(self._close())], within=CLOSE_WITHIN)

    async def _close(self) -> None:
        for close in (*self.watches.close, *self.outside.close):
            with contextlib.suppress(LightshipError):
                await close()

    def _make_core(self) -> None:
        outside, settings = self.outside, self.settings
        route = routing(self.services)
        self._rules = IntakeRules(resolve_settle=self._settle, reopen_within=settings.intake.reopen_within)
        self.merging = Merging(
            store=outside.store,
            clock=outside.clock,
            ids=outside.ids,
            routing=route,
            classify=self._classify,
            rules=self._rules,
            default_channel=settings.default_channel,
            on_opened=self._on_opened,
            is_heartbeat=heartbeat_of(settings),
            limits=MergeLimits(poll=self._poll) if self._rehearsed else MergeLimits(),
        )
        self.intake = Intake(
            store=outside.store,
            on_stored=self.merging.wake,
            limits=IntakeLimits(webhooks=settings.intake.queue, drain=COMMIT_WITHIN),
        )
        self.composing = Composing(
            services=self.services,
            runbook=self.runbooks.get,
            classify=self._classify,
            settle=self._settle,
            checks=CHECKS,
            enabled=self._enabled,
        )
        self.publishing = Publishing(
            store=outside.store,
            clock=outside.clock,
            notifier=outside.notifier,
            compose=self.composing.compose,
            owner=self._owner,
            limits=PublishLimits(
                grace=CALLS_END_WITHIN, poll=self._poll if self._rehearsed else PUBLISH_POLL
            ),
        )
        outside.store.on_due(self.publishing.wake)
        outside.store.on_due(self._pictures_wanted.ring)
        outside.store.on_audited(_show_head)

    def _make_people_side(self) -> None:
        outside = self.outside
        self.responding = Responding(store=outside.store, ids=outside.ids, settle=self._settle)
        self.recording = Recording(store=outside.store, ids=outside.ids)
        self.timelines = Timelines(store=outside.store, ids=outside.ids)
        self.reporting = Reporting(
            store=outside.store,
            services=self.services,
            runbook=self.runbooks.get,
            classify=self._classify,
            settle=self._settle,
            checks=CHECKS,
            enabled=self._enabled,
        )
        self.silencing = Silencing(
            store=outside.store,
            ids=outside.ids,
            silencer=outside.silencer,
            reader=outside.readers.alertmanager,
            own_matchers=lambda name: self.services[name].match if name in self.services else (),
            longest=self.settings.remediations.longest_silence,
        )
        self.noticing = Noticing(
            store=outside.store,
            ids=outside.ids,
            channel=self.settings.default_channel,
            rest=NOTICE_REST,
        )

    def _make_acting_side(self) -> None:
        outside = self.outside
        self.diagnosing = make_diagnosing(
            outside,
            self.services,
            runbook=self.runbooks.get,
            classify=self._classify,
            settle=self._settle,
            look=self._look,
        )
        self.attaching = Attaching(store=outside.store, ids=outside.ids, drawer=outside.drawer)
        acting = make_acting_side(
            outside,
            self.services,
            owner=self._owner,
            runbooks=self.runbooks,
            settle=self._settle,
            enabled=self._enabled,
            on_granted=self._granted.ring,
        )
        self.planning, self.approving = acting.planning, acting.approving
        self.deciding, self.freezing = acting.deciding, acting.freezing
        self.remediating, self.verifying = acting.remediating, acting.verifying

    def _make_jobs(self, folder: Path) -> None:
        outside, settings = self.outside, self.settings
        self.ageing = Ageing(store=outside.store, services=self.services)
        self.pruning = make_pruning(settings, outside, self.noticing)
        self.gathering = make_gathering(settings, outside, on_opened=self._on_opened)
        self.escalating = make_escalating(
            settings, outside, services=self.services, runbook=self.runbooks.get, noticing=self.noticing
        )
        self.watches = make_watches(
            settings, outside, rules=self._rules, classify=self._classify, on_opened=self._on_opened
        )
        self.drifts = (
            None if self._rehearsed else make_drifts(settings, outside, folder=folder, noticing=self.noticing)
        )
        self.jobs = Jobs(store=outside.store, watched=self.drifts.watched if self.drifts else {})
        self.trainings = make_trainings(
            outside,
            self.services,
            runbook=self.runbooks.get,
            look=self._look,
            request=self.approving.request,
        )

    def _schedule(self) -> None:
        every = self.scheduling.every
        every("expire-approvals", EXPIRY_EVERY, self.deciding.expire_due)
        every("catch-up-on-checks", CATCH_UP_EVERY, self.diagnosing.catch_up)
        every("mark-old-findings", CATCH_UP_EVERY, self.ageing.mark)
        if not self._rehearsed:  # nothing grows old in a rehearsal
            every("prune", PRUNE_EVERY, self.pruning.step)
        gather_every = REHEARSED_GATHER_EVERY if self._rehearsed else GATHER_EVERY
        every("gather-storms", gather_every, self.gathering.step)
        every("escalate", self.settings.escalation.every, self.escalating.step)
        for jobs in (self.watches, self.drifts, self.trainings):
            if jobs is not None:
                jobs.schedule(self.scheduling)

    def _enabled(self) -> bool:
        return self.settings.remediations.enabled

    def _on_opened(self, incidents: Sequence[int]) -> None:
        self.diagnosing.opened(incidents)
        self._checks_wanted.ring()


def _show_head(head: Head) -> None:
    telemetry.show_audit_head(head)
    _LOG.info(LogAction.AUDIT_APPENDED, number=head.number, hash=head.hash)
