"""A world in memory behind every port: made from manifests, driven by the clock that it is given.

The demo plays it in real time, rehearsals on a virtual clock, and tests switch its faults on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.ports.readers import Readers
from bot.ports.writers import Writers
from bot.rehearsal.alertmanager import Dispatcher, Route
from bot.rehearsal.cluster import RehearsalCluster, RehearsalState
from bot.rehearsal.drift import RehearsalDrift
from bot.rehearsal.faults import Faults
from bot.rehearsal.metrics import RehearsalMetrics
from bot.rehearsal.models import RehearsalModels
from bot.rehearsal.network import RehearsalNetwork
from bot.rehearsal.rules import RuleEvaluation
from bot.rehearsal.silences import RehearsalAlertmanager
from bot.rehearsal.writing import RehearsalPlanner, RehearsalWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.ports.clock import Clock, Ids
    from bot.ports.readers import KubeObject
    from bot.rehearsal.rules import AlertRule, RaisedAlert


class World:
    """Everything outside of the bot. `state.put(manifest)` adds objects, `faults` makes them misbehave."""

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        *,
        manifests: Sequence[KubeObject] = (),
        pods_start_in: timedelta = timedelta(seconds=6),
        pods_stop_in: timedelta = timedelta(seconds=2),
    ) -> None:
        self.clock = clock
        self.faults = Faults()
        self.state = RehearsalState(
            clock, self.faults, manifests, starts_in=pods_start_in, stops_in=pods_stop_in
        )
        self.cluster = RehearsalCluster(self.state)
        self.planner = RehearsalPlanner(self.state)
        self.writer = RehearsalWriter(self.state)
        self.metrics = RehearsalMetrics(clock, self.faults)
        self.models = RehearsalModels(self.faults)
        self.network = RehearsalNetwork(self.faults)
        self.drift = RehearsalDrift()
        self.rules = RuleEvaluation(())
        self.alertmanager = RehearsalAlertmanager(clock, ids, self.faults, self.firing_alerts)

    @property
    def readers(self) -> Readers:
        """What checks are given."""
        return Readers(
            cluster=self.cluster,
            metrics=self.metrics,
            alertmanager=self.alertmanager,
            models=self.models,
            network=self.network,
            drift=self.drift,
        )

    @property
    def writers(self) -> Writers:
        """What remediations are given."""
        return Writers(cluster=self.writer, models=self.models)

    def watch(self, rules: Sequence[AlertRule]) -> None:
        """Let these rules, and no others, raise alerts from now on."""
        self.rules = RuleEvaluation(rules)
        self.metrics.evaluate(rules)

    def alerts(self, now: datetime) -> tuple[RaisedAlert, ...]:
        """The alerts that fire or have ended, at the time that the clock shows."""
        self.state.settle()
        self.rules.evaluate(now)
        return self.rules.alerts()

    def firing_alerts(self) -> tuple[RaisedAlert, ...]:
        """The alerts that fire now."""
        return tuple(alert for alert in self.alerts(self.clock.now()) if alert.ends_at is None)

    def dispatcher(self, route: Route | None = None) -> Dispatcher:
        """What turns this world's alerts into webhooks, its silences honoured."""
        return Dispatcher(
            route or Route(), is_silenced=lambda labels: bool(self.alertmanager.silenced_by(labels))
        )
