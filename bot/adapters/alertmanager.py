"""Alertmanager's API, version 2: what it holds, and silences. One request a call, nothing repeated."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import aiohttp
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.adapters.alertmanager_routes import receivers_in, route_of, webhook_attempts_in, webhooks_in
from bot.domain.errors import Ambiguous, LightshipError, NotFound, Permanent, Temporary
from bot.domain.outside_text import one_line
from bot.ports.readers import SeenAlert, Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.domain.alert_routes import Route
    from bot.domain.drill_arrivals import Attempts
    from bot.domain.matchers import Matcher

_CHUNK: Final = 65_536
_MUCH: Final = 128 * 1024
"""Answers above this are parsed in a thread: the event loop must not stand still for thousands of alerts."""
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_METRICS: Final = "metrics"
_ALREADY: Final = "already expired"
_UNKNOWN: Final = "silence not found"
_SUCCESS, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 200, 404, 429, 500
_ALL: Final = dict.fromkeys(("active", "silenced", "inhibited", "unprocessed"), "true")


T = TypeVar("T")
_Content = Mapping[str, Any] | list[Any]


class _UnreadableError(Exception):
    """An answer that came and cannot be used."""


class AlertmanagerClient:
    """`AlertmanagerReader` and `Silencer` over one Alertmanager, whose address may hold a password."""

    def __init__(self, url: str, *, timeout: float = 10.0, max_bytes: int = 32_000_000) -> None:
        self._url = url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(5.0, timeout))
        self._max_bytes = max_bytes
        self._session: aiohttp.ClientSession | None = None

    async def alerts(self) -> tuple[SeenAlert, ...]:
        """Every alert it holds, suppressed ones among them."""
        answer = await self._call("GET", "alerts", params=_ALL)
        return _parsed(lambda: tuple(_seen(item) for item in answer))

    async def silences(self) -> tuple[Silence, ...]:
        """Every silence it holds, ended ones among them."""
        answer = await self._call("GET", "silences")
        return _parsed(lambda: tuple(_silence(item) for item in answer))

    async def started_at(self) -> datetime:
        """When it started: just after, it knows less than there is."""
        answer = await self._call("GET", "status")
        return _parsed(lambda: datetime.fromisoformat(answer["uptime"]))

    async def route(self) -> Route:
        """The tree of routes of its configuration. Raises Permanent where it cannot be read."""
        configuration = await self._configuration()
        return _parsed(lambda: route_of(configuration))

    async def receivers(self) -> Mapping[str, tuple[str, ...]]:
        """Its receivers, with the kinds of what they send."""
        configuration = await self._configuration()
        return _parsed(lambda: receivers_in(configuration))

    async def post(
        self,
        *,
        labels: Mapping[str, str],
        annotations: Mapping[str, str],
        starts_at: datetime,
        ends_at: datetime,
    ) -> None:
        """Give it an alert, as Prometheus would; one that has ended resolves. Twice is as once."""
        content = {
            "labels": dict(labels),
            "annotations": dict(annotations),
            "startsAt": _written(starts_at),
            "endsAt": _written(ends_at),
        }
        await self._call("POST", "alerts", content=[content])

    async def _configuration(self) -> Any:
        answer = await self._call("GET", "status")
        written = _parsed(lambda: str(answer["config"]["original"]))
        try:
            return await asyncio.to_thread(YAML(typ="safe").load, written)
        except YAMLError as error:
            raise Permanent("the configuration that Alertmanager shows is no YAML") from error

    async def webhooks(self) -> Mapping[str, tuple[str, ...]]:
        """By receiver the address of each webhook; empty where it hides them, as newer ones do."""
        configuration = await self._configuration()
        return _parsed(lambda: webhooks_in(configuration))

    async def webhook_attempts(self) -> Attempts:
        """What it tried to send to webhooks since it started, from its own metrics."""
        text = await self._call("GET", _METRICS)
        return _parsed(lambda: webhook_attempts_in(text))

    async def create(
        self,
        *,
        matchers: Sequence[Matcher],
        starts_at: datetime,
        ends_at: datetime,
        created_by: str,
        comment: str,
    ) -> str:
        """The new silence's id. Raises Ambiguous where it may have been created."""
        content = {
            "matchers": [_matcher(matcher) for matcher in matchers],
            "startsAt": _written(starts_at),
            "endsAt": _written(ends_at),
            "createdBy": created_by,
            "comment": comment,
        }
        answer = await self._call("POST", "silences", content=content, lossy=True)
        silence_id = answer.get("silenceID") if isinstance(answer, dict) else None
        if not isinstance(silence_id, str) or not _ID.fullmatch(silence_id):
            raise Ambiguous("Alertmanager did not tell the silence's id")
        return silence_id

    async def expire(self, silence_id: str) -> None:
        """End a silence now; an ended one is no error. Raises NotFound, Temporary or Permanent."""
        if not _ID.fullmatch(silence_id):
            raise Permanent(f"`{one_line(silence_id, limit=60)}` is no silence's id")
        try:
            await self._call("DELETE", f"silence/{silence_id}")
        except LightshipError as error:
            # Alertmanager answers 500 to this; asking for the state first would be a race.
            if _ALREADY not in str(error):
                raise

    async def close(self) -> None:
        """Close the connections; a later call opens them anew."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: _Content | None = None,
        lossy: bool = False,
    ) -> Any:
        """The JSON of an answer. `lossy`: where the answer does not tell, the call may have taken effect."""
        if not self._url:
            raise Permanent("no Alertmanager is configured: set ALERTMANAGER_URL")
        unclear = Ambiguous if lossy else Temporary
        try:
            status, body = await self._send(method, path, params=params or {}, content=content)
        except aiohttp.InvalidURL as error:
            raise Permanent("ALERTMANAGER_URL is no address") from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Temporary("Alertmanager cannot be reached") from error
        except (aiohttp.ClientError, TimeoutError, OSError, _UnreadableError) as error:
            words = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            raise unclear(f"Alertmanager gave no usable answer: {words}") from error
        if status != _SUCCESS:
            raise _refusal(status, body, unclear)
        if not body and (method == "DELETE" or path == "alerts"):
            return None
        if path == _METRICS:
            return body.decode(errors="replace")
        try:
            return await asyncio.to_thread(json.loads, body) if len(body) > _MUCH else json.loads(body)
        except ValueError as error:
            words = "what answers at ALERTMANAGER_URL is not Alertmanager"
            raise (Ambiguous(words) if lossy else Permanent(words)) from error

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str],
        content: _Content | None,
    ) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        url = f"{self._url}/{path}" if path == _METRICS else f"{self._url}/api/v2/{path}"
        request = self._session.request(
            method, url, params=params, json=content, allow_redirects=method == "GET"
        )
        async with request as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > self._max_bytes:
                    raise _UnreadableError
            return response.status, bytes(body)


def _refusal(status: int, body: bytes, unclear: type[Temporary]) -> LightshipError:
    if status == _NOT_FOUND or _UNKNOWN in _reason(body):  # which comes with 500 from some versions
        return NotFound("Alertmanager does not know it")
    if status >= _SERVER_ERROR:
        return unclear(f"Alertmanager answered {status}: {_reason(body)}")
    if status == _TOO_MANY:
        return Temporary("Alertmanager answered 429: too many requests")
    return Permanent(f"Alertmanager refuses ({status}): {_reason(body)}")


def _seen(item: Mapping[str, Any]) -> SeenAlert:
    status = item.get("status") or {}
    return SeenAlert(
        fingerprint=str(item["fingerprint"]),
        labels={str(name): str(value) for name, value in item["labels"].items()},
        starts_at=datetime.fromisoformat(item["startsAt"]),
        silenced_by=tuple(status.get("silencedBy") or ()),
        inhibited_by=tuple(status.get("inhibitedBy") or ()),
        receivers=tuple(_as_in_webhooks(one["name"]) for one in item.get("receivers") or ()),
    )


def _as_in_webhooks(receiver: str) -> str:
    # Its webhooks write the receiver's name through Go's regexp.QuoteMeta; its API does not.
    return _SPECIAL.sub(r"\\\g<0>", receiver)


def _silence(item: Mapping[str, Any]) -> Silence:
    return Silence(
        id=str(item["id"]),
        state=str(item["status"]["state"]),
        comment=str(item.get("comment", "")),
        created_by=str(item.get("createdBy", "")),
        starts_at=datetime.fromisoformat(item["startsAt"]),
        ends_at=datetime.fromisoformat(item["endsAt"]),
    )


def _matcher(matcher: Matcher) -> dict[str, Any]:
    return {
        "name": matcher.name,
        "value": matcher.value,
        "isRegex": matcher.operator.is_expression,
        "isEqual": not matcher.operator.is_negative,
    }


def _parsed(read: Callable[[], T]) -> T:
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Permanent("what answers at ALERTMANAGER_URL is not Alertmanager") from error


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _reason(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return "no reason given"
    words = answer.get("message", "") if isinstance(answer, dict) else answer
    return one_line(words, limit=200) if isinstance(words, str) and words else "no reason given"
