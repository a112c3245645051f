"""One rehearsal from its beginning to its end: the assembled bot, a staged world, a chat that remembers.

Called by `lightship rehearse` on a virtual clock. It ends as soon as all that is expected has come, or when
the rehearsal's time is up.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.bootstrap.assembly import Lightship
from bot.bootstrap.outside import Surroundings, rehearsed_outside
from bot.bootstrap.services import classification
from bot.domain.deliveries import Delivery
from bot.domain.errors import LightshipError
from bot.engines.ranking_causes import RankingCauses
from bot.playing.chat import BlankPictures, EverybodyIsMember, RecordedChat
from bot.playing.judging import judge
from bot.playing.performances import Performance
from bot.playing.pressing import People
from bot.playing.stages import stage_of
from bot.rehearsal.alertmanager import Payload, Route, send_due
from bot.rehearsal.virtual_time import VirtualClock, run_virtually
from bot.testing import SequentialIds
from handlers.webhooks import read_webhook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.incidents import Incident
    from bot.domain.runbooks import Runbook
    from bot.playing.judging import Judgement
    from bot.playing.pressing import Pressed
    from bot.rehearsal.scenarios.loading import Scenario
    from bot.settings import Settings

STEP: Final = 5.0
SETTLES: Final = timedelta(seconds=15)
"""How long it goes on after all has come, so that what must never come has time to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsed:
    """A rehearsal that was played, and how it compares with what was expected."""

    scenario: Scenario
    performance: Performance
    judgements: tuple[Judgement, ...]

    @property
    def passed(self) -> bool:
        """Whether all that must follow did."""
        return all(one.held for one in self.judgements)


def rehearse(scenario: Scenario, *, settings: Settings, runbooks: Sequence[Runbook]) -> Rehearsed:
    """Play it on a virtual clock of its own. Raises LightshipError where the bot could not be assembled."""
    return run_virtually(_Play(scenario, settings, runbooks).run())


class _Play:
    def __init__(self, scenario: Scenario, settings: Settings, runbooks: Sequence[Runbook]) -> None:
        self._scenario = scenario
        self._clock = VirtualClock()
        self._ids = SequentialIds()
        self._chat = RecordedChat(self._clock)
        self._stage = stage_of(scenario, settings, self._clock, self._ids)
        world = self._stage.world
        self._lightship = Lightship(
            settings=settings,
            runbooks=runbooks,
            rehearsed=True,
            outside=rehearsed_outside(
                Surroundings(
                    readers=world.readers,
                    planner=world.planner,
                    writers=world.writers,
                    silencer=world.alertmanager,
                ),
                clock=self._clock,
                ids=self._ids,
                notifier=self._chat,
                directory=EverybodyIsMember(),
                drawer=BlankPictures(),
            ),
        )
        self._people = People(self._lightship, self._chat)
        self._presses: list[Pressed] = []
        self._about = scenario.file.expect.alert or scenario.file.runbook
        self._dispatcher = world.dispatcher(Route())
        self._ranking = RankingCauses(
            services=self._lightship.services,
            runbook=self._lightship.runbooks.get,
            classify=classification(self._lightship.runbooks.all),
            settle=settings.intake.resolve_settle,
        )

    async def run(self) -> Rehearsed:
        self._stage.catch_up()
        await self._lightship.start()
        pressing = asyncio.create_task(self._press())
        try:
            return await self._until_over()
        finally:
            pressing.cancel()
            await asyncio.gather(pressing, return_exceptions=True)
            await self._lightship.stop()

    async def _until_over(self) -> Rehearsed:
        until = self._stage.start + self._scenario.until
        known, fulfilled_at = -1, None
        while True:
            await self._alert()
            now = self._clock.now()
            pressed = len(self._presses) == len(self._scenario.file.people)
            if pressed and len(self._chat.history) != known:
                known = len(self._chat.history)
                rehearsed = await self._rehearsed()
                fulfilled_at = (fulfilled_at or now) if rehearsed.passed else None
            if now >= until or (fulfilled_at is not None and now >= fulfilled_at + SETTLES):
                return await self._rehearsed()
            await self._clock.sleep(STEP)

    async def _alert(self) -> None:
        """Send what Alertmanager would send now."""
        alerts = await self._stage.step()
        await send_due(self._dispatcher, alerts, now=self._clock.now(), send=self._take)

    async def _take(self, payload: Payload) -> bool:
        group = read_webhook(json.dumps(payload).encode(), source="default").group
        if group is None:
            return False
        delivery = Delivery(id=self._ids.new(), received_at=self._clock.now(), group=group)
        try:
            await self._lightship.intake.submit(delivery)
        except LightshipError:
            return False
        return True

    async def _press(self) -> None:
        for press in self._scenario.file.people:
            await self._clock.sleep((self._stage.start + press.at - self._clock.now()).total_seconds())
            self._presses.append(await self._people.press(press, about=self._about or ""))

    async def _rehearsed(self) -> Rehearsed:
        performance = await self._performance()
        return Rehearsed(
            scenario=self._scenario,
            performance=performance,
            judgements=judge(self._scenario, performance),
        )

    async def _performance(self) -> Performance:
        alert = self._about
        recent = await self._lightship.recording.recent(limit=100)
        about = [one for one in reversed(recent) if alert is None or one.title == alert]
        incident = about[0] if about else None
        return Performance(
            began=self._stage.start,
            ended=self._clock.now(),
            incident=incident,
            events=await self._lightship.recording.events(incident.id) if incident else (),
            causes=await self._causes(incident) if incident else (),
            shown=tuple(self._chat.history),
            presses=tuple(self._presses),
            written=self._stage.written_with,
        )

    async def _causes(self, incident: Incident) -> tuple[str, ...]:
        """Those that the incident's message shows, the likeliest first."""
        async with self._lightship.outside.store.transaction() as tx:
            findings = await tx.findings.of_incident(incident.id)
        return tuple(cause.name for cause in self._ranking.rank(incident, findings).standing)
