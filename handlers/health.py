"""`/healthz`, `/readyz` and `/metrics`: what an operator's tools ask. Mounted by `handlers.server`.

Readiness is about what the bot needs to take alerts. Slack's absence does not make it unready: alerts are
stored and shown later, and a restart would not bring Slack back.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from bot.domain.errors import LightshipError, Temporary
from bot.domain.outside_text import one_line
from bot.domain.redaction import without_secrets
from bot.domain.severity import Severity
from bot.drift_metrics import DRIFT_METRICS, DriftReading, read_drift
from bot.logs import Log, LogAction
from bot.telemetry import (
    AUDIT_ENTRIES,
    INCIDENTS_OPEN,
    INTAKE_BACKLOG,
    REGISTRY,
    STORE_UP,
    UNDELIVERED,
    UNDELIVERED_AGE,
    UNDELIVERED_FAILING,
    show_audit_head,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from bot.domain.auditing import Head
    from bot.domain.messages import Backlog
    from bot.ports.stores import Store

ASK_WITHIN: Final = 2.0
_FIRST_WITHIN: Final = 0.05
"""Seconds for what is not required when it is asked first: its libraries are only loaded then."""
_REMEMBERED_FOR: Final = 2.0
"""Seconds for which what was asked serves again: these routes are open to anybody who can connect."""

_log = Log("health")


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """One dependency: `ask` raises where it does not answer; only `required` ones decide over readiness."""

    name: str
    ask: Callable[[], Awaitable[None]]
    required: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    name: str
    ok: bool
    required: bool
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreReading:
    """What the metrics take from the store. `now` is the store's time, as all times in it are."""

    now: datetime
    open_by_severity: Mapping[Severity, int]
    undelivered: Backlog
    unmerged: Backlog
    audit: Head
    drifts: Mapping[str, DriftReading] = field(default_factory=dict)


async def read_store(store: Store, drifts: Mapping[str, str] | None = None) -> StoreReading:
    """Ask the store what its gauges show; one transaction. Raises Temporary or Permanent.

    `drifts` are the services whose drift scores are published, each with the prefix of its metrics.
    """
    async with store.transaction() as tx:
        incidents = await tx.incidents.unresolved()
        undelivered = await tx.messages.backlog()
        unmerged = await tx.deliveries.backlog()
        audit, now = await tx.audit.head(), tx.now
        published = {prefix: await read_drift(tx, service) for service, prefix in (drifts or {}).items()}
    counted = dict.fromkeys(Severity, 0)
    for incident in incidents:
        counted[incident.severity] += 1
    return StoreReading(
        now=now,
        open_by_severity=counted,
        undelivered=undelivered,
        unmerged=unmerged,
        audit=audit,
        drifts=published,
    )


async def ask_undelivered(store: Store) -> None:
    """Raise Temporary where something cannot be shown or merged, with the reason of the oldest."""
    async with store.transaction() as tx:
        undelivered = await tx.messages.backlog()
        unmerged = await tx.deliveries.backlog()
        failing = (
            [one for one in await tx.messages.undelivered() if one.attempts] if undelivered.failing else []
        )
    if failing:
        first = failing[0]
        raise Temporary(
            f"{undelivered.failing} cannot be shown, the first in {first.channel}: {first.last_error}"
        )
    if unmerged.failing:
        raise Temporary(f"{unmerged.failing} accepted webhooks cannot be made incidents; the log says why")


class HealthDoor:
    """Answers for the process. `probes` are asked together, each for `ask_within` seconds."""

    def __init__(
        self,
        *,
        probes: Sequence[Probe],
        collect: Callable[[], Awaitable[StoreReading]],
        monotonic: Callable[[], float] = time.monotonic,
        ask_within: float = ASK_WITHIN,
    ) -> None:
        self._probes = tuple(probes)
        self._collect = collect
        self._monotonic = monotonic
        self._ask_within = ask_within
        self._answers: tuple[_Answer, ...] = ()
        self._asked_at = -math.inf
        self._asking = asyncio.Lock()
        self._read_at = -math.inf
        self._reading = asyncio.Lock()
        self._stopping = False

    def stopping(self) -> None:
        """From now on the bot says that it is not ready, so that no new work is sent to it."""
        self._stopping = True

    async def healthz(self, _request: web.Request) -> web.Response:
        """Alive: the event loop turns."""
        return web.Response(text="ok\n")

    async def readyz(self, request: web.Request) -> web.Response:
        """One line a dependency; 503 where a required one does not answer. JSON where it is asked for."""
        answers = await self._ask_all()
        ready = not self._stopping and all(answer.ok for answer in answers if answer.required)
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        if "application/json" in request.headers.get("Accept", ""):
            lines = [{"name": a.name, "ok": a.ok, "required": a.required, "detail": a.words} for a in answers]
            content = {"ready": ready, "stopping": self._stopping, "dependencies": lines}
            return web.json_response(content, status=status.value)
        head = "stopping" if self._stopping else "ready" if ready else "not ready"
        text = "".join(f"{line}\n" for line in [head, *map(_line, answers)])
        return web.Response(text=text, status=status.value)

    async def metrics(self, request: web.Request) -> web.Response:
        """Everything in the registry; the store's gauges are two seconds old at most."""
        await self._refresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(REGISTRY), headers={"Content-Type": content_type})

    async def _ask_all(self) -> tuple[_Answer, ...]:
        async with self._asking:
            if self._monotonic() - self._asked_at >= _REMEMBERED_FOR:
                self._answers, first = await self._ask_each(first=not self._answers), not self._answers
                if not first or all(answer.ok for answer in self._answers):
                    self._asked_at = self._monotonic()
            return self._answers

    async def _ask_each(self, *, first: bool) -> tuple[_Answer, ...]:
        brief = min(_FIRST_WITHIN, self._ask_within)
        asking = (
            _ask(probe, brief if first and not probe.required else self._ask_within) for probe in self._probes
        )
        return tuple(await asyncio.gather(*asking))

    async def _refresh(self) -> None:
        async with self._reading:
            if self._monotonic() - self._read_at >= _REMEMBERED_FOR:
                await self._read_anew()
                self._read_at = self._monotonic()

    async def _read_anew(self) -> None:
        try:
            async with asyncio.timeout(self._ask_within):
                reading = await self._collect()
        except (LightshipError, TimeoutError) as error:
            _log.warning(LogAction.DEPENDENCY_UNREACHABLE, dependency="store", why=str(error))
            STORE_UP.set(0)
            DRIFT_METRICS.show({})
            INCIDENTS_OPEN.clear()
            AUDIT_ENTRIES.clear()
            for gauge in (UNDELIVERED, UNDELIVERED_FAILING, UNDELIVERED_AGE, INTAKE_BACKLOG):
                gauge.set(math.nan)  # an old number would look like a true one
            return
        STORE_UP.set(1)
        for severity, count in reading.open_by_severity.items():
            INCIDENTS_OPEN.labels(severity=severity.value).set(count)
        UNDELIVERED.set(reading.undelivered.waiting)
        UNDELIVERED_FAILING.set(reading.undelivered.failing)
        oldest = reading.undelivered.oldest
        age = (reading.now - oldest).total_seconds() if oldest else 0.0
        UNDELIVERED_AGE.set(max(age, 0.0))
        INTAKE_BACKLOG.set(reading.unmerged.waiting)
        show_audit_head(reading.audit)
        DRIFT_METRICS.show(reading.drifts)


async def _ask(probe: Probe, within: float) -> _Answer:
    words, ok = "ok", True
    try:
        async with asyncio.timeout(within):
            await probe.ask()
    except TimeoutError:
        words, ok = f"no answer within {within:g} s", False
    except LightshipError as error:
        words, ok = one_line(without_secrets(str(error))), False
    return _Answer(name=probe.name, ok=ok, required=probe.required, words=words)


def _line(answer: _Answer) -> str:
    note = "" if answer.ok or answer.required else " (the bot stays ready)"
    return f"{answer.name}: {answer.words}{note}"
