"""A hundred thousand requests that no honest client sends, at the real process."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from yarl import URL

from handlers.openapi import openapi
from tests.e2e.deployed import deployed
from tests.e2e.fuzzing import Fuzzer
from tests.e2e.scenes import TOKEN

if TYPE_CHECKING:
    import schemathesis

    from tests.e2e.servers.lightship import Lightship

REQUESTS = 100_000
CONNECTIONS = 16
WITHIN_SECONDS = 150.0
LEAST_REQUESTS = 10_000
"""A slow or busy machine ends by time; how many there were is told."""

DOCUMENTED = 500
MOST_MEGABYTES = 600


async def fuzz(url: str, seed: int, *, until: float, seen: Counter[int]) -> None:
    """Requests over connections that the server may close, which are then made anew."""
    address, fuzzer = URL(url), Fuzzer(seed)
    reader = writer = None
    for _ in range(REQUESTS // CONNECTIONS):
        if time.monotonic() > until and seen.total() >= LEAST_REQUESTS:
            break
        if writer is None or reader is None or writer.is_closing() or reader.at_eof():
            reader, writer = await asyncio.open_connection(address.host, address.port)
        status = 0
        try:
            writer.write(fuzzer.request())
            await writer.drain()
            async with asyncio.timeout(120):
                status, goes_on = await answered(reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            goes_on = False
        seen[status] += 1
        if not goes_on:
            writer.close()
            writer = None
    if writer is not None:
        writer.close()


async def answered(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status, and whether the connection can be used on. Raises IncompleteReadError at its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split()[1])
    length = next(
        (int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length:")), None
    )
    if length is None or "connection: close" in head:
        return status, False
    # A HEAD is answered with the length of what is not sent: such a connection is given up.
    if length and not head.startswith("http/1.1 405"):
        try:
            async with asyncio.timeout(0.5):
                await reader.readexactly(length)
        except TimeoutError:
            return status, False
    return status, length == 0 or not head.startswith("http/1.1 405")


def megabytes(bot: Lightship) -> int:
    """Its resident memory."""
    lines = Path(f"/proc/{bot.program.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


@pytest.mark.timeout(900)
async def test_no_request_makes_it_fail(tmp_path: Path) -> None:
    """No answer is the server's own error but push-back, no line of the log an error, and it goes on."""
    database = f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}"
    async with deployed(tmp_path, database) as parts:
        bot = await parts.start()
        seen: Counter[int] = Counter()
        began = time.monotonic()
        until = began + WITHIN_SECONDS
        await asyncio.gather(*(fuzz(bot.url, seed, until=until, seen=seen) for seed in range(CONNECTIONS)))
        told = ", ".join(f"{count} x {status}" for status, count in sorted(seen.items()))
        took = time.monotonic() - began
        print(f"\nfuzzed: {seen.total()} requests in {took:.0f} s: {told}; {megabytes(bot)} MB")  # noqa: T201
        assert seen.total() >= LEAST_REQUESTS
        assert not [status for status in seen if status >= 500 and status != 503], told
        assert seen[200] > seen.total() // 20, "some of it is taken"
        assert (await parts.page(bot, "/healthz"))[0] == 200
        assert megabytes(bot) < MOST_MEGABYTES
        # On a busy machine a tick may find the store busy; the next one asks again.
        errors = [line for line in bot.log_lines("error") if not line["logger"].startswith("apscheduler")]
        assert not errors, errors[:3]


@pytest.mark.timeout(900)
async def test_what_the_document_promises_is_what_is_answered(tmp_path: Path) -> None:
    """Webhooks made from the OpenAPI document and around it each get an answer that stands in it."""
    database = f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}"
    async with deployed(tmp_path, database) as parts:
        bot = await parts.start()
        await asyncio.to_thread(_as_documented, bot.url)
        assert (await parts.page(bot, "/healthz"))[0] == 200
        assert "Traceback" not in bot.log.read_text("utf-8")


def _as_documented(url: str) -> None:
    import schemathesis  # noqa: PLC0415 - of the group `examples`; the quick suite collects this file without it

    document = openapi()
    operation = schemathesis.openapi.from_dict(document)["/alerts"]["POST"]
    promised = {int(status) for status in document["paths"]["/alerts"]["post"]["responses"]}
    session, authorized = requests.Session(), {"Authorization": f"Bearer {TOKEN}"}

    def hold(case: schemathesis.Case[Any]) -> None:
        answer = case.call(base_url=url, session=session, timeout=30, headers=authorized)
        assert answer.status_code in promised, (answer.status_code, answer.text)

    right = operation.as_strategy()
    wrong = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    for cases in (right, wrong):
        settings(
            max_examples=DOCUMENTED,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(case=cases)(hold))()
    session.close()
