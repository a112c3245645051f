"""Starts the stand-in alone, for development: `python -m bot.console --port 8090 --events-url …`."""

import argparse
import asyncio
import os
import signal
import sys

from bot.console.demo import demo_commands, demo_workspace
from bot.console.server import SlackStandIn


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.console", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="listen address (default: loopback)")
    parser.add_argument("--port", type=int, default=8090, help="0 picks a free one")
    parser.add_argument(
        "--events-url", help="where the app takes events, e.g. http://127.0.0.1:8080/slack/events"
    )
    parser.add_argument(
        "--signing-secret-env",
        default="SLACK_SIGNING_SECRET",
        help="the environment variable that holds the signing secret",
    )
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stand_in = SlackStandIn(
        demo_workspace(),
        events_url=arguments.events_url,
        signing_secret=os.environ.get(arguments.signing_secret_env) or "local-signing-secret",
        commands=demo_commands(),
        host=arguments.host,
        port=arguments.port,
    )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for word in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(word, stopped.set)
    async with stand_in:
        sys.stdout.write(f"console:       {stand_in.base_url}/\nSLACK_API_URL: {stand_in.api_url}\n")
        sys.stdout.flush()
        await stopped.wait()


def main() -> int:
    """Serves until interrupted; 1 when the port is taken."""
    try:
        asyncio.run(_serve(_arguments()))
    except OSError as refused:
        sys.stderr.write(f"cannot listen: {refused.strerror or refused}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
