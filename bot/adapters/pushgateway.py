"""A Prometheus Pushgateway behind `bot.ports.pushing`, by the client library's own functions.

Each service has a group of its own, so that one run leaves the scores of the others alone. The labels of the
group are `job` and `service`: scrape the gateway with `honor_labels: true`.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.error import HTTPError

import aiohttp
from prometheus_client import push_to_gateway, pushadd_to_gateway

from bot.domain.errors import Permanent, Temporary
from bot.domain.outside_text import one_line
from bot.domain.redaction import without_secrets

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

JOB: Final = "lightship_drift"
_TIMEOUT: Final = 10.0
_SERVER_ERROR, _TOO_MANY = 500, 429


class Pushgateway:
    """`bot.ports.pushing.ScoreGateway`; `timeout` is in seconds, for each time that it waits."""

    def __init__(self, *, timeout: float = _TIMEOUT) -> None:
        self._timeout = timeout

    async def push(self, address: str, *, service: str, scores: Collector, whole: bool) -> None:
        """PUT takes the group's place, POST leaves what has another name."""
        call = push_to_gateway if whole else pushadd_to_gateway
        try:
            await asyncio.to_thread(
                call, address, JOB, scores, grouping_key={"service": service}, timeout=self._timeout
            )
        except HTTPError as error:
            raise await asyncio.to_thread(_translated, error, address) from error
        except (OSError, ValueError) as error:
            why = one_line(without_secrets(str(error)), limit=200) or type(error).__name__
            raise Temporary(f"the Pushgateway at {address} cannot be reached: {why}") from error

    async def ask(self, address: str) -> None:
        """Raise Temporary where it does not say that it is ready."""
        timeout = aiohttp.ClientTimeout(total=self._timeout)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{address.rstrip('/')}/-/ready", allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = one_line(without_secrets(str(error)), limit=200) or type(error).__name__
            raise Temporary(f"the Pushgateway at {address} cannot be reached: {why}") from error
        if status != HTTPStatus.OK:
            raise Temporary(f"the Pushgateway at {address} is not ready: {status}")


def _translated(error: HTTPError, address: str) -> Permanent | Temporary:
    try:
        said = error.read(500).decode("utf-8", "replace")
    except OSError:
        said = ""
    finally:
        error.close()
    words = one_line(without_secrets(f"{error.code} {said or error.reason}"), limit=300)
    may_pass = error.code >= _SERVER_ERROR or error.code == _TOO_MANY
    sort, says = (Temporary, "cannot take them now") if may_pass else (Permanent, "does not take them")
    return sort(f"the Pushgateway at {address} {says}: {words}")
