"""Bringing a command, an action or an event to the app: signed over HTTP, or through Socket Mode.

`people` and the server call `Delivery`; `signed_request` alone serves tests that send a request of their own.
"""

import asyncio
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.console.sockets import NoSocketError, Sockets
from bot.console.values import Clock, Json

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
REMEMBERED = 1000
LARGEST_ANSWER = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request as Slack makes it: send `body` with `headers` by POST."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """How the app took a delivery.

    `error` is empty, `operation_timeout` (no answer in 3 s) or `dispatch_failed`; `body` is the answer as
    parsed JSON, text, or None; `seconds` is how long it took, in real time.
    """

    status: int
    body: Any = None
    seconds: float = 0.0
    error: str = ""
    wants_retry: bool = True

    @property
    def ok(self) -> bool:
        """Whether the app acknowledged in time."""
        return not self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One attempt of a delivery; `attempt` is 0 for the first."""

    kind: str
    payload: Json
    attempt: int
    ack: Ack


def signed_request(
    payload: Mapping[str, str] | Json,
    *,
    kind: str,
    signing_secret: str,
    now: float,
    headers: Mapping[str, str] | None = None,
) -> SignedRequest:
    """Signs a body as Slack does, at `now` seconds since the epoch.

    `kind`: `slash_commands` (form fields), `interactive` (a form's `payload`), `events_api` (JSON).
    """
    if kind == "events_api":
        body, content_type = json.dumps(payload).encode(), JSON
    elif kind == "interactive":
        body, content_type = urlencode({"payload": json.dumps(payload)}).encode(), FORM
    else:
        body, content_type = urlencode(payload).encode(), FORM
    stamp = str(int(now))
    signature = hmac.new(signing_secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return SignedRequest(
        headers={
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signature}",
            **(headers or {}),
        },
        body=body,
    )


class Delivery:
    """Sends to the app and waits for its acknowledgement; events that fail are sent again in the background.

    `events_url` may be set later than the stand-in starts. `moved` hears of every attempt, `sent` keeps
    the newest ones for tests.
    """

    def __init__(
        self,
        *,
        events_url: str | None,
        signing_secret: str,
        clock: Clock,
        sockets: Sockets,
        moved: Callable[[], None],
        ack_timeout: float = 3.0,
        retry_delays: Sequence[float] = (0.0, 60.0, 300.0),
    ) -> None:
        self.events_url = events_url
        self.sockets = sockets
        self._moved = moved
        self.sent: deque[Sent] = deque(maxlen=REMEMBERED)
        self._signing_secret = signing_secret
        self._clock = clock
        self._ack_timeout = ack_timeout
        self._retry_delays = tuple(retry_delays)
        self._session: aiohttp.ClientSession | None = None
        self._retries: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Opens the client session."""
        self._session = aiohttp.ClientSession()

    async def stop(self) -> None:
        """Gives up what is still to be sent again and closes the session."""
        for task in tuple(self._retries):
            task.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def send(self, kind: str, payload: Json, *, attempt: int = 0, reason: str = "") -> Ack:
        """One attempt; `kind` as for `signed_request`."""
        started = asyncio.get_running_loop().time()
        try:
            if self.sockets.connections:
                ack = await self._through_socket(kind, payload, attempt, reason)
            else:
                ack = await self._over_http(kind, payload, attempt, reason)
        except TimeoutError:
            ack = Ack(status=0, error="operation_timeout")
        except (aiohttp.ClientError, NoSocketError, ConnectionError):
            ack = Ack(status=0, error="dispatch_failed")
        seconds = asyncio.get_running_loop().time() - started
        ack = Ack(
            status=ack.status, body=ack.body, seconds=seconds, error=ack.error, wants_retry=ack.wants_retry
        )
        self.sent.append(Sent(kind=kind, payload=payload, attempt=attempt, ack=ack))
        self._moved()
        return ack

    async def send_event(self, envelope: Json) -> Ack:
        """Sends an event; when it is not acknowledged it comes again (at once, after 1 and 5 minutes)."""
        ack = await self.send("events_api", envelope)
        if not ack.ok and ack.wants_retry:
            task = asyncio.create_task(self._again(envelope, ack))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)
        return ack

    async def _again(self, envelope: Json, first: Ack) -> None:
        ack = first
        for attempt, delay in enumerate(self._retry_delays, start=1):
            await asyncio.sleep(delay)
            reason = {"operation_timeout": "http_timeout"}.get(
                ack.error, "http_error" if ack.status else "connection_failed"
            )
            ack = await self.send("events_api", envelope, attempt=attempt, reason=reason)
            if ack.ok or not ack.wants_retry:
                return

    async def _through_socket(self, kind: str, payload: Json, attempt: int, reason: str) -> Ack:
        more = {"retry_attempt": attempt, "retry_reason": reason} if kind == "events_api" else {}
        body = await self.sockets.send(kind, payload, timeout=self._ack_timeout, **more)
        return Ack(status=200, body=body or None)

    async def _over_http(self, kind: str, payload: Json, attempt: int, reason: str) -> Ack:
        if self._session is None or self.events_url is None:
            return Ack(status=0, error="dispatch_failed")
        again = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if attempt else {}
        made = signed_request(
            payload, kind=kind, signing_secret=self._signing_secret, now=self._clock(), headers=again
        )
        timeout = aiohttp.ClientTimeout(total=self._ack_timeout)
        async with self._session.post(
            self.events_url, data=made.body, headers=made.headers, timeout=timeout, allow_redirects=False
        ) as response:
            text = (await response.content.read(LARGEST_ANSWER)).decode(errors="replace")
            return Ack(
                status=response.status,
                body=_parsed(text),
                error="" if response.ok else "dispatch_failed",
                wants_retry=response.headers.get("X-Slack-No-Retry") != "1",
            )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except json.JSONDecodeError:
        return text
