"""The rehearsal's Alertmanager as the ports see it: the alerts it holds, and silences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from bot.domain.errors import Ambiguous, NotFound, Permanent, Temporary
from bot.domain.matchers import matches_all
from bot.ports.readers import SeenAlert, Silence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.domain.matchers import Matcher
    from bot.ports.clock import Clock, Ids
    from bot.rehearsal.faults import Faults
    from bot.rehearsal.rules import RaisedAlert


class AlertSource(Protocol):
    """Knows what fires now."""

    def __call__(self) -> tuple[RaisedAlert, ...]:
        """The alerts that fire."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    matchers: tuple[Matcher, ...]
    silence: Silence


class RehearsalAlertmanager:
    """`AlertmanagerReader` and `Silencer` in memory."""

    def __init__(self, clock: Clock, ids: Ids, faults: Faults, firing: AlertSource) -> None:
        self._clock = clock
        self._ids = ids
        self._faults = faults
        self._firing = firing
        self._started_at = clock.now()
        self._silences: dict[str, _Held] = {}

    async def alerts(self) -> tuple[SeenAlert, ...]:
        """Every alert it holds, suppressed ones among them."""
        await self._meet("alertmanager.alerts")
        return tuple(
            SeenAlert(
                fingerprint=alert.fingerprint,
                labels=alert.labels,
                starts_at=alert.starts_at,
                silenced_by=self.silenced_by(alert.labels),
            )
            for alert in self._firing()
        )

    async def silences(self) -> tuple[Silence, ...]:
        """Every silence it holds, ended ones among them."""
        await self._meet("alertmanager.silences")
        return tuple(self._now(held.silence) for held in self._silences.values())

    async def started_at(self) -> datetime:
        """When it started."""
        await self._meet("alertmanager.started_at")
        return self._started_at

    async def create(
        self,
        *,
        matchers: Sequence[Matcher],
        starts_at: datetime,
        ends_at: datetime,
        created_by: str,
        comment: str,
    ) -> str:
        """The new silence's id. Raises Ambiguous where the answer gets lost."""
        lost = await self._faults.meet("silencer.create", right="create silences")
        if ends_at <= max(starts_at, self._clock.now()):
            raise Permanent("Alertmanager refuses: the silence would end before it begins")
        if not matchers or all(matcher.matches({}) for matcher in matchers):
            raise Permanent("Alertmanager refuses: at least one matcher must not match the empty label")
        silence = Silence(
            id=self._ids.new(),
            state="pending",
            comment=comment,
            created_by=created_by,
            starts_at=max(starts_at, self._clock.now()),
            ends_at=ends_at,
        )
        self._silences[silence.id] = _Held(matchers=tuple(matchers), silence=silence)
        if lost:
            raise Ambiguous("the answer of Alertmanager got lost; the silence may have been created")
        return silence.id

    async def expire(self, silence_id: str) -> None:
        """End a silence now; an ended one is no error."""
        await self._meet("silencer.expire")
        held = self._silences.get(silence_id)
        if held is None:
            raise NotFound(f"Alertmanager has no silence {silence_id}")
        ends_at = min(held.silence.ends_at, self._clock.now())
        self._silences[silence_id] = replace(held, silence=replace(held.silence, ends_at=ends_at))

    def silenced_by(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The ids of the active silences over an alert with these labels."""
        return tuple(
            held.silence.id
            for held in self._silences.values()
            if self._now(held.silence).state == "active" and matches_all(held.matchers, labels)
        )

    def _now(self, silence: Silence) -> Silence:
        now = self._clock.now()
        state = "active" if silence.starts_at <= now < silence.ends_at else "pending"
        return replace(silence, state="expired" if now >= silence.ends_at else state)

    async def _meet(self, call: str, **words: Any) -> None:
        if await self._faults.meet(call, **words):
            raise Temporary("no answer in time")
