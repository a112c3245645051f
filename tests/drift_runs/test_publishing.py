"""A report's message: one for as long as the verdict stays; with drift a picture and the whole page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.adapters.database import PublishedReports
from bot.checks.registry import run_check
from bot.checks.targets import CheckTarget
from bot.domain.drift_runs import DriftTrigger
from bot.domain.errors import Temporary
from bot.domain.messages import MessageKind
from bot.engines.attaching import Attaching
from bot.engines.diagnosing import Diagnosing
from bot.engines.drift_views import drift_view
from bot.rehearsal.world import World
from bot.rendering.drift_reports import drift_message
from bot.testing import START, SequentialIds
from tests.checks.looking import crashed
from tests.diagnosing.test_looking import CHURN
from tests.drift_runs.test_running import Bench, bench
from tests.making import make_drift_report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.drift_runs import DriftRun
    from bot.domain.findings import Finding
    from bot.domain.messages import Message
    from bot.domain.pictures import Picture
    from bot.domain.runbooks import Argument

HOUR = timedelta(hours=1)

__all__ = ["bench"]


class Drawer:
    """Draws anything."""

    async def draw(self, picture: Picture) -> bytes:
        """Its title."""
        return picture.title.encode()


async def run(bench: Bench, score: float | None) -> DriftRun:
    """One run with that score, an hour after the one before."""
    bench.outcome = make_drift_report(score=score)
    await bench.clock.advance(seconds=3600)
    return await bench.replica().run("churn", trigger=DriftTrigger.COMMAND)


async def shown(bench: Bench) -> list[Message]:
    """All messages that are due or shown, the oldest first."""
    async with bench.store.transaction() as tx:
        due = await tx.messages.undelivered()
    return sorted(due, key=lambda one: (one.created_at, one.kind is not MessageKind.DRIFT))


async def said(bench: Bench, run: DriftRun) -> str:
    """What a run's message says now."""
    async with bench.store.transaction() as tx:
        message = await tx.messages.find(MessageKind.DRIFT, run.shown_with)
        assert message is not None
        view = await drift_view(tx, message, {})
    drawn = drift_message(view)
    return f"{drawn.text}\n{drawn.blocks}"


async def test_runs_of_one_verdict_share_a_message(bench: Bench) -> None:
    """It is edited with each run; another verdict gets a message, and the old one says that it is over."""
    first, second = await run(bench, 0.05), await run(bench, 0.12)
    assert first.shown_with == second.shown_with == first.id
    (message,) = await shown(bench)
    assert (message.kind, message.channel, message.desired_revision) == (MessageKind.DRIFT, "C0CHURN", 2)
    assert "score 0.12" in await said(bench, first)
    third = await run(bench, 0.42)
    assert third.shown_with == third.id
    assert "Over: a later report says otherwise (score 0.42" in await said(bench, first)
    assert "Over" not in await said(bench, third)
    assert third.id in await said(bench, third)


async def test_drift_comes_with_a_picture_and_the_whole_page(bench: Bench) -> None:
    """In the message's own thread; no drift needs none."""
    await run(bench, 0.05)
    await run(bench, 0.1)
    drifted = await run(bench, 0.42)
    attaching = Attaching(store=bench.store, ids=SequentialIds("drawn"), drawer=Drawer())
    assert await attaching.draw_due() == 1
    files = [one for one in await shown(bench) if one.kind is MessageKind.FILE]
    async with bench.store.transaction() as tx:
        parent = await tx.messages.find(MessageKind.DRIFT, drifted.id)
        stored = [await tx.files.get(one.subject) for one in files]
    assert parent is not None
    assert {one.thread_of for one in files} == {parent.id}
    contents = {one.name: one.content for one in stored if one is not None}
    assert contents["drift.png"] == b"churn: drift"
    page = contents["drift-report.html"]
    assert page is not None
    assert b"<!doctype html>" in page
    assert drifted.id.encode() in page


async def test_after_a_week_the_same_verdict_is_told_anew(bench: Bench) -> None:
    """The old message is far up by then."""
    first = await run(bench, 0.05)
    await bench.clock.advance(seconds=timedelta(days=7).total_seconds())
    again = await run(bench, 0.05)
    assert again.shown_with == again.id != first.id


async def test_a_failed_run_is_said_in_the_last_report_s_message(bench: Bench) -> None:
    """With its reason, until a run succeeds."""
    first = await run(bench, 0.05)
    bench.outcome = Temporary("the disk is away")
    await bench.replica().run("churn", trigger=DriftTrigger.COMMAND)
    assert "The newest run failed" in await said(bench, first)
    assert "the disk is away" in await said(bench, first)
    await run(bench, 0.05)
    assert "failed" not in await said(bench, first)


async def test_a_first_run_that_fails_shows_no_message(bench: Bench) -> None:
    """There is nothing to say it in; people hear of it by the notice."""
    bench.outcome = Temporary("the disk is away")
    await bench.replica().run("churn", trigger=DriftTrigger.COMMAND)
    assert await shown(bench) == []
    assert [one.reason for one in bench.told] == ["the disk is away"]


async def test_one_feature_s_picture_goes_below_the_newest_report(bench: Bench) -> None:
    """`/churn drift contract` without an incident: reference against current, in the report's thread."""
    readers = replace(World(bench.clock, SequentialIds()).readers, drift=PublishedReports(bench.store))

    async def look(_: object, check: str, arguments: Mapping[str, Argument]) -> Finding:
        target = CheckTarget(service="churn")
        return await run_check(
            check, target=target, readers=readers, now=START, arguments=arguments, crashed=crashed
        )

    async def no_causes(*_: object) -> None:
        """There is no incident."""

    diagnosing = Diagnosing(
        store=bench.store,
        ids=SequentialIds("asked"),
        services={"churn": CHURN},
        runbook=lambda _: None,
        look=look,
        known={"drift"},
        rest=HOUR,
        press_rest=HOUR,
        at_once=1,
        always=lambda *_: (),
        note_causes=no_causes,
    )
    drifted = await run(bench, 0.42)
    attaching = Attaching(store=bench.store, ids=SequentialIds("drawn"), drawer=Drawer())
    await attaching.draw_due()
    before = {one.id for one in await shown(bench)}
    answer = await diagnosing.look("churn", "drift", {"feature": "contract"})
    assert answer.details[-1] == "drift-contract.png: follows in the thread of the newest drift report"
    assert await attaching.draw_due() == 1
    (file,) = [one for one in await shown(bench) if one.id not in before]
    async with bench.store.transaction() as tx:
        parent = await tx.messages.find(MessageKind.DRIFT, drifted.id)
        stored = await tx.files.get(file.subject)
    assert parent is not None
    assert stored is not None
    assert (file.thread_of, file.channel) == (parent.id, "C0CHURN")
    assert (stored.name, stored.content) == ("drift-contract.png", b"churn: drift of contract")
