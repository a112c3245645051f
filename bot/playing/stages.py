"""The stage of a scenario for the service that it is about; for rehearsals and the demo."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.bootstrap.services import routing, watched_services
from bot.domain.errors import Permanent
from bot.rehearsal.scenarios.staging import Stage
from bot.testing import FrozenClock, SequentialIds

if TYPE_CHECKING:
    from bot.domain.services import WatchedService
    from bot.ports.clock import Clock, Ids
    from bot.rehearsal.scenarios.loading import Scenario
    from bot.settings import Settings


SHORT: Final = timedelta(seconds=5)
"""How often a world is looked at that has to be stopped shortly before its alert fires."""


def stage_of(scenario: Scenario, settings: Settings, clock: Clock, ids: Ids) -> Stage:
    """The staged world. Raises Permanent where no service is configured."""
    service = service_of(scenario, settings)
    return Stage(
        scenario,
        clock,
        ids,
        queries={metric.name: metric.query for metric in service.metrics},
        namespace=service.namespace or "default",
        deployment=service.deployment,
    )


def fires_after(scenario: Scenario, settings: Settings) -> timedelta:
    """When the scenario's alert fires if nobody does anything, counted from the beginning of its world.

    Raises Permanent where it does not.
    """
    clock = FrozenClock()
    stage = stage_of(scenario, settings, clock, SequentialIds())
    alert = scenario.file.expect.alert or scenario.file.runbook
    for moment, firing in stage.through(scenario.until, every=SHORT):
        if any(alert in {None, one.labels["alertname"]} for one in firing):
            return moment
    raise Permanent(f"the alert of the scenario {scenario.name} does not fire in its world")


def service_of(scenario: Scenario, settings: Settings) -> WatchedService:
    """The service that takes the scenario's alert, else the first. Raises Permanent where there is none."""
    services = watched_services(settings)
    route = routing(services)
    alert = scenario.file.expect.alert or scenario.file.runbook or ""
    rule = scenario.world.alerts.get(alert)
    found = route({"alertname": alert, **(rule.labels if rule else {})})
    if not services:
        raise Permanent("no service is configured")
    return services[found.service] if found else next(iter(services.values()))
