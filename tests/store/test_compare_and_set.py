"""What two replicas change at once is changed by one of them: each write says what it was made from.

On SQLite a transaction keeps the others out; on PostgreSQL these conditions are all that does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.approvals import ApprovalState
from bot.domain.files import StoredFile
from bot.domain.messages import Lease
from bot.domain.remedies import Execution, ExecutionState
from bot.domain.verifications import Verification, VerificationState
from bot.testing import START
from tests.making import make_approval, make_incident, make_message
from tests.pictures.samples import latency

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from tests.store.conftest import World

MINE, OTHERS = (Lease(owner=owner, duration=timedelta(minutes=1)) for owner in ("mine", "others"))


async def asked(world: World) -> Approval:
    """A request that waits."""
    approval = make_approval()
    async with world.store.transaction() as tx:
        await tx.approvals.add(approval)
    return approval


async def acted_on(world: World) -> Execution:
    """A request's intent."""
    approval = await asked(world)
    made = Execution(
        approval_id=approval.id, state=ExecutionState.INTENDED, started_at=START, updated_at=START
    )
    async with world.store.transaction() as tx:
        assert await tx.executions.add(made)
    return made


async def test_a_request_is_decided_once_and_from_what_it_was(world: World) -> None:
    """The second answer, and one that was made from what another vote has changed, are not kept."""
    approval = await asked(world)
    voted = replace(approval, revision=approval.revision + 1)
    granted = replace(voted, state=ApprovalState.GRANTED)
    denied = replace(voted, state=ApprovalState.DENIED)
    async with world.store.transaction() as tx:
        assert await tx.approvals.replace(voted)
        assert not await tx.approvals.replace(granted)
        assert await tx.approvals.replace(replace(denied, revision=denied.revision + 1))
        assert not await tx.approvals.replace(replace(granted, revision=granted.revision + 2))
        kept = await tx.approvals.get(approval.id)
    assert kept is not None
    assert kept.state is ApprovalState.DENIED


async def test_an_execution_moves_under_its_claim_and_from_its_state_alone(world: World) -> None:
    """Neither who lost it nor who is late changes what came of it."""
    execution = await acted_on(world)
    applied = replace(execution, state=ExecutionState.APPLIED)
    failed = replace(execution, state=ExecutionState.FAILED)
    async with world.store.transaction() as tx:
        assert not await tx.executions.add(execution)
        assert len(await tx.executions.claim(MINE, limit=5)) == 1
        assert await tx.executions.claim(OTHERS, limit=5) == ()
        assert not await tx.executions.extend(execution.approval_id, OTHERS)
        assert not await tx.executions.move(failed, was=execution.state, owner=OTHERS.owner)
        assert await tx.executions.move(applied, was=execution.state, owner=MINE.owner)
        assert not await tx.executions.move(failed, was=execution.state, owner=MINE.owner)
        kept = await tx.executions.get(execution.approval_id)
    assert kept is not None
    assert kept.state is ExecutionState.APPLIED


async def test_a_verdict_is_kept_once(world: World) -> None:
    """It is begun once, looked at by one at a time, and neither an old look nor a second verdict is kept."""
    execution = await acted_on(world)
    watched = Verification(
        approval_id=execution.approval_id, incident_id=None, began_at=START, until=START + timedelta(hours=1)
    )
    seen = replace(watched, revision=2)
    fixed = replace(seen, state=VerificationState.FIXED)
    async with world.store.transaction() as tx:
        assert await tx.verifications.add(watched, due_at=tx.now)
        assert not await tx.verifications.add(watched, due_at=tx.now)
        assert await tx.verifications.take(again_at=tx.now + timedelta(minutes=1), limit=5) == (watched,)
        assert await tx.verifications.take(again_at=tx.now + timedelta(minutes=1), limit=5) == ()
        assert await tx.verifications.save(seen)
        assert not await tx.verifications.save(fixed)
        assert await tx.verifications.save(replace(fixed, revision=3))
        assert not await tx.verifications.save(replace(seen, revision=4))


async def test_a_picture_is_drawn_once(world: World) -> None:
    """It is given to one at a time, and what comes second changes nothing."""
    async with world.store.transaction() as tx:
        incident = await tx.incidents.save(make_incident())
        file = StoredFile(
            id="f1", incident_id=incident.id, name="a.png", title="A", alt_text="", picture=latency()
        )
        await tx.files.add(file)
        until = tx.now + timedelta(minutes=1)
        assert [one.id for one in await tx.files.claim(until=until, limit=5)] == ["f1"]
        assert await tx.files.claim(until=until, limit=5) == ()
        assert await tx.files.drawn("f1", b"first")
        assert not await tx.files.drawn("f1", b"second")
        kept = await tx.files.get("f1")
    assert kept is not None
    assert kept.content == b"first"


async def test_a_message_is_put_once(world: World) -> None:
    """Of two that would show the same thing the first one stands."""
    async with world.store.transaction() as tx:
        await tx.messages.put(make_message("1", id="first"))
        await tx.messages.put(make_message("1", id="second"))
        kept = [one.id for one in await tx.messages.undelivered()]
    assert kept == ["first"]


async def test_what_was_asked_for_is_known_whatever_became_of_it(world: World) -> None:
    """By service and since when; an answer does not hide it."""
    approval = await asked(world)
    service = approval.plan.service
    async with world.store.transaction() as tx:
        assert await tx.approvals.asked(service=service, since=approval.requested_at) == (approval,)
        denied = replace(approval, state=ApprovalState.DENIED, revision=approval.revision + 1)
        assert await tx.approvals.replace(denied)
        assert await tx.approvals.asked(service=service, since=approval.requested_at) == (denied,)
        late = approval.requested_at + timedelta(seconds=1)
        assert await tx.approvals.asked(service=service, since=late) == ()
        assert await tx.approvals.asked(service="other", since=approval.requested_at) == ()
