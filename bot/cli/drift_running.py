"""`lightship drift run`: the configured comparison once, kept in the store, from where replicas publish it.

What a CronJob of the cluster runs in place of the bot's own schedule. It is no part of the bot's process: the
messages that it makes due are shown by the bot, the scores by every replica's `/metrics`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from bot.cli.options import config_option, json_option, show_faults
from bot.cli.progress import waiting
from bot.domain.drift_runs import DriftRunState, DriftTrigger
from bot.domain.errors import LightshipError, Permanent
from bot.logs import set_up_logging
from bot.settings import load_settings, read_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.bootstrap.drifts import Drifts
    from bot.domain.drift_runs import DriftRun
    from bot.ports.stores import Store
    from bot.settings import Environment, LoadedSettings, Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class _Made:
    """A run as it ended. `pushed` is None where no Pushgateway is configured, `unpushed` says what failed."""

    run: DriftRun
    pushed: bool | None = None
    unpushed: str = ""

    @property
    def failed(self) -> bool:
        return self.run.state is DriftRunState.FAILED or self.pushed is False


@click.command(
    epilog="\b\nExamples:\n  lightship drift run\n  lightship drift run shop --config deploy/lightship.yaml"
)
@click.argument("services", nargs=-1, metavar="[SERVICE]…")
@config_option
@json_option
def run(services: tuple[str, ...], config: Path, as_json: bool) -> None:
    """Make the configured drift reports now, and publish them.

    Of the named services, else of all that have `drift` in the configuration. Exits with 0 when every report
    was made, whatever it says, and with 1 when one could not be made, or not pushed to the Pushgateway that
    `drift.pushgateway` names; it is kept all the same. Set `drift.schedule: null` where something else runs
    this by the clock.
    """
    environment, faults = read_environment(os.environ)
    loaded = load_settings(config, os.environ)
    faults = (*faults, *loaded.faults)
    if faults or loaded.settings is None:
        show_faults(faults)
        sys.exit(1)
    set_up_logging(log_format=environment.log_format or "", level=environment.log_level)
    try:
        with waiting("Loading") as say:
            made = asyncio.run(_run(environment, loaded, loaded.settings, services, say))
    except LightshipError as error:
        click.echo(f"lightship drift run: {error}", err=True)
        sys.exit(1)
    for one in made:
        click.echo(json.dumps(_as_object(one)) if as_json else _line(one.run))
        if one.unpushed:
            kept = f"The run {one.run.id} is in the store."
            click.echo(f"{one.run.service}: its scores were not pushed: {one.unpushed}. {kept}", err=True)
    if any(one.failed for one in made):
        sys.exit(1)


async def _run(
    environment: Environment,
    loaded: LoadedSettings,
    settings: Settings,
    services: tuple[str, ...],
    say: Callable[[str], None],
) -> list[_Made]:
    # Imported here: `--help` and a fault in the configuration need none of it.
    from bot.bootstrap.drifts import NOTICE_REST, make_drifts  # noqa: PLC0415 - said above
    from bot.bootstrap.outside import make_outside, real_surroundings  # noqa: PLC0415 - said above
    from bot.engines.noticing import Noticing  # noqa: PLC0415 - said above

    outside = make_outside(environment, real_surroundings(environment))
    try:
        await outside.store.upgrade()
        noticing = Noticing(
            store=outside.store, ids=outside.ids, channel=settings.default_channel, rest=NOTICE_REST
        )
        drifts = make_drifts(settings, outside, folder=loaded.folder, noticing=noticing)
        if drifts is None:
            raise Permanent(f"no service in {loaded.path} has `drift`")
        made = []
        for name in services or tuple(drifts.watched):
            say(f"Comparing the data of {name}")
            done = await drifts.drifting.run(name, trigger=DriftTrigger.COMMAND)
            made.append(await _pushed(outside.store, drifts, done, prefix=settings.metrics_prefix_of(name)))
        if drifts.tracking is not None:
            say("Telling MLflow")
            await drifts.tracking.step()  # what MLflow does not take now, the bot tells it later
    finally:
        for close in outside.close:
            await close()
    return made


async def _pushed(store: Store, drifts: Drifts, run: DriftRun, *, prefix: str) -> _Made:
    """The run, with its scores pushed where that is configured; what goes wrong there does not lose it."""
    from bot.adapters.pushgateway import Pushgateway  # noqa: PLC0415 - as above
    from bot.engines.drift_pushing import push_scores  # noqa: PLC0415 - as above

    watched = drifts.watched[run.service]
    if not watched.pushgateway:
        return _Made(run=run)
    try:
        await push_scores(store, Pushgateway(), run=run, watched=watched, prefix=prefix)
    except LightshipError as error:
        return _Made(run=run, pushed=False, unpushed=str(error))
    return _Made(run=run, pushed=True)


def _as_object(made: _Made) -> dict[str, object]:
    run, pushed = made.run, {} if made.pushed is None else {"pushed": made.pushed}
    return {
        "service": run.service,
        "run": run.id,
        "state": run.state.value,
        "score": run.score,
        "reason": run.reason,
        **pushed,
    }


def _line(run: DriftRun) -> str:
    if run.state is DriftRunState.FAILED:
        return f"{run.service}: failed, {run.reason} (run {run.id})"
    score = "too little data for a score" if run.score is None else f"score {run.score:.3f}"
    return f"{run.service}: {score} (run {run.id})"
