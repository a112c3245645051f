from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bot.adapters.network import NetworkProbes
from bot.domain.errors import Permanent, Temporary
from bot.domain.services import ProbeTarget, Way

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def target(way: Way, address: str) -> ProbeTarget:
    """Something to try."""
    return ProbeTarget(name="x", way=way, address=address)


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """An HTTP server on loopback: `/ok`, `/away` (a redirect elsewhere) and `/hang`."""
    over = asyncio.Event()

    async def ok(_: web.Request) -> web.Response:
        return web.Response(status=204)

    async def away(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data")

    async def hang(_: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/ok", ok), web.get("/away", away), web.get("/hang", hang)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"{host}:{port}"
    over.set()
    await runner.cleanup()


def unused() -> str:
    """An address on which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{held.getsockname()[1]}"


async def test_what_answers_is_reached(server: str) -> None:
    """A port that takes connections, a name that resolves, an address that answers."""
    probes = NetworkProbes()
    assert (await probes.probe(target(Way.TCP, server))).said == "connected to 127.0.0.1"
    assert "127.0.0.1" in (await probes.probe(target(Way.DNS, "localhost"))).said
    answer = await probes.probe(target(Way.HTTP, f"http://{server}/ok"))
    assert answer.said == "204"
    assert 0 < answer.seconds < 3


async def test_a_name_is_resolved_for_http_too(server: str) -> None:
    """An HTTP address with a name goes through the judging resolver and is answered."""
    port = server.rpartition(":")[2]
    assert (await NetworkProbes().probe(target(Way.HTTP, f"http://localhost:{port}/ok"))).said == "204"


async def test_redirects_are_answers_and_never_followed(server: str) -> None:
    """A redirect to a metadata address is told as its status; nobody goes there."""
    assert (await NetworkProbes().probe(target(Way.HTTP, f"http://{server}/away"))).said == "302"


@pytest.mark.parametrize(
    ("way", "address", "words"),
    [
        (Way.DNS, "no-such-host.invalid", "the name does not resolve"),
        (Way.TCP, "no-such-host.invalid:80", "the name does not resolve"),
        (Way.HTTP, "http://no-such-host.invalid/", "the name does not resolve"),
    ],
)
async def test_a_name_that_does_not_exist(way: Way, address: str, words: str) -> None:
    """A name without an address is told in the same words by each way."""
    with pytest.raises(Temporary, match=words):
        await NetworkProbes(timeout=10).probe(target(way, address))


async def test_a_port_on_which_nothing_listens() -> None:
    """Refused connections are told as that."""
    address = unused()
    for wanted in (target(Way.TCP, address), target(Way.HTTP, f"http://{address}/")):
        with pytest.raises(Temporary, match="connection refused"):
            await NetworkProbes().probe(wanted)


async def test_a_server_without_tls_or_in_silence(server: str) -> None:
    """No TLS where it is wanted, and no answer in time, each have their words."""
    with pytest.raises(Temporary, match=r"no TLS|closed the connection"):
        await NetworkProbes().probe(target(Way.HTTP, f"https://{server}/ok"))
    with pytest.raises(Temporary, match=r"no answer within 0\.2 seconds"):
        await NetworkProbes(timeout=0.2).probe(target(Way.HTTP, f"http://{server}/hang"))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "100.100.100.200",
        "0.0.0.0",
        "[fd00:ec2::254]",
    ],
)
async def test_metadata_addresses_are_barred(address: str) -> None:
    """Addresses where clouds hand out credentials are refused for good, before anything is sent."""
    for wanted in (target(Way.TCP, f"{address}:80"), target(Way.HTTP, f"http://{address}/latest")):
        with pytest.raises(Permanent, match="does not connect"):
            await NetworkProbes().probe(wanted)


async def test_a_name_that_leads_to_a_metadata_address_is_barred(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a name resolves to is judged, whatever it is called."""

    async def resolved(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    for wanted in (
        target(Way.DNS, "innocent.example"),
        target(Way.TCP, "innocent.example:80"),
        target(Way.HTTP, "http://innocent.example/"),
    ):
        with pytest.raises(Permanent, match="does not connect"):
            await NetworkProbes().probe(wanted)
