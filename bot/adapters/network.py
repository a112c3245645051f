"""TCP, DNS and HTTP probes from the bot itself, behind `NetworkProber`; they carry nothing and keep nothing.

Only addresses that the configuration declares are asked, and never those where clouds hand out credentials:
a name is resolved first and the connection goes to the address that was judged, so that a name that changes
its answer in between leads nowhere else. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.domain.errors import Permanent, Temporary
from bot.domain.services import Way
from bot.ports.readers import ProbeAnswer

if TYPE_CHECKING:
    from bot.domain.services import ProbeTarget

_METADATA: Final = frozenset(
    ipaddress.ip_address(address) for address in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")
)
_ADDRESSES: Final = 16
_AGENT: Final = {"User-Agent": "lightship-connectivity-check"}


class NetworkProbes:
    """`bot.ports.readers.NetworkProber` over this machine's network; every probe ends within `timeout`."""

    def __init__(self, *, timeout: float = 3.0) -> None:
        self._timeout = timeout

    async def probe(self, target: ProbeTarget) -> ProbeAnswer:
        """Try to reach it. Raises Temporary where it cannot be reached, Permanent where it must not be."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                said = await self._ask(target)
        except TimeoutError as error:
            raise Temporary(f"no answer within {self._timeout:g} seconds") from error
        except (OSError, aiohttp.ClientError, ValueError) as error:
            raise Temporary(_words(error)) from error
        return ProbeAnswer(seconds=time.monotonic() - started, said=said)

    async def _ask(self, target: ProbeTarget) -> str:
        match target.way:
            case Way.DNS:
                return ", ".join(await _resolved(target.address))
            case Way.TCP:
                host, _, port = target.address.rpartition(":")
                return await _connect(host.strip("[]"), int(port))
            case Way.HTTP:
                return await self._get(target.address)

    async def _get(self, url: str) -> str:
        host = urlsplit(url).hostname or ""
        if _is_address(host):
            _judge(host)  # the connector asks its resolver for names alone
        connector = aiohttp.TCPConnector(resolver=_JudgingResolver(), use_dns_cache=False, force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector, headers=_AGENT, trust_env=False) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            return str(answer.status)


class _JudgingResolver(AbstractResolver):
    """Resolves for the HTTP client, with the same judgement as for TCP."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name; raises Permanent for a forbidden one."""
        wanted = int(family)
        found: list[ResolveResult] = []
        for address in await _resolved(host):
            kind = socket.AF_INET6 if ":" in address else socket.AF_INET
            if wanted in (int(socket.AF_UNSPEC), int(kind)):
                found.append(
                    ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)
                )
        if not found:
            raise OSError(f"no address of the wanted kind for {host}")
        return found

    async def close(self) -> None:
        """Nothing is kept."""


async def _resolved(host: str) -> list[str]:
    """The addresses of a name, each allowed. Raises Permanent where one of them is not."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_ADDRESSES]
    for address in addresses:
        _judge(address)
    return addresses


async def _connect(host: str, port: int) -> str:
    error: OSError | None = None
    for address in await _resolved(host):
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError as failed:
            error = failed
            continue
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return f"connected to {address}"
    raise error or OSError("the name has no address")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _judge(address: str) -> None:
    parsed: Any = ipaddress.ip_address(address.partition("%")[0])
    plain = getattr(parsed, "ipv4_mapped", None) or parsed
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified or plain in _METADATA:
        raise Permanent(
            f"Lightship does not connect to {plain}: link-local and metadata addresses are barred"
        )


def _words(error: Exception) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror) or isinstance(
        cause, socket.gaierror
    ):
        return "the name does not resolve"
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return "its certificate is not trusted, or it speaks no TLS"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    if isinstance(cause, ConnectionResetError | aiohttp.ServerDisconnectedError):
        return "it closed the connection"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return f"no usable answer ({type(error).__name__})"
