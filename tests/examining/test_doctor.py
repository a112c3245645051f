"""`lightship doctor`: what it says of each dependency, from a rehearsed world and the stand-in for Slack."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from bot.adapters.clock import OrderedIds
from bot.bootstrap.examining import examine
from bot.bootstrap.outside import Surroundings, make_outside
from bot.bootstrap.rights import needs_of
from bot.bootstrap.services import watched_services
from bot.cli.examining import table
from bot.console import SlackStandIn, demo_workspace
from bot.domain.examinations import Health, fault
from bot.domain.granted import Granted
from bot.rehearsal.faults import Fault
from bot.settings import GrafanaSettings, load_settings, read_environment
from bot.settings.models import DriftSettings, HeartbeatSettings
from bot.shipped import shipped
from bot.testing import FrozenClock
from tests.drift_runs.gateway import serving
from tests.marking.grafana import TOKEN, grafana
from tests.worlds.churn import churn_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from bot.bootstrap.outside import Outside
    from bot.domain.examinations import Examination
    from bot.rehearsal.world import World
    from bot.settings import Environment, Settings

SCOPES = frozenset(
    {
        "chat:write",
        "channels:history",
        "users:read",
        "files:write",
        "files:read",
        "commands",
        "usergroups:read",
    }
)
WATCHDOG = HeartbeatSettings.model_validate({"match": ['alertname="Watchdog"'], "within": "10m"})
ROUTED = ("http://lightship:8080/alerts?source=a",)


@dataclass(frozen=True)
class Rights:
    """An account with these rules in every namespace."""

    rules: tuple[Granted, ...]

    async def granted(self, namespace: str) -> tuple[Granted, ...]:
        """They do not depend on the namespace."""
        assert namespace
        return self.rules


@dataclass(frozen=True)
class Routes:
    """An Alertmanager whose receivers post to these addresses."""

    addresses: tuple[str, ...]

    async def webhooks(self) -> Mapping[str, tuple[str, ...]]:
        """As they are configured."""
        return {"lightship": self.addresses}


@dataclass(kw_only=True)
class Bench:
    """One examination: settings, environment and outside may be changed before it."""

    settings: Settings
    environment: Environment
    outside: Outside
    world: World
    slack: SlackStandIn

    async def found(self) -> dict[str, Examination]:
        """Everything that is said, by name."""
        services = watched_services(self.settings)
        told = await examine(self.settings, self.environment, self.outside, services)
        return {one.name: one for one in told}


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    """All is well: the shipped configuration, its world, exactly the rights, scopes and routes it needs.

    The bot is on a laptop, so that it has no Deployment of its own in that world.
    """
    beside = {"LIGHTSHIP_SERVICES__LIGHTSHIP__KUBERNETES": "null"}
    settings = load_settings(shipped("lightship.yaml"), beside).settings
    assert settings is not None
    clock = FrozenClock()
    world = churn_world(clock, OrderedIds(), autoscaled=True)
    needs = needs_of(settings, watched_services(settings).values())
    rules = tuple(
        Granted(
            groups=frozenset({need.right.group}),
            resources=frozenset({need.right.resource}),
            verbs=frozenset({need.right.verb}),
            names=frozenset(need.names),
        )
        for need in needs
    )
    workspace = demo_workspace()
    workspace.app = replace(workspace.app, scopes=SCOPES)
    async with SlackStandIn(workspace, signing_secret="signed") as slack:
        environment = replace(
            read_environment({})[0],
            slack_api_url=slack.api_url,
            slack_bot_token=SecretStr(workspace.app.bot_token),
            slack_signing_secret=SecretStr("signed"),
            webhook_token=SecretStr("token"),
            prometheus_url=SecretStr("http://prometheus"),
            alertmanager_url=SecretStr("http://alertmanager"),
            mlflow_tracking_uri=SecretStr("http://mlflow"),
            database_url=SecretStr(f"sqlite+aiosqlite:///{folder / 'lightship.db'}"),
        )
        world.metrics.define("time()", lambda now: now.timestamp())
        surroundings = Surroundings(
            readers=world.readers,
            planner=world.planner,
            writers=world.writers,
            silencer=world.alertmanager,
            own_rights=Rights(rules),
            alert_routes=Routes(ROUTED),
        )
        outside = make_outside(environment, surroundings, clock=clock)
        await outside.store.upgrade()
        yield Bench(settings=settings, environment=environment, outside=outside, world=world, slack=slack)
        for close in outside.close:
            await close()


async def test_a_healthy_bot_has_no_fault_and_no_warning(tmp_path: Path) -> None:
    """Everything that is looked at is well, and the table ends with that sentence."""
    async with bench(tmp_path) as one:
        found = await one.found()
    assert [one for one in found.values() if one.health is not Health.WELL] == []
    assert {"store", "slack", "webhook token", "receiver", "prometheus", "rights in churn-mlops"} <= set(
        found
    )
    shown = click.unstyle(table(list(found.values())))
    assert shown.splitlines()[-1] == "Everything that is configured works."


async def test_a_missing_right_and_a_right_too_much_are_named_with_what_mends_them(tmp_path: Path) -> None:
    """Patching the scale is missing, secrets are readable: a fault and a warning, each with its line."""
    async with bench(tmp_path) as one:
        everything = await one.outside.own_rights.granted("a")  # type: ignore[union-attr]  # the bench has them
        without = tuple(rule for rule in everything if "patch" not in rule.verbs)
        more = Granted(groups=frozenset({""}), resources=frozenset({"secrets"}), verbs=frozenset({"get"}))
        one.outside = replace(one.outside, own_rights=Rights((*without, more)))
        services = watched_services(one.settings)
        told = await examine(one.settings, one.environment, one.outside, services)
    rights = [each for each in told if each.name == "rights in churn-mlops"]
    assert [each.health for each in rights] == [Health.FAULT, Health.WARNING]
    assert "patch deployments/scale" in rights[0].said
    assert rights[0].mend == "lightship rbac | kubectl apply -f -"
    assert "get secrets" in rights[1].said


async def test_a_scope_that_is_not_granted_is_named_with_what_would_not_work(tmp_path: Path) -> None:
    """Without files:write and commands, each is a fault of its own."""
    async with bench(tmp_path) as one:
        app = one.slack.workspace.app
        one.slack.workspace.app = replace(app, scopes=SCOPES - {"files:write", "commands"})
        found = await one.found()
    assert found["scope files:write"].health is Health.FAULT
    assert "pictures" in found["scope files:write"].said
    assert found["scope commands"].mend.startswith("add it on the app's page")


async def test_a_revoked_token_is_a_fault_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    """Slack's fault names the token; Prometheus and Kubernetes are told as well."""
    async with bench(tmp_path) as one:
        one.slack.workspace.app = replace(one.slack.workspace.app, bot_token="xoxb-other")
        found = await one.found()
    assert found["slack"].health is Health.FAULT
    assert "SLACK_BOT_TOKEN" in found["slack"].said
    assert found["prometheus"].health is Health.WELL


async def test_without_a_default_channel_it_is_said_what_is_told_nowhere(tmp_path: Path) -> None:
    """A heartbeat whose absence no channel would show is no silent surprise."""
    async with bench(tmp_path) as one:
        one.settings = one.settings.model_copy(update={"default_channel": None})
        without = await one.found()
        one.settings = one.settings.model_copy(update={"heartbeat": WATCHDOG})
        found = await one.found()
    assert without["default_channel"].health is Health.WARNING
    assert "Alertmanager" not in without["default_channel"].said
    assert "or that Alertmanager is silent" in found["default_channel"].said


async def test_an_alertmanager_that_posts_nowhere_is_a_fault(tmp_path: Path) -> None:
    """No webhook ends in /alerts: the mend says what to add."""
    async with bench(tmp_path) as one:
        one.outside = replace(one.outside, alert_routes=Routes(("http://elsewhere/hook",)))
        found = await one.found()
    assert found["receiver"].health is Health.FAULT
    assert "webhook_config" in found["receiver"].mend


async def test_a_hidden_address_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    """Newer Alertmanagers hide their webhooks' addresses: that is said, and no fault."""
    async with bench(tmp_path) as one:
        one.outside = replace(one.outside, alert_routes=Routes(("",)))
        found = await one.found()
    assert (found["receiver"].health, "hides" in found["receiver"].said) == (Health.WELL, True)


async def test_a_clock_that_is_wrong_is_told_by_how_much(tmp_path: Path) -> None:
    """Prometheus two minutes ahead is a fault that names the distance."""
    async with bench(tmp_path) as one:
        one.world.metrics.define("time()", lambda now: now.timestamp() + 120)
        found = await one.found()
    assert found["clock of prometheus"].health is Health.FAULT
    assert "2m ahead" in found["clock of prometheus"].said


async def test_what_does_not_answer_is_a_fault_in_words(tmp_path: Path) -> None:
    """A Prometheus that cannot be reached says so, without a trace."""
    async with bench(tmp_path) as one:
        one.world.faults.switch_on("metrics", Fault.SERVER_ERROR)
        found = await one.found()
    assert found["prometheus"] == fault(
        "prometheus", "internal error (500)", "mend PROMETHEUS_URL, or start Prometheus"
    )


async def test_a_model_without_its_alias_is_a_fault(tmp_path: Path) -> None:
    """The registry has no churn-model@Production: what to do is said."""
    async with bench(tmp_path) as one:
        one.world.faults.switch_on("models", Fault.NOT_FOUND)
        found = await one.found()
    assert found["model of churn"].health is Health.FAULT
    assert "Production" in found["model of churn"].mend


async def test_grafana_is_asked_where_it_is_configured(tmp_path: Path) -> None:
    """Without it there is no line; with it the token is tried on what it has to read."""
    async with bench(tmp_path) as made, grafana() as side:
        assert "grafana" not in await made.found()
        for token, health in ((TOKEN, Health.WELL), ("wrong", Health.FAULT)):
            configured = GrafanaSettings(url=side.url, token=SecretStr(token))
            made.settings = made.settings.model_copy(update={"grafana": configured})
            found = (await made.found())["grafana"]
            assert found.health is health
            assert token not in f"{found.said} {found.mend}"


async def test_a_pushgateway_is_asked_where_it_is_configured(tmp_path: Path) -> None:
    """Ready, or a fault with what is amiss and who needs it; no line without one."""
    async with bench(tmp_path) as made:
        assert "pushgateway" not in await made.found()
        with serving() as gateway:
            made.settings = _pushing_to(made.settings, gateway.address)
            ready = (await made.found())["pushgateway"]
        away = (await made.found())["pushgateway"]
    assert (ready.health, ready.said) == (Health.WELL, f"ready at {gateway.address}")
    assert away.health is Health.FAULT
    assert "cannot be reached" in away.said
    assert "only `lightship drift run` needs it" in away.mend


def _pushing_to(settings: Settings, address: str) -> Settings:
    """With a service that pushes there."""
    drift = DriftSettings(reference="a.profile", current="b/", pushgateway=address)
    services = {name: one.model_copy(update={"drift": drift}) for name, one in settings.services.items()}
    return settings.model_copy(update={"services": services})
