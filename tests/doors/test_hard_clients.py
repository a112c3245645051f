"""Clients that mean harm or do it anyway, at the real server: bombs, floods, slowness, half a request."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from yarl import URL

from tests.doors.alert_bench import TOKEN

if TYPE_CHECKING:
    from tests.doors.conftest import Bot

MEGABYTE = 1024 * 1024
UNPACKED = 150 * MEGABYTE
MOST_HELD = 60 * MEGABYTE
"""The body's limit is 16 MiB; what is read, copied and unpacked at a time comes on top of it."""


async def spoken(url: str, *pieces: bytes, within: float = 20.0) -> bytes:
    """Say that over one connection; all that is answered until the server closes, or the first answer."""
    address = URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        async with asyncio.timeout(within):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await reader.read(65_536)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def request(body: bytes, *headers: str, path: str = "/alerts") -> bytes:
    """A whole request."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: lightship",
        f"Authorization: Bearer {TOKEN}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def status_of(answer: bytes) -> int:
    """The status of an answer; 0 where the connection was just closed."""
    return int(answer.split()[1]) if answer else 0


async def is_well(url: str) -> bool:
    """Whether the next one is served."""
    get = b"GET /healthz HTTP/1.1\r\nHost: lightship\r\nConnection: close\r\n\r\n"
    return status_of(await spoken(url, get)) == 200


@pytest.mark.parametrize("path", ["/alerts", "/slack/events"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_is_not_unpacked(bot: Bot, encoding: str, path: str) -> None:
    """150 MiB in 150 kB are refused with 413 as soon as the limit is reached, and are never held."""
    zeros = bytes(UNPACKED)
    bomb = gzip.compress(zeros, 6) if encoding == "gzip" else zlib.compress(zeros, 6)
    del zeros
    tracemalloc.start()
    try:
        answer = await spoken(bot.url, request(bomb, f"Content-Encoding: {encoding}", path=path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Slack never packs: its door takes the bytes as they are, and finds them to be none of Slack's.
    assert status_of(answer) == (413 if path == "/alerts" else 400), answer[:200]
    assert peak < MOST_HELD
    assert await is_well(bot.url)


async def test_packings_in_each_other_are_not_followed(bot: Bot) -> None:
    """A bomb in a bomb is refused: one packing is undone at most."""
    bomb = gzip.compress(gzip.compress(bytes(50 * MEGABYTE)))
    for headers in (("Content-Encoding: gzip, gzip",), ("Content-Encoding: gzip",)):
        assert status_of(await spoken(bot.url, request(bomb, *headers))) in {400, 413}


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-{number}: y" for number in range(20_000)],
        [f"X: {'y' * 100_000}"],
        [f"{'X' * 100_000}: y"],
        [f"Cookie: {'a=b; ' * 50_000}"],
    ],
    ids=["many", "long", "long name", "long cookie"],
)
async def test_a_flood_of_headers_is_cut_off(bot: Bot, headers: list[str]) -> None:
    """It is refused or hung up on, and the next one is served."""
    answer = await spoken(bot.url, request(b"{}", *headers))
    assert status_of(answer) in {0, 400, 413, 431}, answer[:200]
    assert await is_well(bot.url)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /alerts HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"POST /alerts HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST /alerts HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /alerts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /alerts HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["two lengths", "lengths that differ", "negative", "no chunk", "version", "TLS", "long path"],
)
async def test_what_is_no_request_is_refused(bot: Bot, head: bytes) -> None:
    """Nothing of it is understood in two ways, and none is the server's own error."""
    answer = await spoken(bot.url, head)
    assert status_of(answer) in {0, 400, 401, 404, 414, 431, 505}, answer[:200]
    assert await is_well(bot.url)


async def test_slow_clients_keep_nobody_waiting(bot: Bot) -> None:
    """With three hundred that stop in their headers or their body, others are served as before."""
    address = URL(bot.url)
    begun = request(b"x" * 100)[:-90]
    half = (begun[:40], begun)
    held = []
    for number in range(300):
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(half[number % 2])
        held.append(writer)
    try:
        body = json.dumps({"version": "4"}).encode()
        async with asyncio.timeout(10):
            assert status_of(await spoken(bot.url, request(body))) == 400
            assert await is_well(bot.url)
    finally:
        for writer in held:
            writer.close()
