"""`lightship run`: the bot."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.runbooks import vocabulary_of
from bot.cli.options import config_option, show_faults
from bot.domain.errors import LightshipError
from bot.extensions import install
from bot.logs import Log, LogAction, set_up_logging
from bot.settings import load_settings, read_environment, reasons_not_to_run

if TYPE_CHECKING:
    from pathlib import Path

    from bot.domain.runbooks import Runbook
    from bot.settings import Environment, LoadedSettings, Settings

LEAVE_WITHIN = 1.0
RELOAD_SECONDS = 10.0
_LOG = Log("run")


@click.command(epilog="\b\nExamples:\n  lightship run\n  lightship run --config deploy/lightship.yaml")
@config_option
def run(config: Path) -> None:
    """Start the bot: webhooks, Slack, checks, approvals.

    Slack comes by HTTP (SLACK_SIGNING_SECRET) or Socket Mode (SLACK_APP_TOKEN). Ends on SIGTERM, after
    committing what was accepted.
    """
    gc.disable()  # until it is ready, as nearly all that is made until then stays
    environment, faults = read_environment(os.environ)
    loaded = load_settings(config, os.environ)
    faults = (*faults, *loaded.faults)
    reasons = reasons_not_to_run(environment)
    if faults or reasons or loaded.settings is None:
        show_faults(faults)
        for reason in reasons:
            click.echo(f"lightship run: {reason}", err=True)
        sys.exit(1)
    runbooks = load_runbooks(loaded.runbook_folders, vocabulary_of(loaded.settings))
    if runbooks.faults:
        show_faults(runbooks.faults)
        sys.exit(1)
    set_up_logging(log_format=environment.log_format or "", level=environment.log_level)
    sys.exit(asyncio.run(_run(environment, loaded, loaded.settings, runbooks.runbooks)))


async def _run(
    environment: Environment, loaded: LoadedSettings, settings: Settings, runbooks: tuple[Runbook, ...]
) -> int:
    # Imported here: `--help` and a fault in the configuration need none of it.
    from bot.bootstrap.assembly import Lightship  # noqa: PLC0415 - said above
    from bot.bootstrap.outside import make_outside, real_surroundings  # noqa: PLC0415 - said above
    from bot.cli.reloading import keep_runbooks, tell_broken  # noqa: PLC0415 - said above
    from bot.cli.serving import ToldToEndError, explain, serving, told_to_end  # noqa: PLC0415 - said above

    code, told = 0, told_to_end()
    asyncio.get_running_loop().set_exception_handler(_hear)
    try:
        outside = make_outside(environment, real_surroundings(environment))
        lightship = Lightship(settings=settings, runbooks=runbooks, outside=outside, folder=loaded.folder)
        async with serving(lightship, environment, told=told):
            # What is there now stays; looking through it again and again would hold up webhooks for a tenth
            # of a second each time.
            gc.freeze()
            gc.enable()
            reloading = asyncio.create_task(
                keep_runbooks(lightship, loaded.runbook_folders, every=RELOAD_SECONDS), name="reloading"
            )
            telling = asyncio.create_task(tell_broken(lightship, install().broken), name="telling-broken")
            await told.wait()
            for task in (reloading, telling):
                task.cancel()
    except ToldToEndError:
        _LOG.info(LogAction.STOPPED)
    except (OSError, LightshipError) as error:
        click.echo(f"lightship run: {explain(error, environment)}", err=True)
        code = 1
    await _leave(code)
    return code


async def _leave(code: int) -> None:
    """End what is still under way; where something does not let go of it, end the process with it.

    A driver may hold a task, and a question to somebody who never answers holds a thread, which nothing can
    cancel and the interpreter would wait for. Everything that counts is committed by now, and a next start
    recovers what is not.
    """
    late = threading.Timer(LEAVE_WITHIN, _end, [code])
    late.daemon = True
    late.start()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest)


def _end(code: int) -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _hear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A connection that breaks after nobody waits for it any more, as on the way out, is no error."""
    error = context.get("exception")
    if isinstance(error, ConnectionError | TimeoutError):
        _LOG.debug(LogAction.LIBRARY, message=str(context.get("message", "")), error=type(error).__name__)
        return
    loop.default_exception_handler(context)
