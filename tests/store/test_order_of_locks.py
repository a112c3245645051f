"""Engines of two replicas lock in one order, so that none of them waits for another in a ring.

On PostgreSQL a ring is found after a second and one of the two is undone; SQLite has one writer and no rings.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.domain.access import AccessPolicy
from bot.domain.actors import user
from bot.domain.commands import OutcomeReason, RequestRemediation
from bot.domain.messages import MessageKind
from bot.domain.policies import ApprovalPolicy, ApprovalRule
from bot.domain.remedies import Execution, ExecutionState, Plan, Refusal, RemediationRequest
from bot.domain.services import WatchedService
from bot.domain.severity import Severity
from bot.domain.storms import Storm
from bot.engines.approving import Approving
from bot.engines.diagnosing import Diagnosing
from bot.engines.falling_back import FallingBack
from bot.engines.noting import show
from bot.engines.verifying import Verifying
from bot.rehearsal.world import World as RehearsedWorld
from bot.testing import START, SequentialIds
from tests.making import make_approval, make_incident, make_key, make_message

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from bot.domain.findings import Finding
    from bot.domain.runbooks import Argument
    from tests.store.conftest import World

SETTLE = timedelta(seconds=60)
CHURN = WatchedService(
    name="churn", channel="C0CHURN", command="/churn", match=(), policy=AccessPolicy(channel="C0CHURN")
)


STORM = Storm(id="storm", channel="C0CHURN", began_at=START - timedelta(hours=1))
DIGEST = make_message("storm", kind=MessageKind.DIGEST, desired_revision=0)


class Elsewhere:
    """A fallback that takes everything."""

    def __init__(self) -> None:
        self.taken: list[object] = []

    async def send(self, document: Mapping[str, object]) -> None:
        """Take it."""
        self.taken.append(document["id"])


async def meanwhile(world: World, work: Coroutine[Any, Any, int]) -> asyncio.Task[int]:
    """Another replica's work, begun while a transaction is open, as far as it comes until it has to wait."""
    under_way = asyncio.create_task(work)
    await asyncio.wait({under_way}, timeout=0.3 if world.has_own_clock else 0)
    return under_way


async def two_incidents(world: World) -> tuple[int, int]:
    """The second is the worse one, so whoever goes by urgency comes to it first."""
    async with world.store.transaction() as tx:
        ids = SequentialIds("incident")
        kept = [
            await tx.incidents.save(make_incident(key=make_key(severity.value), severity=severity))
            for severity in (Severity.P3, Severity.P1)
        ]
        for one in kept:
            await show(tx, ids, one)
    return kept[0].id, kept[1].id


async def test_the_fallback_does_not_wait_for_who_changes_an_incident(world: World) -> None:
    """It holds the message, which whoever holds the incident marks at the end."""
    number, other = await two_incidents(world)
    elsewhere = Elsewhere()
    job = FallingBack(store=world.store, fallback=elsewhere, after=timedelta(0), settle=SETTLE)
    async with world.store.transaction() as tx:
        for one in (number, other):
            assert await tx.incidents.get(one) is not None
            await tx.messages.touch(MessageKind.INCIDENT, str(one))
        telling = await meanwhile(world, job.step())
    assert await telling == 2
    assert len(elsewhere.taken) == 2


async def test_catching_up_does_not_hold_several_incidents(world: World) -> None:
    """It looks at the worst first, a merge locks by number."""
    number, other = await two_incidents(world)

    async def look(_: WatchedService, check: str, __: Mapping[str, Argument]) -> Finding:
        raise AssertionError(check)

    async def note_nothing(*_: object) -> None:
        """No causes here."""

    diagnosing = Diagnosing(
        store=world.store,
        ids=SequentialIds("check"),
        services={"churn": CHURN},
        runbook=lambda _: None,
        look=look,
        known={"pods"},
        rest=SETTLE,
        press_rest=SETTLE,
        at_once=1,
        always=lambda _service, _runbook: ("pods",),
        note_causes=note_nothing,
    )
    async with world.store.transaction() as tx:
        assert await tx.incidents.get(number) is not None
        catching = await meanwhile(world, diagnosing.catch_up())
        assert await tx.incidents.get(other) is not None
    assert await catching == 2


async def test_beginning_to_watch_does_not_hold_several_incidents(world: World) -> None:
    """It goes by what was done first, a merge locks by number."""
    number, other = await two_incidents(world)
    async with world.store.transaction() as tx:
        for seconds, incident_id in ((2, number), (1, other)):
            approval = replace(make_approval(), incident_id=incident_id)
            await tx.approvals.add(approval)
            begun = tx.now - timedelta(seconds=10 - seconds)
            await tx.executions.add(
                Execution(
                    approval_id=approval.id,
                    state=ExecutionState.SUCCEEDED,
                    started_at=begun,
                    updated_at=begun,
                )
            )
    verifying = Verifying(
        store=world.store,
        ids=SequentialIds("watch"),
        metrics=RehearsedWorld(world.clock, SequentialIds()).metrics,
        services={"churn": CHURN},
        runbook=lambda _: None,
        settle=SETTLE,
    )
    async with world.store.transaction() as tx:
        assert await tx.incidents.get(number) is not None
        watching = await meanwhile(world, verifying.run_due())
        assert await tx.incidents.get(other) is not None
    assert await watching == 0


async def test_a_request_that_replaces_another_incident_s_holds_both_by_number(world: World) -> None:
    """Its own is the later one here, a merge locks by number."""
    number, other = await two_incidents(world)
    async with world.store.transaction() as tx:
        rival = replace(make_approval(), incident_id=number, expires_at=tx.now + timedelta(hours=1))
        await tx.approvals.add(rival)
    planned = rival.plan
    wish = RemediationRequest(
        action=planned.action,
        service=planned.service,
        target=planned.target,
        arguments=planned.arguments,
        incident_id=other,
        reason="traffic",
    )

    async def plan(_: RemediationRequest) -> Plan | Refusal:
        return planned

    approving = Approving(
        store=world.store,
        ids=SequentialIds("request"),
        plan=plan,
        policy=lambda _: ApprovalPolicy(general=ApprovalRule(approvers=("U0BOB",))),
        enabled=lambda: True,
        channel_of=lambda _: "C0CHURN",
        on_granted=lambda: None,
    )

    async def ask() -> int:
        outcome = await approving.request(RequestRemediation(request=wish, actor=user("U0ALICE")))
        return int(outcome.reason is OutcomeReason.DONE)

    async with world.store.transaction() as tx:
        assert await tx.incidents.get(number) is not None
        asking = await meanwhile(world, ask())
        assert await tx.incidents.get(other) is not None
    assert await asking == 1
    async with world.store.transaction() as tx:
        (waiting,) = await tx.approvals.requested(service="churn")
    assert waiting.incident_id == other


async def test_what_leaves_a_digest_is_marked_in_the_same_order(world: World) -> None:
    """A reopening takes an incident out of its digest, and shows its neighbours anew."""
    number, other = await two_incidents(world)
    async with world.store.transaction() as tx:
        # By their names as texts: the neighbour comes first.
        await tx.storms.gather(STORM, DIGEST, own_critical=0)

    async def show_both() -> int:
        async with world.store.transaction() as tx:
            for one in (number, other):
                await tx.messages.touch(MessageKind.INCIDENT, str(one))
        return 2

    async with world.store.transaction() as tx:
        assert await tx.storms.let_go(other, for_good=False)
        showing = await meanwhile(world, show_both())
        await tx.messages.touch(MessageKind.INCIDENT, str(number))
    assert await showing == 2
    async with world.store.transaction() as tx:
        found = [await tx.messages.find(MessageKind.INCIDENT, str(one)) for one in (number, other)]
        assert not await tx.storms.let_go(other)
    assert [one and (one.desired_revision, one.digest_of) for one in found] == [(3, DIGEST.id), (2, None)]


async def test_a_storm_gathers_messages_in_the_order_in_which_they_are_marked(world: World) -> None:
    """Whatever order they were written in: what is marked meanwhile is gathered after it."""
    names = ("9", "10")
    async with world.store.transaction() as tx:
        for name in names:
            await tx.messages.put(make_message(name, kind=MessageKind.INCIDENT))

    async def gather() -> int:
        async with world.store.transaction() as tx:
            return await tx.storms.gather(STORM, DIGEST, own_critical=0)

    async with world.store.transaction() as tx:
        await tx.messages.touch(MessageKind.INCIDENT, "10")
        await tx.messages.mark()  # type: ignore[attr-defined]  # what the store does at the end, in two steps
        gathering = await meanwhile(world, gather())
        await tx.messages.touch(MessageKind.INCIDENT, "9")
    assert await gathering == 2
    async with world.store.transaction() as tx:
        found = [await tx.messages.find(MessageKind.INCIDENT, name) for name in names]
    assert [one and (one.desired_revision, one.digest_of) for one in found] == [(2, DIGEST.id)] * 2
