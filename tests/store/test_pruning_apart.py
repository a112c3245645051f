"""What belongs to no incident is forgotten as well, but for what is under way, not shown, or the newest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.actors import LIGHTSHIP, user
from bot.domain.approvals import ApprovalState
from bot.domain.events import Event, EventKind
from bot.domain.files import StoredFile
from bot.domain.messages import MessageKind
from bot.domain.remedies import Execution, ExecutionState
from bot.domain.storms import Storm
from bot.testing import START
from tests.drift_runs.making import keep_success, make_run
from tests.making import make_approval, make_incident, make_key, make_message

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.approvals import Approval
    from bot.ports.stores import Transaction
    from tests.store.conftest import World

LONG_AGO = START - timedelta(days=3000)
BETWEEN = START - timedelta(days=2000)
LATELY = START - timedelta(days=1000)


def make_event(event_id: str, at: datetime = LONG_AGO) -> Event:
    """Something that Lightship tells of itself."""
    return Event(id=event_id, at=at, kind=EventKind.NOTICE, actor=LIGHTSHIP, service="", incident_id=None)


async def keep_notice(tx: Transaction, name: str, *, at: datetime = LONG_AGO, shown: bool = True) -> None:
    """A notice with its event."""
    await tx.events.add(make_event(name, at))
    await tx.messages.put(make_message(name, id=f"m-{name}", created_at=at, posted_revision=int(shown)))


async def there(tx: Transaction, *names: str) -> list[str]:
    """Which of these notices still have their message and their event."""
    found = []
    for name in names:
        message, event = await tx.messages.get(f"m-{name}"), await tx.events.get(name)
        assert (message is None) is (event is None)
        found += [name] if message else []
    return found


async def test_notices_go_with_their_events(world: World) -> None:
    """An old one that was shown goes; one of lately, one not shown, and one with a reply of lately stay."""
    async with world.store.transaction() as tx:
        await keep_notice(tx, "old")
        await keep_notice(tx, "lately", at=LATELY)
        await keep_notice(tx, "not-shown", shown=False)
        await keep_notice(tx, "answered")
        await tx.messages.put(
            make_message("r", id="reply", thread_of="m-answered", created_at=LATELY, posted_revision=1)
        )
    async with world.store.transaction() as tx:
        assert await tx.pruning_apart.notices(before=BETWEEN, limit=10) == 1
        assert await there(tx, "old", "lately", "not-shown", "answered") == [
            "lately",
            "not-shown",
            "answered",
        ]


async def test_batches_are_bounded(world: World) -> None:
    """No call removes more than it may; repeated calls come to the end."""
    async with world.store.transaction() as tx:
        for number in range(5):
            await keep_notice(tx, f"n{number}")
    removed = []
    for _ in range(4):
        async with world.store.transaction() as tx:
            removed.append(await tx.pruning_apart.notices(before=BETWEEN, limit=2))
    assert removed == [2, 2, 1, 0]


async def test_a_digest_stays_as_long_as_an_incident_is_gathered_there(world: World) -> None:
    """An incident's message without a post of its own needs it; afterwards storm and digest go."""
    storm = Storm(id="s1", channel="C0CHURN", began_at=LONG_AGO, closed_at=LONG_AGO + timedelta(hours=1))
    digest = make_message("s1", id="digest", kind=MessageKind.DIGEST, created_at=LONG_AGO, posted_revision=1)
    async with world.store.transaction() as tx:
        await tx.storms.save(storm)
        await tx.storms.save(replace(storm, id="open", closed_at=None))
        await tx.messages.put(digest)
        made = await tx.incidents.save(make_incident(key=make_key(), opened_at=LONG_AGO))
        await tx.messages.put(
            make_message(str(made.id), kind=MessageKind.INCIDENT, incident_id=made.id, created_at=LONG_AGO)
        )
        assert await tx.storms.gather(storm, digest, own_critical=0) == 1
    async with world.store.transaction() as tx:
        assert await tx.pruning_apart.storms(before=BETWEEN, limit=10) == 0
        assert await tx.storms.let_go(made.id)
    async with world.store.transaction() as tx:
        assert await tx.pruning_apart.storms(before=BETWEEN, limit=10) == 1
        assert await tx.storms.get("s1") is None
        assert await tx.storms.get("open") is not None
        assert await tx.messages.get("digest") is None


def make_request(name: str, state: ApprovalState = ApprovalState.DENIED) -> Approval:
    """An old request outside of incidents."""
    return replace(make_approval(), id=name, state=state, requested_at=LONG_AGO)


def make_execution(name: str, state: ExecutionState) -> Execution:
    """What came of a request."""
    return Execution(approval_id=name, state=state, started_at=LONG_AGO, updated_at=LONG_AGO)


async def test_requests_outside_of_incidents_go_with_what_came_of_them(world: World) -> None:
    """What is decided and done goes, with its thread; what waits, is under way or not shown stays."""
    granted = ApprovalState.GRANTED
    kept = ("waits", "under-way", "not-shown")
    async with world.store.transaction() as tx:
        await tx.approvals.add(make_request("denied"))
        await tx.approvals.add(make_request("done", granted))
        await tx.executions.add(make_execution("done", ExecutionState.SUCCEEDED))
        await tx.approvals.add(make_request("waits", ApprovalState.REQUESTED))
        await tx.approvals.add(make_request("under-way", granted))
        await tx.executions.add(make_execution("under-way", ExecutionState.APPLIED))
        await tx.approvals.add(make_request("not-shown"))
        for name in ("denied", "done", *kept):
            shown = {"posted_revision": int(name != "not-shown"), "created_at": LONG_AGO}
            await tx.messages.put(make_message(name, id=f"m-{name}", kind=MessageKind.APPROVAL, **shown))
        await tx.events.add(make_event("done/followed"))
        await tx.messages.put(
            make_message("done/followed", thread_of="m-done", created_at=LONG_AGO, posted_revision=1)
        )
    async with world.store.transaction() as tx:
        assert await tx.pruning_apart.actions(before=BETWEEN, limit=10) == 2
        for name in ("denied", "done"):
            assert await tx.approvals.get(name) is None
            assert await tx.messages.get(f"m-{name}") is None
        assert await tx.executions.get("done") is None
        assert await tx.events.get("done/followed") is None
        assert all([await tx.approvals.get(name) for name in kept])
        assert await tx.pruning_apart.actions(before=BETWEEN, limit=10) == 0


async def test_a_request_of_an_incident_is_left_to_the_incident(world: World) -> None:
    """It goes with that, and not before."""
    async with world.store.transaction() as tx:
        made = await tx.incidents.save(make_incident(key=make_key()))
        await tx.approvals.add(replace(make_request("of-incident"), incident_id=made.id))
        assert await tx.pruning_apart.actions(before=START, limit=10) == 0


async def keep_drift(world: World) -> None:
    """Three reports of one service, the first with a message and a file below it."""
    first = await keep_success(world.store, make_run("run-0", started_at=LONG_AGO))
    again = make_run("run-1", started_at=LONG_AGO + timedelta(hours=1))
    await keep_success(world.store, again)
    await keep_success(world.store, make_run("run-2", started_at=LONG_AGO + timedelta(hours=2)))
    async with world.store.transaction() as tx:
        await tx.messages.put(
            make_message(first.id, id="drift", kind=MessageKind.DRIFT, created_at=LONG_AGO, posted_revision=1)
        )
        await tx.files.add(
            StoredFile(id="page", thread_of="drift", name="drift-report.html", title="It", content=b"<p>")
        )
        await tx.messages.put(
            make_message(
                "page", kind=MessageKind.FILE, thread_of="drift", created_at=LONG_AGO, posted_revision=1
            )
        )


async def test_whole_drift_reports_go_and_the_newest_stays(world: World) -> None:
    """Scores and runs are there afterwards, and what the files held is not."""
    await keep_drift(world)
    async with world.store.transaction() as tx:
        soon = tx.now + timedelta(days=1)
        assert await tx.pruning_apart.drift_reports(before=tx.now - timedelta(days=1), limit=10) == 0
        await tx.tracked_runs.owe("run-1", profile=None)
    async with world.store.transaction() as tx:
        assert await tx.pruning_apart.drift_reports(before=soon, limit=10) == 2
        assert await tx.drift_reports.of_run("run-0") is None
        assert await tx.drift_reports.of_run("run-1") is not None, "the tracker is owed it"
        latest = await tx.drift_reports.latest("churn")
        file = await tx.files.get("page")
        assert len(await tx.drift_runs.trend("churn", limit=9)) == 3
    assert latest is not None
    assert latest.run is not None
    assert latest.run.id == "run-2"
    assert file is not None
    assert file.content is None


async def test_what_a_message_is_about_to_show_stays(world: World) -> None:
    """A report whose message is not shown in its latest state is composed from the store."""
    await keep_drift(world)
    async with world.store.transaction() as tx:
        await tx.messages.touch(MessageKind.DRIFT, "run-0")
    async with world.store.transaction() as tx:
        await tx.pruning_apart.drift_reports(before=tx.now + timedelta(days=1), limit=10)
        assert await tx.drift_reports.of_run("run-0") is not None
        assert await tx.drift_reports.of_run("run-1") is None


async def test_drift_runs_go_with_their_messages_and_the_newest_stays(world: World) -> None:
    """Report, message, thread and file of old runs are gone; the newest run is as it was."""
    await keep_drift(world)
    async with world.store.transaction() as tx:
        failed = make_run("run-3", started_at=LONG_AGO + timedelta(hours=3))
        await tx.drift_runs.begin(failed)
    async with world.store.transaction() as tx:
        assert await tx.pruning_apart.drift_runs(before=LONG_AGO, limit=10) == 0
        assert await tx.pruning_apart.drift_runs(before=BETWEEN, limit=10) == 2
        assert [await tx.drift_runs.get(f"run-{number}") for number in (0, 1)] == [None, None]
        assert await tx.drift_runs.last_success("churn") is not None
        assert await tx.drift_runs.newest("churn") is not None
        assert await tx.drift_reports.of_run("run-0") is None
        assert await tx.messages.get("drift") is None
        assert await tx.files.get("page") is None


async def test_a_run_that_the_tracker_is_owed_stays(world: World) -> None:
    """What MLflow has not been told yet would otherwise be forgotten with the run."""
    await keep_drift(world)
    async with world.store.transaction() as tx:
        await tx.tracked_runs.owe("run-1", profile=None)
    async with world.store.transaction() as tx:
        assert await tx.pruning_apart.drift_runs(before=BETWEEN, limit=10) == 1
        assert await tx.drift_runs.get("run-1") is not None
        assert await tx.drift_reports.of_run("run-1") is not None


async def test_the_message_of_the_newest_run_stays(world: World) -> None:
    """However old it is, the next report may go on in it."""
    run = await keep_success(world.store, make_run("run-0", started_at=LONG_AGO))
    async with world.store.transaction() as tx:
        await tx.messages.put(
            make_message(run.id, id="drift", kind=MessageKind.DRIFT, created_at=LONG_AGO, posted_revision=1)
        )
    async with world.store.transaction() as tx:
        assert await tx.pruning_apart.drift_runs(before=BETWEEN, limit=10) == 0
        assert await tx.messages.get("drift") is not None


@pytest.mark.parametrize("told", [True, False])
async def test_events_go_once_nothing_tells_them(world: World, told: bool) -> None:
    """One that a message tells stays as long as that; the audit keeps its copy of what was decided."""
    async with world.store.transaction() as tx:
        event = replace(make_event("frozen"), kind=EventKind.ACTIONS_FROZEN, actor=user("U0ALICE"))
        await tx.events.add(event)
        if told:
            await tx.messages.put(make_message("frozen", created_at=LONG_AGO, posted_revision=1))
    async with world.store.transaction() as tx:
        assert await tx.pruning_apart.events(before=BETWEEN, limit=10) == int(not told)
        assert (await tx.events.get("frozen") is not None) is told
        assert len(await tx.audit.entries(after=0, limit=10)) == 1
