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
from bot.bootstrap.bounds import bounds_of
from bot.bootstrap.deciding import approval_engines
from bot.bootstrap.drifts import NOTICE_REST, make_drifts
from bot.bootstrap.ending import end
from bot.bootstrap.escalations import budgeted, make_escalating, make_gathering
from bot.bootstrap.runbooks import RunbookShelf
from bot.bootstrap.services import (
    check_target,
    checks_without_being_named,
    classification,
    routing,
    watched_services,
)
from bot.bootstrap.trainings import make_trainings, weighing
from bot.bootstrap.watches import heartbeat_of, make_pruning, make_watches
from bot.checks.registry import CHECKS, run_check
from bot.domain.errors import LightshipError
from bot.domain.incidents import IntakeRules
from bot.engines.ageing import Ageing
from bot.engines.attaching import Attaching
from bot.engines.composing import Composing
from bot.engines.diagnosing import Diagnosing
from bot.engines.intake import Intake, IntakeLimits
from bot.engines.jobs import Jobs
from bot.engines.looping import keep_going
from bot.engines.merging import MergeLimits, Merging
from bot.engines.noticing import Noticing
from bot.engines.planning import Planning
from bot.engines.publishing import Publishing, PublishLimits
from bot.engines.ranking_causes import RankingCauses
from bot.engines.recording import Recording
from bot.engines.remediating import Remediating
from bot.engines.reporting import Reporting
from bot.engines.responding import Responding
from bot.engines.scheduling import Scheduling
from bot.engines.silencing import Silencing
from bot.engines.timelines import Timelines
from bot.engines.waking import Waker
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from bot.bootstrap.outside import Outside
    from bot.domain.approvals import Approval
    from bot.domain.auditing import Head
    from bot.domain.bounds import Bounds
    from bot.domain.findings import Finding
    from bot.domain.remedies import Plan, RemediationRequest
    from bot.domain.runbooks import Argument, Runbook
    from bot.domain.services import WatchedService
    from bot.ports.stores import Transaction
    from bot.settings import Settings

CHECKS_AT_ONCE = 16
CHECK_REST = timedelta(minutes=1)
PRESSED_CHECK_REST = timedelta(seconds=5)
GATHER_EVERY = timedelta(seconds=2)
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
ENDING_BY_THEMSELVES = frozenset({"intake", "merging", "publishing"})

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
        self._tasks: list[asyncio.Task[None]] = []
        self._checks_wanted = Waker(outside.clock)
        self._granted = Waker(outside.clock)
        self._pictures_wanted = Waker(outside.clock)
        self._settle = settings.intake.resolve_settle
        self._classify = classification(self.runbooks.all)
        self._check_readers = budgeted(outside.readers, settings, outside)
        self._make_core()
        self._make_people_side()
        self._make_acting_side()
        self.scheduling = Scheduling(store=outside.store)
        self.scheduling.every("expire-approvals", EXPIRY_EVERY, self.deciding.expire_due)
        self.scheduling.every("catch-up-on-checks", CATCH_UP_EVERY, self.diagnosing.catch_up)
        ageing = Ageing(store=outside.store, services=self.services)
        self.scheduling.every("mark-old-findings", CATCH_UP_EVERY, ageing.mark)
        self.scheduling.every("prune", PRUNE_EVERY, make_pruning(settings, outside, self.noticing).step)
        self.escalating = make_escalating(
            settings,
            outside,
            services=self.services,
            runbook=self.runbooks.get,
            noticing=self.noticing,
        )
        self.gathering = make_gathering(settings, outside, on_opened=self._on_opened)
        self.scheduling.every("gather-storms", GATHER_EVERY, self.gathering.step)
        self.scheduling.every("escalate", settings.escalation.every, self.escalating.step)
        self.watches = make_watches(
            settings, outside, rules=self._rules, classify=self._classify, on_opened=self._on_opened
        )
        self.watches.schedule(self.scheduling)
        self.drifts = (
            None if rehearsed else make_drifts(settings, outside, folder=folder, noticing=self.noticing)
        )
        if self.drifts is not None:
            self.drifts.schedule(self.scheduling)
        self.jobs = Jobs(store=outside.store, watched=self.drifts.watched if self.drifts else {})
        self.trainings = make_trainings(
            outside,
            self.services,
            runbook=self.runbooks.get,
            look=self._look,
            request=self.approving.request,
        )
        self.trainings.schedule(self.scheduling)

    async def start(self) -> None:
        """Migrate the store and begin to work. Raises Temporary or Permanent where it cannot be had."""
        await self.outside.store.upgrade()
        await self.freezing.show_anew()
        self._tasks = [
            asyncio.create_task(self.intake.run(), name="intake"),
            asyncio.create_task(self.merging.run(), name="merging"),
            asyncio.create_task(self.publishing.run(), name="publishing"),
            self._loop("diagnosing", self.diagnosing.run_due, self._checks_wanted),
            self._loop("remediating", self.remediating.begin_due, self._granted),
            self._loop("verifying", self.verifying.run_due, Waker(self.outside.clock)),
            self._loop("drawing", self.attaching.draw_due, self._pictures_wanted),
        ]
        if self.drifts is not None:
            self._tasks += [
                self._loop(name, step, Waker(self.outside.clock), poll=poll)
                for name, step, poll in self.drifts.loops()
            ]
        if self._rehearsed:
            self.scheduling.start_by(self.outside.clock)
        else:
            self.scheduling.start()

    async def stop(self) -> None:
        """Commit what was accepted, give claims back, close everything; within 4 s whatever hangs."""
        self.scheduling.stop()
        self.merging.stop()
        self.publishing.stop()
        for task in self._tasks:
            if task.get_name() not in ENDING_BY_THEMSELVES:
                task.cancel()
        ending = [asyncio.create_task(stop()) for stop in (self.intake.stop, self.remediating.stop)]
        await end([*ending, *self._tasks], within=STOP_WITHIN)
        await end([asyncio.create_task(self._close())], within=CLOSE_WITHIN)

    def _loop(
        self, name: str, step: Callable[[], Awaitable[int]], waker: Waker, *, poll: float | None = None
    ) -> asyncio.Task[None]:
        going = keep_going(name, step, waker=waker, clock=self.outside.clock, poll=poll or self._poll)
        return asyncio.create_task(going, name=name)

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
        self.diagnosing = Diagnosing(
            store=outside.store,
            ids=outside.ids,
            services=self.services,
            runbook=self.runbooks.get,
            look=self._look,
            known=frozenset(CHECKS),
            rest=CHECK_REST,
            press_rest=PRESSED_CHECK_REST,
            at_once=CHECKS_AT_ONCE,
            always=checks_without_being_named,
            note_causes=RankingCauses(
                services=self.services,
                runbook=self.runbooks.get,
                classify=self._classify,
                settle=self._settle,
            ).note,
        )
        self.planning = Planning(
            store=outside.store,
            clock=outside.clock,
            readers=outside.readers,
            planner=outside.planner,
            bounds=self._bounds,
            enabled=self._enabled,
            weigh=weighing(outside, self.services),
        )
        self.attaching = Attaching(store=outside.store, ids=outside.ids, drawer=outside.drawer)
        self.remediating = Remediating(
            store=outside.store,
            ids=outside.ids,
            clock=outside.clock,
            owner=self._owner,
            readers=outside.readers,
            writers=outside.writers,
            plan=self.planning.plan,
            verify_within=lambda name: self.services[name].verify_within,
            ask_again=self._ask_again,
            enabled=self._enabled,
        )
        engines = approval_engines(
            outside,
            self.services,
            planning=self.planning,
            runbooks=self.runbooks,
            settle=self._settle,
            enabled=self._enabled,
            on_granted=self._granted.ring,
        )
        self.approving, self.deciding = engines.approving, engines.deciding
        self.freezing, self.verifying = engines.freezing, engines.verifying

    def _enabled(self) -> bool:
        return self.settings.remediations.enabled

    def _on_opened(self, incidents: Sequence[int]) -> None:
        self.diagnosing.opened(incidents)
        self._checks_wanted.ring()

    async def _look(self, service: WatchedService, check: str, arguments: Mapping[str, Argument]) -> Finding:
        return await run_check(
            check,
            target=check_target(service),
            readers=self._check_readers,
            now=self.outside.clock.now(),
            crashed=_count_crash,
            arguments=arguments,
        )

    async def _ask_again(self, tx: Transaction, approval: Approval, plan: Plan) -> None:
        # Approving plans through remediating, and remediating asks again through approving.
        await self.approving.ask_again(tx, approval, plan)

    def _bounds(self, request: RemediationRequest) -> Bounds | None:
        service = self.services.get(request.service)
        return bounds_of(service, request, self.runbooks.get(request.runbook)) if service else None


def _show_head(head: Head) -> None:
    telemetry.show_audit_head(head)
    _LOG.info(LogAction.AUDIT_APPENDED, number=head.number, hash=head.hash)


def _count_crash(check: str, error: Exception) -> None:
    telemetry.LOOP_ERRORS.labels(loop=f"check {check}").inc()
    _LOG.error(LogAction.CHECK_RUN, cause=error, check=check)
