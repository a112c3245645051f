"""One call of Slack's Web API: time-outs, no repeats, errors translated, counted. Under the Slack adapters.

The SDK's own retry handlers are switched off: after a broken connection they would send a post again that
Slack has read already.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_errors import from_code, from_status, lost, outcome_label
from bot.domain.errors import LightshipError, Permanent, Temporary
from bot.telemetry import SLACK_CALL_SECONDS, SLACK_CALLS

if TYPE_CHECKING:
    from collections.abc import Mapping

SLACK_API_URL: Final = "https://slack.com/api/"
_CONNECTIONS: Final = 20
_LARGEST_REFUSAL: Final = 10_000
_SCOPES: Final = "x-oauth-scopes"
_UNREADABLE: Final = "Slack's answer cannot be read"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who the bot token belongs to."""

    team: str
    team_name: str
    user: str
    bot: str


class SlackCalls:
    """The Web API with one token. Open it with `async with`, or close it with `aclose`."""

    def __init__(
        self, *, token: str, base_url: str = "", total_timeout: float = 15.0, connect_timeout: float = 5.0
    ) -> None:
        self._token = token
        self._base_url = base_url or SLACK_API_URL
        self._timeout = aiohttp.ClientTimeout(total=total_timeout, connect=connect_timeout)
        self._session: aiohttp.ClientSession | None = None
        self._identity: Identity | None = None

    def __repr__(self) -> str:
        return f"SlackCalls({self._base_url})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP session, made on first use inside the event loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, connector=aiohttp.TCPConnector(limit=_CONNECTIONS)
            )
        return self._session

    def client(self) -> AsyncWebClient:
        """The SDK's client on our session and without any repeat of its own."""
        client = AsyncWebClient(
            token=self._token, base_url=self._base_url, session=self.session, retry_handlers=[]
        )
        if is_loopback(self._base_url):
            client.proxy = None  # the SDK takes a proxy from the environment and knows no exceptions
        return client

    async def call(
        self, method: str, arguments: Mapping[str, Any], *, repeatable: bool = True, form: bool = False
    ) -> dict[str, Any]:
        """Slack's answer. Raises what `slack_errors` makes of any other; never sends twice.

        `repeatable` says whether the same call may simply be sent again when its answer was lost. Reading
        methods take forms only (`form`).
        """
        body: dict[str, Any] = {"params": dict(arguments)} if form else {"json": dict(arguments)}
        with _Measured(method, repeatable=repeatable) as measured:
            answer = await self.client().api_call(method, **body)
            if isinstance(answer.data, dict):
                return answer.data
            measured.outcome = "unreadable"
            raise lost(method, _UNREADABLE, repeatable=repeatable)

    async def post_answer(self, url: str, body: Mapping[str, Any]) -> None:
        """Send an answer to a response_url, once. Raises Temporary or Permanent.

        It counts as repeatable: a private answer that comes twice does no harm.
        """
        proxy = None if is_loopback(url) else self.client().proxy
        with _Measured("response_url", repeatable=True) as measured:
            async with self.session.post(url, json=dict(body), proxy=proxy, allow_redirects=False) as answer:
                if answer.status != HTTPStatus.OK:
                    code = _code_of(await answer.content.read(_LARGEST_REFUSAL))
                    measured.outcome = outcome_label(code) if code else "unreadable"
                    if code:
                        raise from_code("response_url", code, repeatable=True)
                    after = answer.headers.get("Retry-After")
                    raise from_status("response_url", answer.status, after, repeatable=True)

    async def send_bytes(self, url: str, content: bytes) -> None:
        """Send a file's content to the address that Slack named for it. Raises Temporary or Permanent.

        It may be repeated: what is sent is seen by nobody until it is shared.
        """
        proxy = None if is_loopback(url) else self.client().proxy
        headers = {"Content-Type": "application/octet-stream"}
        with _Measured("upload", repeatable=True) as measured:
            async with self.session.post(
                url, data=content, headers=headers, proxy=proxy, allow_redirects=False
            ) as answer:
                if answer.status != HTTPStatus.OK:
                    measured.outcome = "unreadable"
                    after = answer.headers.get("Retry-After")
                    raise from_status("upload", answer.status, after, repeatable=True)

    async def identity(self) -> Identity:
        """Whose token it is, asked once. Raises Temporary or Permanent."""
        if self._identity is None:
            answer = await self.call("auth.test", {})
            self._identity = Identity(
                team=str(answer.get("team_id", "")),
                team_name=str(answer.get("team", "")),
                user=str(answer.get("user_id", "")),
                bot=str(answer.get("bot_id", "")),
            )
        return self._identity

    async def scopes(self) -> frozenset[str]:
        """The token's OAuth scopes, for `lightship doctor`; empty where Slack does not tell them."""
        with _Measured("auth.test", repeatable=True):
            answer = await self.client().api_call("auth.test")
        named = {name.lower(): value for name, value in answer.headers.items()}.get(_SCOPES, "")
        return frozenset(scope.strip() for scope in named.split(",") if scope.strip())

    async def ping(self) -> None:
        """Ask Slack whether the token is good, every time anew; for readiness and `lightship doctor`."""
        await self.call("auth.test", {})


class _Measured:
    """Around one call: counts it, times it, turns what the SDK or the connection raises into our words."""

    def __init__(self, method: str, *, repeatable: bool) -> None:
        self._method = method
        self._repeatable = repeatable
        self._started = time.monotonic()
        self.outcome = "ok"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            if isinstance(error, Exception) and not isinstance(error, LightshipError):
                self.outcome, translated = self._translated(error)
                if translated is not error:
                    raise translated from error
            elif error is not None and self.outcome == "ok":
                self.outcome = "cancelled"
        finally:
            SLACK_CALLS.labels(method=self._method, outcome=self.outcome).inc()
            SLACK_CALL_SECONDS.labels(method=self._method).observe(time.monotonic() - self._started)

    def _translated(self, error: Exception) -> tuple[str, Exception]:
        method, repeatable = self._method, self._repeatable
        if isinstance(error, SlackApiError):
            return _translate(method, error, repeatable=repeatable)
        if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
            return "unreachable", Temporary(f"Slack cannot be reached ({method})")
        if isinstance(error, TimeoutError):
            return "timeout", lost(method, "Slack did not answer in time", repeatable=repeatable)
        # The SDK takes for granted that an answer is an object in UTF-8; a proxy's need not be.
        unreadable = isinstance(error, (UnicodeDecodeError, AttributeError))
        if unreadable or isinstance(
            error, (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError)
        ):
            why = _UNREADABLE if unreadable else "the connection to Slack broke"
            return "unreadable" if unreadable else "disconnected", lost(method, why, repeatable=repeatable)
        if isinstance(error, (SlackClientError, ValueError)):
            words = f"Slack's client refused the call of {method}: {type(error).__name__}"
            return "unreadable", Permanent(words)
        return "bug", error


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine itself, so that no proxy lies between."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _code_of(body: bytes) -> str:
    """Slack's error code in the body of a refused answer; empty where there is none."""
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    code = content.get("error") if isinstance(content, dict) else None
    return code if isinstance(code, str) else ""


def _translate(method: str, error: SlackApiError, *, repeatable: bool) -> tuple[str, Exception]:
    """The metric's outcome and our error; the response is the SDK's or, for a broken body, aiohttp's."""
    response: Any = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    headers = getattr(response, "headers", None) or {}
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        return "ratelimited", from_status(method, status, headers.get("Retry-After"), repeatable=repeatable)
    if code:
        needed = str(data.get("needed", "")) if isinstance(data, dict) else ""
        return outcome_label(code), from_code(method, code, repeatable=repeatable, needed=needed)
    label = "http_5xx" if status >= 500 else "unreadable"  # noqa: PLR2004 - server faults
    return label, from_status(method, status, None, repeatable=repeatable)
