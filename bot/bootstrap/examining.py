"""`lightship doctor`: asks every dependency whether it is there and permits what is configured.

Everything is asked at once and bounded in time; nothing is changed anywhere. The command line draws it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.adapters.database import missing_file
from bot.adapters.grafana import GrafanaMarks
from bot.adapters.pushgateway import Pushgateway
from bot.bootstrap.examining_kubernetes import examine_kubernetes
from bot.bootstrap.examining_slack import examine_slack
from bot.domain.drill_arrivals import is_webhook_of_bot
from bot.domain.durations import rough_duration
from bot.domain.errors import LightshipError, NotFound
from bot.domain.examinations import Examination, fault, skipped, warning, well
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bot.bootstrap.outside import Outside
    from bot.domain.services import WatchedService
    from bot.settings import Environment, Settings

ANSWER_WITHIN: Final = 30.0
CLOCKS_APART: Final = timedelta(seconds=5)
SERIOUSLY_APART: Final = timedelta(minutes=1)
_MENDS: Final = {
    "store": "mend LIGHTSHIP_DATABASE_URL, or start the database",
    "slack": "look at SLACK_BOT_TOKEN, and whether this machine reaches Slack",
    "webhook": "mend ALERTMANAGER_URL, or start Alertmanager",
    "prometheus": "mend PROMETHEUS_URL, or start Prometheus",
    "kubernetes": "set KUBECONFIG, or run in the cluster",
    "mlflow": "mend MLFLOW_TRACKING_URI, or start MLflow",
    "grafana": "mend `grafana`: its address, and a token that may read and write annotations",
    "pushgateway": "mend `drift.pushgateway`, or start it; only `lightship drift run` needs it",
}
"""What to do where a dependency does not answer at all."""


async def examine(
    settings: Settings,
    environment: Environment,
    outside: Outside,
    services: Mapping[str, WatchedService],
    *,
    progress: Callable[[Sequence[str]], None] = lambda _silent: None,
) -> tuple[Examination, ...]:
    """Everything that was looked at, in the order in which people read it.

    `progress` hears which have not answered yet, at first and after each answer.
    """
    silent: list[str] = []

    async def look(name: str, ask: Callable[[], Awaitable[list[Examination]]]) -> list[Examination]:
        silent.append(name)
        progress(tuple(silent))
        try:
            return await _bounded(name, ask)
        finally:
            silent.remove(name)
            progress(tuple(silent))

    parts = (
        look("store", lambda: _examine_store(environment, outside)),
        look("slack", lambda: examine_slack(settings, environment, outside, services)),
        look("webhook", lambda: _examine_webhook(environment, outside)),
        look("prometheus", lambda: _examine_prometheus(environment, outside)),
        look("kubernetes", lambda: examine_kubernetes(settings, outside, services)),
        look("mlflow", lambda: _examine_models(environment, outside, services)),
        look("grafana", lambda: _examine_grafana(settings, outside)),
        look("pushgateway", lambda: _examine_pushgateways(settings)),
    )
    return tuple(one for part in await asyncio.gather(*parts) for one in part)


async def _bounded(name: str, look: Callable[[], Awaitable[list[Examination]]]) -> list[Examination]:
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            return await look()
    except TimeoutError:
        return [fault(name, f"no answer within {ANSWER_WITHIN:g} s", _MENDS[name])]
    except LightshipError as error:
        return [fault(name, one_line(error, limit=300), _MENDS[name])]


async def _examine_store(environment: Environment, outside: Outside) -> list[Examination]:
    missing = missing_file(environment.database_url.get_secret_value())
    if missing:
        return [well("store", f"not there yet: the bot makes {missing} when it starts")]
    await outside.store.ping()
    async with outside.store.transaction() as tx:
        ahead = tx.now - outside.clock.now()
    return [well("store", "reachable"), *_clock("store", ahead)]


async def _examine_webhook(environment: Environment, outside: Outside) -> list[Examination]:
    """Whether alerts would arrive: the token, Alertmanager, and a receiver that posts to /alerts."""
    found = []
    if environment.webhook_token is None:
        where = "only this machine can post alerts" if environment.listens_on_loopback else "anybody can"
        found.append(
            warning(
                "webhook token",
                f"none is set: {where}",
                "set LIGHTSHIP_WEBHOOK_TOKEN, and the same in http_config.authorization of the receiver",
            )
        )
    else:
        found.append(well("webhook token", "set"))
    if environment.alertmanager_url is None:
        return [
            *found,
            warning(
                "alertmanager",
                "not configured: incidents close by webhooks alone, and nothing can be silenced",
                "set ALERTMANAGER_URL",
            ),
        ]
    return [*found, *await _examine_alertmanager(outside)]


async def _examine_alertmanager(outside: Outside) -> list[Examination]:
    started = await outside.readers.alertmanager.started_at()
    up = max(outside.clock.now() - started, timedelta(0))
    found = [well("alertmanager", f"reachable, up for {rough_duration(up)}")]
    if outside.alert_routes is None:
        return found
    hooks = await outside.alert_routes.webhooks()
    addresses = [url for urls in hooks.values() for url in urls]
    posting = [url for url in addresses if is_webhook_of_bot(url)]
    if posting:
        found.append(well("receiver", f"posts to {one_line(posting[0], limit=120)}"))
    elif "" in addresses:
        found.append(well("receiver", "has a webhook, whose address Alertmanager hides"))
    else:
        found.append(
            fault(
                "receiver",
                "no receiver of Alertmanager has a webhook that ends in /alerts",
                "add a webhook_config with the bot's address and /alerts, and route the alerts to it",
            )
        )
    return found


async def _examine_prometheus(environment: Environment, outside: Outside) -> list[Examination]:
    if environment.prometheus_url is None:
        mend = "set PROMETHEUS_URL"
        return [warning("prometheus", "not configured: no metrics, no escalation, no verification", mend)]
    samples = await outside.readers.metrics.query("time()")
    if not samples:
        return [fault("prometheus", "what answers at PROMETHEUS_URL is not Prometheus")]
    ahead = timedelta(seconds=samples[0].value - outside.clock.now().timestamp())
    return [well("prometheus", "reachable"), *_clock("prometheus", ahead)]


async def _examine_models(
    environment: Environment, outside: Outside, services: Mapping[str, WatchedService]
) -> list[Examination]:
    modelled = [service for service in services.values() if service.model]
    if not modelled:
        return [skipped("mlflow", "no service has a model")]
    if environment.mlflow_tracking_uri is None:
        return [fault("mlflow", "not configured, and a service has a model", "set MLFLOW_TRACKING_URI")]
    found = []
    for service in modelled:
        name = f"model of {service.name}"
        alias = f"{service.model}@{service.model_alias}"
        try:
            version = await outside.readers.models.version_by_alias(
                name=service.model, alias=service.model_alias
            )
        except NotFound:
            mend = f"register the model, or give a version the alias {service.model_alias}"
            found.append(fault(name, f"{alias} is not in the registry", mend))
        else:
            found.append(well(name, f"{alias} is version {version.version}"))
    return found


async def _examine_grafana(settings: Settings, outside: Outside) -> list[Examination]:
    """Whether annotations can be read; that they can be written is seen when the first is."""
    if settings.grafana is None:
        return []
    board = GrafanaMarks(settings.grafana.url, settings.grafana.token.get_secret_value())
    try:
        await board.held(since=outside.clock.now())
    finally:
        await board.close()
    return [well("grafana", "reachable, and its annotations can be read")]


async def _examine_pushgateways(settings: Settings) -> list[Examination]:
    drifts = [one.drift for one in settings.services.values()]
    addresses = dict.fromkeys(one.pushgateway for one in drifts if one is not None and one.pushgateway)
    for address in addresses:
        await Pushgateway().ask(address)
    return [well("pushgateway", f"ready at {address}") for address in addresses]


def _clock(name: str, ahead: timedelta) -> list[Examination]:
    """Whether a machine's clock agrees with ours."""
    apart = abs(ahead)
    if apart < CLOCKS_APART:
        return []
    word = "ahead" if ahead > timedelta(0) else "behind"
    said = f"its clock is {rough_duration(apart)} {word} of this machine's"
    judged = fault if apart >= SERIOUSLY_APART else warning
    return [judged(f"clock of {name}", said, "synchronise both clocks by NTP")]
