"""The kill switch that people press: nothing is asked for, granted or begun until it is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.domain.approvals import ApprovalState
from bot.domain.commands import OutcomeReason, SwitchActions
from bot.domain.errors import Temporary
from bot.domain.events import EventKind
from bot.domain.messages import MessageKind
from bot.domain.remedies import ExecutionState
from bot.engines.freezing import Freezing
from bot.rehearsal.faults import Fault
from tests.acting import BOB, CAROL

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from tests.acting import Bench

FREEZE = SwitchActions(service="churn", actor=BOB, reason="sale")


def freezing(bench: Bench) -> Freezing:
    """The switch, as any replica has it."""
    return Freezing(
        store=bench.store,
        ids=bench.ids,
        channels=["C0CHURN", "C0SHOP", "C0CHURN"],
        enabled=lambda: bench.enabled,
    )


async def revision(bench: Bench, approval: Approval) -> int:
    """How often what shows a request was to be shown anew."""
    async with bench.store.transaction() as tx:
        message = await tx.messages.find(MessageKind.APPROVAL, approval.id)
    assert message is not None
    return message.desired_revision


async def test_while_frozen_nothing_is_asked_for_or_granted(bench: Bench) -> None:
    """Both say who froze and why; the request stays open and can be granted once it is over."""
    start, incident, switch = bench.start(), await bench.open_incident(), freezing(bench)
    approval = await bench.asked(start, incident=incident)
    assert (await switch.freeze(FREEZE)).reason is OutcomeReason.DONE
    refused = await bench.press(start, approval)
    assert refused.reason is OutcomeReason.ALREADY
    assert "frozen by <@U0BOB>: sale" in refused.sentence
    assert "frozen" in (await bench.ask(start, 5, incident=incident)).sentence
    assert (await bench.approval(approval.id)).state is ApprovalState.REQUESTED
    assert [event.detail["why"] for event in await bench.events(incident, EventKind.PRESS_REFUSED)] == [
        "frozen"
    ]
    await switch.unfreeze(FREEZE)
    assert (await bench.press(start, approval)).reason is OutcomeReason.DONE


async def test_what_was_granted_before_the_freeze_is_not_begun(bench: Bench) -> None:
    """Frozen by another replica between grant and act: nothing reaches the cluster, and it says so."""
    start = bench.start()
    approval = await bench.granted(start)
    await freezing(bench).freeze(FREEZE)
    await start.work()
    state, words = await bench.outcome(approval)
    assert (state, bench.writer.orders) == (ExecutionState.FAILED, [])
    assert "frozen" in words


async def test_it_is_shown_wherever_an_action_is(bench: Bench) -> None:
    """Waiting requests and open incidents are shown anew, every channel is told once, readiness says it."""
    start, incident, switch = bench.start(), await bench.open_incident(), freezing(bench)
    approval = await bench.asked(start, incident=incident)
    before = await revision(bench, approval)
    await switch.ask()
    await switch.freeze(FREEZE)
    assert await revision(bench, approval) == before + 1
    with pytest.raises(Temporary, match=r"frozen by U0BOB since .*: sale"):
        await switch.ask()
    async with bench.store.transaction() as tx:
        told = [one.channel for one in await tx.messages.undelivered() if one.kind is MessageKind.NOTICE]
        assert sorted(told) == ["C0CHURN", "C0SHOP"]
        kinds = [entry.body for entry, _ in await tx.audit.entries(after=0, limit=9)]
    assert EventKind.ACTIONS_FROZEN.value in kinds[-1]
    await switch.unfreeze(FREEZE)
    assert await revision(bench, approval) == before + 2


async def test_switched_off_by_the_configuration_nothing_is_granted_and_it_is_shown(bench: Bench) -> None:
    """Refused where it is pressed and asked for, kept, said by readiness, and shown after the restart."""
    start, incident, switch = bench.start(), await bench.open_incident(), freezing(bench)
    approval = await bench.asked(start, incident=incident)
    before = await revision(bench, approval)
    bench.enabled = False
    pressed = await bench.press(start, approval)
    assert pressed.reason is OutcomeReason.REFUSED
    assert "`remediations.enabled` is false" in pressed.sentence
    assert "switched off" in (await bench.ask(start, 5, incident=incident)).sentence
    (event,) = await bench.events(incident, EventKind.PRESS_REFUSED)
    assert event.detail["why"] == "disabled"
    await switch.show_anew()
    assert await revision(bench, approval) == before + 1
    with pytest.raises(Temporary, match=r"remediations\.enabled is false"):
        await switch.ask()
    await switch.unfreeze(FREEZE)
    assert (await bench.press(start, approval)).reason is OutcomeReason.REFUSED
    bench.enabled = True
    assert (await bench.press(start, approval)).reason is OutcomeReason.DONE


async def test_a_second_press_of_the_switch_changes_nothing(bench: Bench) -> None:
    """Who froze first stays named; unfreezing what is not frozen is said."""
    switch = freezing(bench)
    assert (await switch.unfreeze(FREEZE)).reason is OutcomeReason.ALREADY
    await switch.freeze(FREEZE)
    again = await freezing(bench).freeze(SwitchActions(service="churn", actor=CAROL))
    assert again.sentence == "All actions are frozen already by <@U0BOB>."
    assert (await switch.unfreeze(FREEZE)).reason is OutcomeReason.DONE


async def test_what_is_tried_again_is_not_tried_once_frozen(bench: Bench) -> None:
    """The API server pushes back, somebody freezes, and the next try is not made."""
    start = bench.start()
    approval = await bench.granted(start)
    bench.world.faults.switch_on("writer", Fault.THROTTLED)
    calls: list[float] = []
    real = bench.clock.sleep

    async def sleep(seconds: float) -> None:
        if not calls:
            await freezing(bench).freeze(FREEZE)
            bench.world.faults.switch_off("writer")
        calls.append(seconds)
        await real(seconds)

    bench.clock.sleep = sleep  # type: ignore[method-assign]  # somebody acts in that moment
    await start.work()
    assert (await bench.outcome(approval))[0] == ExecutionState.FAILED
    assert bench.writer.effects == []
    assert len(bench.writer.orders) == 1
