"""A scenario's world set up and kept going: what it says happens when its time has come.

Used by `bot.playing` on a virtual clock and by the demo in real time. `step` is called again and again;
what a reader asks in between is brought up to the moment as well.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.errors import NotFound
from bot.ports.readers import ModelVersion, Resource
from bot.rehearsal.rules import AlertRule
from bot.rehearsal.scenarios.ailing import Ailing
from bot.rehearsal.scenarios.changing import Changing, dated
from bot.rehearsal.scenarios.drifting import told_by
from bot.rehearsal.scenarios.numbers import Numbers
from bot.rehearsal.scenarios.writing import lines_of
from bot.rehearsal.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from bot.ports.clock import Clock, Ids
    from bot.rehearsal.rules import RaisedAlert
    from bot.rehearsal.scenarios.formulas import Formula
    from bot.rehearsal.scenarios.loading import Scenario
    from bot.rehearsal.scenarios.models import AlertFile

_MEBI: Final = 2.0**20
EVERY: Final = timedelta(seconds=15)
"""How often the rules are evaluated while the world goes on by itself."""
_OF_THE_DEPLOYMENT: Final = ("replicas", "revision")
_OURS: Final = "lightship-"
"""How the field managers of approved changes begin."""


class _WorldClock:
    """The clock that the world goes by: put back while it goes through what was before the bot's start."""

    def __init__(self, clock: Clock, at: datetime) -> None:
        self._clock = clock
        self.at: datetime | None = at

    def now(self) -> datetime:
        return self.at or self._clock.now()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


class Stage:
    """The world of one scenario, which begins `scenario.file.begin` before now.

    `queries` are the PromQL of the configured metrics by name; namespace and deployment are the service's.
    """

    def __init__(
        self,
        scenario: Scenario,
        clock: Clock,
        ids: Ids,
        *,
        queries: Mapping[str, str],
        namespace: str,
        deployment: str,
    ) -> None:
        self._written = scenario.world
        self._begin = scenario.file.begin
        self.start = clock.now() - self._begin
        self._clock = _WorldClock(clock, self.start)
        self._namespace, self._deployment = namespace, deployment
        objects = [dated(manifest, self.start, namespace) for manifest in self._written.objects]
        self.world = World(self._clock, ids, manifests=objects)
        self.numbers = Numbers(self._written.metrics, start=self.start, given=self._given)
        self._define(queries)
        self._changing = Changing(self.world.state, namespace=namespace, deployment=deployment)
        self._ailing = Ailing(
            self.world.state, self.numbers, start=self.start, namespace=namespace, deployment=deployment
        )
        self._due = sorted(self._written.changes, key=lambda change: change.at)
        self._silences = sorted(self._written.silences, key=lambda silence: silence.at)
        self._models = sorted(self._written.models, key=lambda model: model.at)
        self._reports = sorted(self._written.drift_reports, key=lambda report: report.at)
        self._unreachable: set[str] = set()
        self._deployed: list[tuple[datetime, tuple[int, int]]] = []
        self.world.state.on_settle = self._settle
        self.world.watch([self._rule(name, alert) for name, alert in self._written.alerts.items()])

    def catch_up(self, *, every: timedelta = EVERY) -> None:
        """Go through the time before the bot's start."""
        for _ in self.through(self._begin, every=every):
            pass
        self._clock.at = None

    def through(
        self, until: timedelta, *, every: timedelta = EVERY
    ) -> Iterator[tuple[timedelta, tuple[RaisedAlert, ...]]]:
        """Let the world go on by itself up to a time; at each step what fires."""
        since = timedelta(0)
        while since <= until:
            self._clock.at = self.start + since
            alerts = self.world.alerts(self._clock.at)
            yield since, tuple(alert for alert in alerts if alert.ends_at is None)
            since += every

    @property
    def written_with(self) -> tuple[str, ...]:
        """The ids of the approvals with which objects of the cluster were changed, as their managers tell."""
        store = self.world.state.store
        managers = {
            str(entry.get("manager", ""))
            for key in store.all_keys()
            for entry in store.held(key)["metadata"].get("managedFields") or ()
        }
        return tuple(sorted(one.removeprefix(_OURS) for one in managers if one.startswith(_OURS)))

    @property
    def tells_drift(self) -> bool:
        """Whether the scenario says what the drift reports are."""
        return bool(self._written.drift_reports)

    async def step(self) -> tuple[RaisedAlert, ...]:
        """Let happen what is due; the alerts that fire or have ended."""
        now = self._clock.now()
        while self._silences and self.start + self._silences[0].at <= now:
            silence = self._silences.pop(0)
            await self.world.alertmanager.create(
                matchers=silence.match,
                starts_at=now,
                ends_at=now + silence.held_for,
                created_by="rehearsal",
                comment=silence.reason,
            )
        return self.world.alerts(now)

    def _settle(self, now: datetime) -> bool:
        """What is due of the cluster, the registry and the network; whether objects were touched."""
        touched = bool(self._due) and self.start + self._due[0].at <= now
        while self._due and self.start + self._due[0].at <= now:
            change = self._due.pop(0)
            if change.pods is not None:
                self._ailing.begin(change.pods, at=self.start + change.at)
            else:
                self._changing.make(change, at=self.start + change.at)
        while self._models and self.start + self._models[0].at <= now:
            one = self._models.pop(0)
            self.world.models.register(
                ModelVersion(
                    name=one.name,
                    version=one.version,
                    aliases=(one.alias,),
                    created_at=self.start + one.at - one.age,
                    run_id="5c1f0e6d8a2b4c3f9e7d6b5a4c3f2e1d",
                    metrics=one.metrics,
                )
            )
        while self._reports and self.start + self._reports[0].at <= now:
            report = self._reports.pop(0)
            self.world.drift.publish(told_by(report), made_at=self.start + report.at - report.age)
        touched = self._ailing.go_on(now) or touched
        self._cut_off(now)
        with suppress(NotFound):
            self._note_deployed()
        self.numbers.present = now
        return touched

    def _cut_off(self, now: datetime) -> None:
        since = now - self.start
        down = {
            one.address: one.reason
            for one in self._written.unreachable
            if one.begins <= since and (one.until is None or since < one.until)
        }
        for address in self._unreachable - down.keys():
            self.world.network.bring_back(address)
        for address, reason in down.items():
            self.world.network.take_down(address, reason)
        self._unreachable = set(down)

    def _given(self, name: str, at: datetime) -> float:
        if name == "ready":
            return self.world.state.controller.ready_at(self._namespace, self._deployment, at)
        if name not in _OF_THE_DEPLOYMENT:
            raise ArithmeticError(f"no number is called {name}")
        self._note_deployed()
        before = [numbers for moment, numbers in self._deployed if moment <= at]
        return (before[-1] if before else self._deployed[0][1])[_OF_THE_DEPLOYMENT.index(name)]

    def _note_deployed(self) -> None:
        """Remember how many replicas are wanted and the newest revision. Raises NotFound."""
        held = self.world.state.store.held(
            (Resource.DEPLOYMENTS.api_version, Resource.DEPLOYMENTS.kind, self._namespace, self._deployment)
        )
        noted = held["metadata"].get("annotations", {})
        now = int(held["spec"].get("replicas", 1)), int(noted.get("deployment.kubernetes.io/revision", 1))
        if not self._deployed or self._deployed[-1][1] != now:
            self._deployed.append((self._clock.now(), now))

    def _define(self, queries: Mapping[str, str]) -> None:
        for name in self._written.metrics:
            self.world.metrics.define(queries.get(name, name), _bound(self.numbers.sample, name))
        own = Numbers(
            {f"query {n}": course for n, course in enumerate(self._written.queries.values())},
            start=self.start,
            given=self.numbers.value,
        )
        for number, query in enumerate(self._written.queries):
            self.world.metrics.define(query, _bound(own.sample, f"query {number}"))
        cpu, memory = self._written.cpu, self._written.memory
        if cpu is not None or memory is not None:
            self.world.state.usage = lambda _, at: (self._use(cpu, at), self._use(memory, at) * _MEBI)
        logs = self._written.logs
        state = self.world.state
        now = [one for one in logs if not one.previous]
        before = [one for one in logs if one.previous]
        state.written = lambda pod, at: lines_of(now, pod, at, numbers=self.numbers, start=self.start)
        state.written_before = lambda pod, at: lines_of(
            before, pod, at, numbers=self.numbers, start=self.start
        )

    def _use(self, formula: Formula | None, at: datetime) -> float:
        return (formula.value(self.numbers, at) or 0.0) if formula is not None else 0.0

    def _rule(self, name: str, alert: AlertFile) -> AlertRule:
        def breach(moment: datetime) -> float | None:
            holds = alert.when.value(self.numbers, moment)
            if not holds:
                return None
            return self.numbers.sample(alert.value, moment) if alert.value is not None else holds

        return AlertRule(
            name=name,
            value=breach,
            holds_for=alert.held_for,
            labels=alert.labels,
            annotations=alert.annotations,
            generator_url="http://prometheus.rehearsal/graph",
        )


def _bound(sample: Callable[[str, datetime], float | None], name: str) -> Callable[[datetime], float | None]:
    return lambda at: sample(name, at)
