"""Prometheus behind `MetricsReader`, through prometheus-api-client: synchronous, so in threads of its own.

The library is imported by the first query. Answers are bounded in time and size, and nothing is repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
import json
import math
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bot.domain.errors import LightshipError, Permanent, Temporary
from bot.domain.outside_text import one_line
from bot.ports.examiners import AlertRule
from bot.ports.readers import Sample, SeenRule, Series

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK: Final = 65_536
_STATUS: Final = re.compile(r"HTTP Status Code (\d{3}) \((.*)\)\Z", re.DOTALL)
_LATER: Final = frozenset({408, 429})
_SERVER_ERROR: Final = 500
_OK: Final = 200
_RULES: Final = "/api/v1/rules"
_NO_ENTRY: Final = frozenset({401, 403})


class PrometheusMetrics:
    """`bot.ports.readers.MetricsReader` over one Prometheus."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        threads: int = 4,
        waiting: int = 32,
        max_bytes: int = 16_000_000,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="prometheus")
        self._most = threads + waiting
        self._running = 0
        self._client: Any = None
        self._session: Any = None

    async def query(self, promql: str, *, at: datetime | None = None) -> tuple[Sample, ...]:
        """The value of an expression now or at a time."""
        params = {} if at is None else {"time": f"{at.timestamp():.3f}"}

        def ask() -> Any:
            return self._connect().custom_query(query=promql, params=params)

        return _samples(await self._in_thread(ask))

    async def query_range(
        self, promql: str, *, start: datetime, end: datetime, step: float
    ) -> tuple[Series, ...]:
        """The values of an expression over a time; `step` in seconds."""

        def ask() -> Any:
            return self._connect().custom_query_range(
                query=promql, start_time=start, end_time=end, step=f"{step:g}"
            )

        return _series(await self._in_thread(ask))

    async def alerting_rules(self, name: str) -> tuple[SeenRule, ...]:
        """Its alerting rules of that name; none where it evaluates none."""
        return _rules(await self._rule_groups({"rule_name[]": name}), name)

    async def every_alerting_rule(self) -> tuple[AlertRule, ...]:
        """`bot.ports.examiners.RuleBook`."""
        return _every_rule(await self._rule_groups({}))

    async def _rule_groups(self, narrowed: dict[str, str]) -> Any:
        def ask() -> Any:
            self._connect()
            response = self._session.get(
                f"{self._url}{_RULES}", params={"type": "alert", **narrowed}, timeout=self._timeout
            )
            if response.status_code != _OK:
                raise _refused(f"HTTP Status Code {response.status_code} ({response.content!r})")
            return response.json()["data"]["groups"]

        return await self._in_thread(ask)

    async def close(self) -> None:
        """Let go of the threads; those that still wait end with their time-outs."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            await asyncio.to_thread(self._client.close)

    async def _in_thread(self, ask: Callable[[], Any]) -> Any:
        if not self._url:
            raise Permanent("no Prometheus is configured: set PROMETHEUS_URL")
        if self._running >= self._most:
            raise Temporary("too many questions wait for Prometheus", delay=self._timeout)
        self._running += 1
        # A thread cannot be cancelled, so the count goes down when it ends and not when the caller gives up.
        asked = asyncio.get_running_loop().run_in_executor(self._threads, _translated, ask)
        asked.add_done_callback(self._ended)
        try:
            return await asyncio.wait_for(asyncio.shield(asked), self._timeout)
        except TimeoutError as error:
            raise Temporary("Prometheus gave no answer in time") from error

    def _ended(self, asked: asyncio.Future[Any]) -> None:
        self._running -= 1
        if not asked.cancelled():
            asked.exception()  # looked at here, for the case that nobody waits any more

    def _connect(self) -> Any:
        if self._client is None:
            library = importlib.import_module("prometheus_api_client.prometheus_connect")
            self._session = _bounded_session(self._timeout, self._max_bytes)
            self._client = library.PrometheusConnect(
                url=self._url, retry=0, session=self._session, timeout=self._timeout
            )
        return self._client


def _bounded_session(timeout: float, max_bytes: int) -> Any:
    requests = importlib.import_module("requests")
    urllib3 = importlib.import_module("urllib3")

    class BoundedSession(requests.Session):  # type: ignore[misc, name-defined]  # imported late, so Any
        """Reads an answer up to a size and until a time, where requests' time-out is for each single read."""

        def send(self, request: Any, **options: Any) -> Any:
            """Send, and hand back an answer whose body is read already."""
            until = time.monotonic() + timeout
            response = super().send(request, **{**options, "stream": True})
            body = bytearray()
            with contextlib.closing(response.raw):
                for chunk in response.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > max_bytes:
                        raise Permanent("the answer of Prometheus is larger than the limit")
                    if time.monotonic() > until:
                        raise Temporary("Prometheus gave no answer in time")
            whole = requests.Response()
            for name in ("status_code", "headers", "url", "reason", "request", "encoding", "history"):
                setattr(whole, name, getattr(response, name))
            whole.raw = urllib3.HTTPResponse(body=io.BytesIO(bytes(body)), preload_content=False)
            return whole

    return BoundedSession()


def _translated(ask: Callable[[], Any]) -> Any:
    exceptions = importlib.import_module("prometheus_api_client.exceptions")
    requests = importlib.import_module("requests")
    try:
        return ask()
    except exceptions.PrometheusApiClientException as error:
        raise _refused(str(error)) from error
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
        raise Permanent("PROMETHEUS_URL is no address") from error
    except (requests.exceptions.JSONDecodeError, ValueError, KeyError, TypeError) as error:
        raise Permanent("what answers at PROMETHEUS_URL is not Prometheus") from error
    except requests.exceptions.Timeout as error:
        raise Temporary("Prometheus gave no answer in time") from error
    except requests.exceptions.RequestException as error:
        raise Temporary(f"Prometheus cannot be reached: {type(error).__name__}") from error


def _refused(text: str) -> LightshipError:
    found = _STATUS.match(text)
    status = int(found[1]) if found else _SERVER_ERROR
    if status in _LATER or (status >= _SERVER_ERROR):
        return Temporary(f"Prometheus answered {status}")
    if status in _NO_ENTRY:
        return Permanent(f"Prometheus does not let Lightship in ({status})")
    return Permanent(f"Prometheus refuses ({status}): {_reason(found[2] if found else '')}")


def _reason(quoted: str) -> str:
    # The library shows the body as the repr of bytes; Prometheus' own words are in its `error`.
    plain = quoted[2:-1].replace("\\\\", "\\").replace("\\'", "'")
    with contextlib.suppress(ValueError):
        answer = json.loads(plain)
        if isinstance(answer, dict) and isinstance(answer.get("error"), str):
            return one_line(answer["error"], limit=300)
    return "no reason given"


def _samples(result: Any) -> tuple[Sample, ...]:
    try:
        if result and not isinstance(result[0], dict):
            at, value = _point(result)
            return (Sample(labels={}, at=at, value=value),)
        found = [(item["metric"], item["value"]) for item in result if "histogram" not in item]
        points = [(labels, _point(value)) for labels, value in found]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise Permanent("the expression gives no numbers at one time") from error
    return tuple(Sample(labels=labels, at=at, value=value) for labels, (at, value) in points)


def _series(result: Any) -> tuple[Series, ...]:
    try:
        return tuple(
            Series(labels=item["metric"], points=tuple(_point(value) for value in item.get("values", ())))
            for item in result
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Permanent("the expression gives no series of numbers") from error


def _rules(groups: Any, name: str) -> tuple[SeenRule, ...]:
    """Only those of the name: an older Prometheus answers with all of them."""
    try:
        found = [rule for group in groups for rule in group["rules"]]
        return tuple(
            SeenRule(expression=str(rule["query"]), labels=dict(rule.get("labels") or {}))
            for rule in found
            if rule.get("type") == "alerting" and rule.get("name") == name
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Permanent("the answer holds no alert rules") from error


def _every_rule(groups: Any) -> tuple[AlertRule, ...]:
    try:
        return tuple(
            AlertRule(
                name=str(rule["name"]),
                expression=str(rule["query"]),
                hold=float(rule.get("duration") or 0),
                labels=dict(rule.get("labels") or {}),
                annotations=dict(rule.get("annotations") or {}),
            )
            for group in groups
            for rule in group["rules"]
            if rule.get("type") == "alerting"
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Permanent("the answer holds no alert rules") from error


def _point(pair: Any) -> tuple[datetime, float]:
    at, value = pair
    seconds = float(at)
    if not math.isfinite(seconds):
        raise ValueError("no time")
    return datetime.fromtimestamp(seconds, UTC), float(value)
