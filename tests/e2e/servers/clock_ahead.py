"""`lightship run` on a machine whose clock is ahead: `python -m tests.e2e.servers.clock_ahead SECONDS`.

Both clocks that the bot reads are moved: the port of its own, and the one that APScheduler has.
"""

import asyncio
import os
import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from apscheduler.executors import base as executors
from apscheduler.schedulers import base as schedulers

from bot.adapters.clock import SystemClock
from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.assembly import Lightship
from bot.bootstrap.outside import make_outside, real_surroundings
from bot.bootstrap.runbooks import vocabulary_of
from bot.cli.serving import serving, until_told
from bot.logs import set_up_logging
from bot.settings import load_settings, read_environment

AHEAD = timedelta(seconds=float(sys.argv[1]))


class ClockAhead(SystemClock):
    """The machine's clock, and more."""

    def now(self) -> datetime:
        """Later than it is."""
        return super().now() + AHEAD


class TimeAhead(datetime):
    """The same for the scheduler, which asks the class."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "TimeAhead":
        """Later than it is."""
        return super().now(tz) + AHEAD


async def main() -> None:
    """Run until told to end."""
    environment, _ = read_environment(os.environ)
    loaded = load_settings(Path(os.environ["LIGHTSHIP_CONFIG"]), os.environ)
    assert loaded.settings is not None
    runbooks = load_runbooks(loaded.runbook_folders, vocabulary_of(loaded.settings)).runbooks
    set_up_logging(log_format="json", level=environment.log_level)
    outside = make_outside(environment, real_surroundings(environment), clock=ClockAhead())
    lightship = Lightship(settings=loaded.settings, runbooks=runbooks, outside=outside)
    async with serving(lightship, environment):
        await until_told()


if __name__ == "__main__":
    for module in (schedulers, executors):
        module.datetime = TimeAhead
    asyncio.run(main())
