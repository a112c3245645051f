"""Incidents and remediations are marked in Grafana's graphs: each once, and brought up to date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.adapters.grafana import TAG, GrafanaMarks
from bot.domain.actors import LIGHTSHIP
from bot.domain.errors import LightshipError, Permanent, Temporary
from bot.domain.events import EventKind
from bot.domain.incidents import Resolution, end
from bot.engines.marking import Marking
from bot.engines.noting import note
from bot.testing import START, FrozenClock, SequentialIds
from tests.making import make_incident
from tests.marking.grafana import TOKEN, Grafana, grafana
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.domain.incidents import Incident


@dataclass(kw_only=True)
class Bench:
    """A store with incidents, a clock, and a Grafana."""

    store: SqlStore
    clock: FrozenClock
    ids: SequentialIds
    grafana: Grafana
    board: GrafanaMarks

    async def step(self) -> int:
        """One look, as of a process that has just been started."""
        return await Marking(store=self.store, board=self.board).step()

    async def open(self, *, title: str = "HighAPILatency") -> Incident:
        """An incident, and the event of its opening."""
        async with self.store.transaction() as tx:
            kept = await tx.incidents.save(make_incident(opened_at=tx.now, title=title))
            await note(tx, self.ids, kept, EventKind.OPENED, actor=LIGHTSHIP)
        return kept

    async def happens(self, incident: Incident, kind: EventKind, **detail: str | float) -> None:
        """One more event of it."""
        async with self.store.transaction() as tx:
            await note(tx, self.ids, incident, kind, actor=LIGHTSHIP, detail=detail)

    async def ends(self, incident: Incident) -> None:
        """Its alerts have ended."""
        async with self.store.transaction() as tx:
            over = end(incident, Resolution.ALERTS_RESOLVED, now=tx.now)
            assert over is not None
            await tx.incidents.save(over)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything empty."""
    clock = FrozenClock(START)
    url = f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"
    async with open_store(url, clock=clock) as store, grafana() as side:
        board = GrafanaMarks(side.url, TOKEN)
        yield Bench(store=store, clock=clock, ids=SequentialIds(), grafana=side, board=board)
        await board.close()


async def test_an_incident_is_a_span_from_its_opening_to_its_end(bench: Bench) -> None:
    """One annotation: a moment while it is open, a span once it is over, tagged with service and severity."""
    incident = await bench.open()
    assert await bench.step() == 1
    (shown,) = bench.grafana.held.values()
    assert shown["text"] == "P3 HighAPILatency · #1"
    assert {TAG, "incident", "churn", "P3"} < set(shown["tags"])
    assert shown["time"] == shown["timeEnd"] == START.timestamp() * 1000
    await bench.clock.advance(seconds=754.1234)
    await bench.ends(incident)
    assert await bench.step() == 1
    (shown,) = bench.grafana.held.values()
    assert shown["timeEnd"] - shown["time"] == 754_123


async def test_what_was_done_is_a_mark_of_its_own(bench: Bench) -> None:
    """The action when it was applied, and what it came to, in the thread's words without Slack's marks."""
    incident = await bench.open()
    detail: dict[str, str | float] = {
        "action": "scale",
        "target": "deployment churn-api",
        "what": "spec.replicas 3 → 6",
    }
    await bench.happens(incident, EventKind.REMEDIATION_APPLIED, **detail)
    numbers: dict[str, str | float] = {
        "metric": "P95 latency",
        "before": 1.7,
        "after": 0.4,
        "seconds": 180.0,
        "unit": "s",
    }
    await bench.happens(incident, EventKind.REMEDIATION_FIXED, **detail, **numbers)
    await bench.happens(incident, EventKind.CHECK_RUN, check="pods")
    assert await bench.step() == 3
    texts = [one["text"] for one in bench.grafana.held.values()]
    assert any(text.startswith("🔧 Applied: scale") for text in texts)
    assert any("Fixed after 3 min: P95 latency 1.7 s → 0.4 s" in text for text in texts)
    assert not any("*" in text or "`" in text for text in texts)


async def test_nothing_is_sent_twice(bench: Bench) -> None:
    """A second look sends nothing, nor does one after an answer that was lost."""
    await bench.open()
    bench.grafana.forgetful = True
    with pytest.raises(Temporary):
        await bench.step()
    assert await bench.step() == 0
    assert bench.grafana.writes == 1


async def test_a_grafana_that_was_away_is_brought_up_to_date(bench: Bench) -> None:
    """All that happened meanwhile is marked by the next look; what is older than a day is left alone."""
    await bench.open()
    await bench.clock.advance(seconds=timedelta(days=1, hours=1).total_seconds())
    bench.grafana.away = True
    for _ in range(3):
        await bench.open()
        with pytest.raises(Temporary):
            await bench.step()
    bench.grafana.away = False
    assert await bench.step() == 3


async def test_text_from_outside_has_no_effect(bench: Bench) -> None:
    """Grafana shows annotations as HTML: what an alert is called stays text."""
    await bench.open(title="<img src=x onerror=alert(1)>\nHigh & low")
    await bench.step()
    (shown,) = bench.grafana.held.values()
    assert shown["text"] == "P3 &lt;img src=x onerror=alert(1)&gt; High &amp; low · #1"


async def test_a_refusal_says_what_is_missing_and_never_the_token(bench: Bench) -> None:
    """A wrong token is permanent, nobody there is temporary."""
    await bench.open()
    errors: list[LightshipError] = []
    for url, token in ((bench.grafana.url, "wrong"), ("http://127.0.0.1:9", TOKEN)):
        board = GrafanaMarks(url, token)
        with pytest.raises(LightshipError) as raised:
            await Marking(store=bench.store, board=board).step()
        errors.append(raised.value)
        await board.close()
    assert isinstance(errors[0], Permanent)
    assert "read and write annotations" in str(errors[0])
    assert isinstance(errors[1], Temporary)
    assert not any(TOKEN in str(error) or "wrong" in str(error) for error in errors)
