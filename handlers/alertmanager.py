"""`POST /alerts`: the door for Alertmanager's webhooks. Mounted by `handlers.server`.

It answers 200 only after the intake engine has stored what it was given. Alertmanager repeats a 5xx with
back-off and gives a 4xx up, so only what can never succeed gets a 4xx.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from aiohttp import web
from aiohttp.client_exceptions import ClientError
from aiohttp.http_exceptions import HttpProcessingError

from bot.domain.deliveries import Delivery
from bot.domain.errors import LightshipError
from bot.logs import Log, LogAction
from bot.telemetry import ALERTS_RECEIVED, ALERTS_REJECTED, WEBHOOK_SECONDS
from handlers.unpacking import PLAIN, TooMuchError, unpacked
from handlers.webhooks import ReadWebhook, WebhookFault, read_webhook

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.ports.clock import Clock, Ids

DEFAULT_SOURCE: Final = "default"
DEFAULT_BODY_LIMIT: Final = 16 * 1024 * 1024
_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_READ_IN_A_THREAD: Final = 128 * 1024
"""Bodies above this are parsed in a thread: the event loop must not stand still for one."""

_THREADS: Final = 2

_SUCCESS: Final = 200
_ANSWERED: Final = WEBHOOK_SECONDS.labels(outcome=str(_SUCCESS))

_log = Log("alertmanager")

T = TypeVar("T")


class Intake(Protocol):
    """The intake engine, as this door uses it."""

    async def submit(self, delivery: Delivery) -> None:
        """Return once it is durably stored. Raises Temporary (overloaded, store away) or Permanent.

        It bounds the wait itself, below a second.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookRules:
    """The configured numbers of the door. Sizes in bytes, times in seconds; no token lets everybody in.

    `bytes_in_flight` bounds what all webhooks that are being read hold together.
    """

    token: str | None
    body_limit: int = DEFAULT_BODY_LIMIT
    bytes_in_flight: int = 4 * DEFAULT_BODY_LIMIT
    read_within: float = 30.0


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    """A webhook that gets no 200: status, the reason that is counted, and what is wrong."""

    def __init__(self, status: HTTPStatus, reason: str, fault: WebhookFault) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.fault = fault


class AlertmanagerDoor:
    """Takes webhooks.

    `on_rejected(reason)` is told when some were refused for good, wholly or partly: once in `tell_every` for
    each reason, because anybody who can connect can be refused as often as they like.
    """

    def __init__(
        self,
        *,
        intake: Intake,
        clock: Clock,
        ids: Ids,
        rules: WebhookRules,
        on_rejected: Callable[[str], None] = lambda _reason: None,
        tell_every: timedelta = timedelta(minutes=1),
    ) -> None:
        self._intake = intake
        self._clock = clock
        self._ids = ids
        self._rules = rules
        self._on_rejected = on_rejected
        self._tell_every = tell_every
        self._told_at: dict[str, datetime] = {}
        self._in_flight = 0
        # Of its own: names are looked up in the threads that all share, and where nobody answers those hang.
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="webhooks")

    @property
    def bytes_in_flight(self) -> int:
        """How much the webhooks that are being read may come to hold."""
        return self._in_flight

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one webhook: 200, 400, 401, 413 or 503."""
        started = time.monotonic()
        try:
            response = await self._take(request)
        except _Refused as refused:
            response = self._refuse(refused)
        spent = time.monotonic() - started
        if response.status == _SUCCESS:
            _ANSWERED.observe(spent)
        else:
            WEBHOOK_SECONDS.labels(outcome=str(response.status)).observe(spent)
        return response

    async def _take(self, request: web.Request) -> web.Response:
        if not token_fits(request.headers.getall("Authorization", []), self._rules.token):
            raise _Refused(
                HTTPStatus.UNAUTHORIZED,
                "unauthorized",
                WebhookFault(
                    where="Authorization",
                    fault="is not the bearer token",
                    mend="send the token of LIGHTSHIP_WEBHOOK_TOKEN as `Authorization: Bearer …`",
                ),
            )
        source = _source(request.query.getall("source", [])) if request.query_string else DEFAULT_SOURCE
        self._in_flight += (reserved := self._reserve(request))
        try:
            body = await self._unpack(request, await self._read(request))
            if len(body) > _READ_IN_A_THREAD:
                read = await self._in_thread(partial(read_webhook, body, source=source))
            else:
                read = read_webhook(body, source=source)
            return await self._store(read)
        finally:
            self._in_flight -= reserved

    def _reserve(self, request: web.Request) -> int:
        """How much this webhook may come to hold; 413 or 503 where that is too much."""
        rules = self._rules
        length = request.content_length
        if length is not None and length > rules.body_limit:
            raise _too_large(rules.body_limit)
        wanted = rules.body_limit if length is None or _encoding(request) not in PLAIN else length
        if self._in_flight and self._in_flight + wanted > rules.bytes_in_flight:
            raise _push_back("too many webhooks are being read")
        return wanted

    async def _read(self, request: web.Request) -> bytes:
        if request.content.is_eof() and request.content.exception() is None:
            # It came whole, together with its headers, as most do: there is nothing to wait for.
            whole = request.content.read_nowait()
            if len(whole) > self._rules.body_limit:
                raise _too_large(self._rules.body_limit)
            return whole
        body = bytearray()
        try:
            async with asyncio.timeout(self._rules.read_within):
                async for piece in request.content.iter_any():
                    body += piece
                    if len(body) > self._rules.body_limit:
                        raise _too_large(self._rules.body_limit)
        except TimeoutError:
            raise _push_back("the body did not arrive in time") from None
        except ConnectionError as error:
            # Nobody is left to answer; whoever sent it sends it again, as after any other push-back.
            raise _push_back("the connection was lost") from error
        except (ClientError, HttpProcessingError, web.RequestPayloadError) as error:
            raise _unreadable() from error
        return bytes(body)

    async def _unpack(self, request: web.Request, body: bytes) -> bytes:
        encoding, limit = _encoding(request), self._rules.body_limit
        if encoding in PLAIN:
            return body
        try:
            return await self._in_thread(partial(unpacked, body, encoding=encoding, limit=limit))
        except TooMuchError as error:
            raise _too_large(limit) from error
        except ValueError as error:
            raise _unreadable() from error

    async def _store(self, read: ReadWebhook) -> web.Response:
        ALERTS_RECEIVED.inc(read.told)
        if read.group is None:
            self._reject("invalid", max(read.unusable, 1))
            return _json({"detail": [fault.as_json() for fault in read.faults]}, HTTPStatus.BAD_REQUEST)
        delivery = Delivery(id=self._ids.new(), received_at=self._clock.now(), group=read.group)
        try:
            await self._intake.submit(delivery)
        except LightshipError as error:
            raise _push_back(str(error)) from error
        stored = len(read.group.alerts)
        if read.unusable:
            self._reject("invalid", read.unusable)
        # A line costs as much as reading the webhook; metrics count them, incidents have their own lines.
        _log.debug(LogAction.WEBHOOK_STORED, delivery=delivery.id, source=read.group.source, alerts=stored)
        if not read.faults:
            return web.json_response(text=_all_stored(stored))
        return _json({"stored": stored, "not_stored": [fault.as_json() for fault in read.faults]})

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _refuse(self, refused: _Refused) -> web.Response:
        if refused.status is HTTPStatus.SERVICE_UNAVAILABLE:
            _log.warning(LogAction.WEBHOOK_PUSHED_BACK, why=refused.fault.fault)
        else:
            self._reject(refused.reason, 1)
        response = _json({"detail": [refused.fault.as_json()]}, refused.status)
        if refused.status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Bearer realm="lightship"'
        if refused.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            response.force_close()  # else the server would go on reading what it has just refused
        return response

    def _reject(self, reason: str, count: int) -> None:
        ALERTS_REJECTED.labels(reason=reason).inc(count)
        _log.warning(LogAction.WEBHOOK_REJECTED, reason=reason, count=count)
        now = self._clock.now()
        told = self._told_at.get(reason)
        if told is None or now - told >= self._tell_every:
            self._told_at[reason] = now
            self._on_rejected(reason)


def token_fits(headers: list[str], token: str | None) -> bool:
    """Whether the one Authorization header carries the token; compared in constant time."""
    if token is None:
        return True
    scheme, _, credential = headers[0].strip().partition(" ") if len(headers) == 1 else ("", "", "")
    given = credential.strip().encode("utf-8", "surrogateescape")
    same = hmac.compare_digest(given, token.encode())
    return same and scheme.lower() == "bearer"


def _source(given: list[str]) -> str:
    names = set(given or [DEFAULT_SOURCE])
    if len(names) == 1 and _SOURCE.fullmatch(name := names.pop()):
        return name
    fault = WebhookFault(
        where="source",
        fault="is not one name",
        mend="use letters, digits, dots, dashes and underscores, 64 at most",
    )
    raise _Refused(HTTPStatus.BAD_REQUEST, "bad_source", fault)


@lru_cache(maxsize=64)
def _all_stored(count: int) -> str:
    return json.dumps({"stored": count, "not_stored": []})


def _encoding(request: web.Request) -> str:
    return request.headers.get("Content-Encoding", "").strip().lower()


def _unreadable() -> _Refused:
    fault = WebhookFault(
        where="body",
        fault="cannot be read as its headers say",
        mend="check Content-Encoding and Transfer-Encoding",
    )
    return _Refused(HTTPStatus.BAD_REQUEST, "unreadable", fault)


def _too_large(limit: int) -> _Refused:
    fault = WebhookFault(
        where="body", fault=f"is larger than {limit} bytes", mend="set `max_alerts` in the receiver"
    )
    return _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", fault)


def _push_back(why: str) -> _Refused:
    fault = WebhookFault(where="lightship", fault=why, mend="send it again later")
    return _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "pushed_back", fault)


def _json(content: dict[str, object], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.json_response(content, status=status.value)
