"""Putting the doors on the assembled bot and keeping it open until it is told to end.

Shared by `lightship run` and `lightship demo`, which differ only in what is outside of the bot.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.domain.access import AccessPolicy
from bot.domain.errors import Temporary
from bot.domain.services import WatchedService
from bot.playing.doors import engines_of
from bot.ports.readers import Resource
from handlers.actions import ActionDoor
from handlers.alertmanager import AlertmanagerDoor, WebhookRules
from handlers.answering import Answers
from handlers.authorizing import Gate
from handlers.commands import CommandDoor
from handlers.health import HealthDoor, Probe, ask_undelivered, read_store
from handlers.server import Doors, Server
from handlers.services import Services
from handlers.slack_app import SlackDoor, SocketDoor
from handlers.views import ViewDoor
from handlers.working import Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from bot.bootstrap.assembly import Lightship
    from bot.domain.errors import LightshipError
    from bot.settings import Environment


def make_doors(lightship: Lightship, environment: Environment) -> Doors:
    """Every door, in front of these engines."""
    outside, settings = lightship.outside, lightship.settings
    secret, app_token = environment.slack_signing_secret, environment.slack_app_token
    token = environment.webhook_token
    work = Work()
    services = Services((*lightship.services.values(), *_unmatched(settings.default_channel)))
    gate, answers = Gate(outside.directory), Answers(outside.chat)
    engines = engines_of(lightship)
    clock, client = outside.clock, outside.slack.client()
    prefixes = {
        name: settings.metrics_prefix_of(name) for name, one in settings.services.items() if one.drift
    }
    slack = SlackDoor(
        client=client,
        signing_secret=secret.get_secret_value() if secret else None,
        commands=CommandDoor(
            engines=engines, services=services, gate=gate, answers=answers, work=work, clock=clock
        ),
        actions=ActionDoor(
            engines=engines, services=services, gate=gate, answers=answers, work=work, clock=clock
        ),
        views=ViewDoor(engines=engines, services=services, gate=gate, answers=answers, work=work),
    )
    return Doors(
        alertmanager=AlertmanagerDoor(
            intake=lightship.intake,
            clock=clock,
            ids=outside.ids,
            rules=WebhookRules(
                token=token.get_secret_value() if token else None, body_limit=int(settings.intake.max_body)
            ),
            on_rejected=_Rejections(lightship, work),
        ),
        health=HealthDoor(probes=_probes(lightship), collect=lambda: read_store(outside.store, prefixes)),
        slack=slack,
        socket=SocketDoor(slack, app_token=app_token.get_secret_value(), client=client)
        if app_token
        else None,
        work=work,
    )


def _unmatched(channel: str | None) -> tuple[WatchedService, ...]:
    """Alerts that no service takes are shown in the default channel; who is there may take and end them."""
    if channel is None:
        return ()
    policy = AccessPolicy(channel=channel)
    return (WatchedService(name="", channel=channel, command="", match=(), policy=policy),)


class _Rejections:
    """Tells people that webhooks are refused: Alertmanager gives those up, so nobody else would."""

    def __init__(self, lightship: Lightship, work: Work) -> None:
        self._lightship = lightship
        self._work = work

    def __call__(self, reason: str) -> None:
        async def tell() -> None:
            await self._lightship.noticing.tell(
                f"rejected/{reason}",
                title="Alerts are being refused",
                text=_REJECTED.get(reason, f"A webhook was refused ({reason})."),
            )

        async def complain(_words: str) -> None:
            """Nobody waits for an answer: the metric has counted it already."""

        self._work.start("notice", tell, complain)


_REJECTED = {
    "unauthorized": "A webhook came without the right bearer token, so its alerts are lost. Compare "
    "LIGHTSHIP_WEBHOOK_TOKEN with `http_config.authorization` of Alertmanager's receiver.",
    "too_large": "A webhook was larger than `intake.max_body`, so its alerts are lost. Set `max_alerts` in "
    "Alertmanager's receiver.",
    "invalid": "A webhook held alerts that could not be read; those are lost, the others are kept. The log "
    "says what was wrong. Does something other than Alertmanager post to /alerts?",
    "unreadable": "A webhook's body could not be unpacked as its headers say, so its alerts are lost. Does a "
    "proxy between Alertmanager and /alerts change Content-Encoding or Transfer-Encoding?",
    "bad_source": "A webhook named a source that is none (`/alerts?source=NAME`: letters, digits, dots, "
    "hyphens), so its alerts are lost. Mend the receiver's URL.",
}


def _probes(lightship: Lightship) -> tuple[Probe, ...]:
    outside = lightship.outside

    async def ask_prometheus() -> None:
        await outside.readers.metrics.query("vector(1)")

    async def ask_alertmanager() -> None:
        await outside.readers.alertmanager.started_at()

    async def ask_kubernetes() -> None:
        namespace = next((one.namespace for one in lightship.services.values() if one.namespace), "")
        if namespace:
            await outside.readers.cluster.list(Resource.PODS, namespace=namespace, limit=1)

    return (
        Probe(name="store", ask=partial(outside.store.ping, writing=True), required=True),
        Probe(name="slack", ask=outside.slack.ping, required=False),
        Probe(name="messages", ask=lambda: ask_undelivered(outside.store), required=False),
        Probe(name="actions", ask=lambda: ask_actions(lightship), required=False),
        Probe(name="kubernetes", ask=ask_kubernetes, required=False),
        Probe(name="prometheus", ask=ask_prometheus, required=False),
        Probe(name="alertmanager", ask=ask_alertmanager, required=False),
    )


async def ask_actions(lightship: Lightship) -> None:
    """Raise Temporary where no action can be done: switched off, or frozen by somebody."""
    if not lightship.settings.remediations.enabled:
        raise Temporary("switched off: `remediations.enabled` is false")
    await lightship.freezing.ask()


class ToldToEndError(Exception):
    """SIGTERM or SIGINT came before the doors were open."""


@contextlib.asynccontextmanager
async def serving(
    lightship: Lightship, environment: Environment, *, told: asyncio.Event | None = None
) -> AsyncIterator[Server]:
    """The bot with its doors open, for the time of a block; on the way out everything ends in order.

    Raises OSError where the address is taken, Temporary or Permanent where the store cannot be had, and
    ToldToEndError where `told` was set meanwhile: a store that hangs does not keep a start from ending.
    """
    server = Server(
        make_doors(lightship, environment),
        host=environment.http_host,
        port=environment.http_port,
        on_stop=(lightship.stop,),
    )
    try:
        await _unless(told or asyncio.Event(), lightship.start)
        await server.start()
        yield server
    finally:
        await server.stop()


async def _unless(told: asyncio.Event, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    starting, ending = asyncio.create_task(start()), asyncio.create_task(told.wait())
    try:
        await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ending.cancel()
        if not starting.done():
            # Not waited for: where the store hangs, its roll-back hangs too.
            starting.cancel()
    if told.is_set():
        raise ToldToEndError
    starting.result()


def told_to_end() -> asyncio.Event:
    """What SIGTERM and SIGINT set from now on."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for word in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(word, told.set)
    return told


async def until_told() -> None:
    """Return at the first SIGTERM or SIGINT."""
    await told_to_end().wait()


def explain(error: OSError | LightshipError, environment: Environment) -> str:
    """Why the bot did not start, in words for the operator."""
    if isinstance(error, OSError):
        address = f"{environment.http_host}:{environment.http_port}"
        return f"cannot listen on {address}: {error.strerror or error}"
    return str(error)
