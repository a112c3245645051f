"""The fallback as one POST of JSON to a configured address, which may hold a secret and is never told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp

from bot.domain.errors import Permanent, Temporary

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT: Final = 10.0
_OK, _REDIRECT, _TOO_MANY, _SERVER_ERROR = 200, 300, 429, 500


class HttpFallback:
    """`bot.ports.fallback.Fallback` over HTTP. Any 2xx counts as taken; redirects are not followed."""

    def __init__(self, url: str, *, timeout: float = _TIMEOUT) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, document: Mapping[str, Any]) -> None:
        """Post it once."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with self._session.post(self._url, json=document, allow_redirects=False) as answer:
                status = answer.status
        except aiohttp.InvalidURL:
            # Not chained: its text is the address.
            raise Permanent("fallback.url is no address") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            words = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            raise Temporary(f"the fallback cannot be reached: {words}") from None
        if _OK <= status < _REDIRECT:
            return
        if status >= _SERVER_ERROR or status == _TOO_MANY:
            raise Temporary(f"the fallback answered {status}")
        raise Permanent(f"the fallback refuses: {status}")

    async def close(self) -> None:
        """Close the connections; a later call opens them anew."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
