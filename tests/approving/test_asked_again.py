"""What a request had to pass is asked again at the press: limits, preconditions, the world as it is then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.approvals import ApprovalState, DecisionWord
from bot.domain.bounds import ResourceBounds, ScaleBounds
from bot.domain.commands import OutcomeReason, RequestRemediation
from bot.domain.events import EventKind
from bot.domain.policies import ApprovalPolicy
from bot.domain.remedies import Action
from bot.rehearsal.faults import Fault
from bot.testing import FrozenClock
from tests.acting import ALICE, BOB, CAROL, NAMESPACE, POLICY
from tests.planning import MODEL, ask
from tests.retraining.making import make_version
from tests.worlds.objects import cron_job

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from bot.domain.incidents import Incident
    from bot.domain.remedies import RemediationRequest
    from tests.acting import Bench, Start

TRAINING = "training-pipeline"
WISHES = {
    Action.SCALE: ask(Action.SCALE, NAMESPACE, replicas=6),
    Action.RESTART: ask(Action.RESTART, NAMESPACE),
    Action.RESOURCES: ask(Action.RESOURCES, NAMESPACE, container="api", memory="100Mi"),
    Action.RUN: ask(Action.RUN, NAMESPACE, kind="CronJob", name=TRAINING, cronjob=TRAINING),
    Action.RETRAIN: ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name=TRAINING),
    Action.PROMOTE: ask(Action.PROMOTE, "", kind="Model", name=MODEL, version=8),
}


async def waits(bench: Bench, start: Start, wish: RemediationRequest) -> tuple[Approval, Incident]:
    """A request of an incident that waits."""
    bench.world.state.put(cron_job(NAMESPACE))
    bench.world.models.register(make_version("7", days=12, alias=True, accuracy=0.86))
    bench.world.models.register(make_version("8", days=9, accuracy=0.93))
    incident = await bench.open_incident()
    command = RequestRemediation(request=replace(wish, incident_id=incident.id), actor=ALICE)
    outcome = await start.approving.request(command)
    waiting = await bench.waiting()
    assert waiting, outcome
    return waiting[-1], incident


async def refused(bench: Bench, start: Start, approval: Approval, incident: Incident) -> tuple[str, str]:
    """A press that is refused: the audit's word for it, and the sentence. Nothing was granted."""
    outcome = await bench.press(start, approval)
    assert outcome.reason is OutcomeReason.REFUSED
    pressed = (await bench.events(incident, EventKind.PRESS_REFUSED))[-1]
    assert (pressed.detail["approval"], pressed.detail["what"]) == (approval.id, "approve")
    assert (await bench.approval(approval.id)).state is ApprovalState.REQUESTED
    assert await bench.execution(approval.id) is None
    assert bench.rung == []
    return str(pressed.detail["why"]), outcome.sentence


async def test_a_lower_limit_holds_for_what_waits(bench: Bench) -> None:
    """Six replicas were asked for, four are the most now; it stays, and passes once that is gone."""
    start = bench.start()
    approval, incident = await waits(bench, start, WISHES[Action.SCALE])
    before, bench.bounds = bench.bounds, ScaleBounds(minimum=1, maximum=4)
    why, sentence = await refused(bench, start, approval, incident)
    assert why == "out_of_bounds"
    assert sentence.startswith("Something has changed since it was asked for, so nothing was done. ")
    assert "bounds are 1 to 4" in sentence
    bench.bounds = before
    assert (await bench.press(start, approval)).reason is OutcomeReason.DONE
    await start.work()
    assert await bench.replicas() == 6


async def test_a_smaller_step_and_a_smaller_container_hold_too(bench: Bench) -> None:
    """The factor and the bounds of resources are limits like any other."""
    start = bench.start()
    scale, incident = await waits(bench, start, WISHES[Action.SCALE])
    bench.bounds = replace(bench.bounds, max_factor=1.5)
    assert (await refused(bench, start, scale, incident))[0] == "too_large_a_step"
    resources, incident = await waits(bench, start, WISHES[Action.RESOURCES])
    bench.resources = ResourceBounds(memory=64 * 2.0**20)
    assert (await refused(bench, start, resources, incident))[0] == "out_of_bounds"


@pytest.mark.parametrize("action", list(WISHES))
async def test_no_action_is_granted_by_an_older_configuration(bench: Bench, action: Action) -> None:
    """Whatever was asked for: once the service's objects are gone from the configuration it is refused."""
    start = bench.start()
    approval, incident = await waits(bench, start, WISHES[action])
    bench.configured = False
    why, sentence = await refused(bench, start, approval, incident)
    assert (why, "Nothing in a cluster is configured" in sentence) == ("not_configured", True)


async def test_who_cannot_be_asked_grants_nothing(bench: Bench) -> None:
    """The API server is away: it is said, and the next press, once it is back, is the approval."""
    start = bench.start()
    approval, incident = await waits(bench, start, WISHES[Action.RESTART])
    bench.world.faults.switch_on("cluster", Fault.SERVER_ERROR)
    why, sentence = await refused(bench, start, approval, incident)
    assert (why, "Kubernetes cannot be asked now" in sentence) == ("unreachable", True)
    assert sentence.startswith("Nothing was done; press again in a moment. ")
    bench.world.faults.switch_off()
    assert (await bench.press(start, approval)).reason is OutcomeReason.DONE


async def test_a_first_vote_and_a_broken_glass_are_asked_as_well(bench: Bench) -> None:
    """Neither half an approval nor one alone stands over a limit; a denial needs nothing of it."""
    rule = replace(POLICY.general, approvals=2, break_glass_after=timedelta(0))
    bench.policy = ApprovalPolicy(general=rule)
    start = bench.start()
    approval, incident = await waits(bench, start, WISHES[Action.SCALE])
    bench.bounds = ScaleBounds(minimum=1, maximum=4)
    await refused(bench, start, approval, incident)
    assert (await bench.approval(approval.id)).votes == ()
    denied = await bench.press(start, approval, DecisionWord.DENY, by=CAROL, reason="too many")
    assert denied.sentence == "Denied."


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(hours=2)])
async def test_what_the_bot_slept_over_is_asked_before_it_is_done(bench: Bench, behind: timedelta) -> None:
    """Granted, and the bot was away for an hour in which the limit was lowered: nothing is done, and told.

    How long that was the store says, whatever the clock of the replica that finds it.
    """
    start = bench.start()
    approval, incident = await waits(bench, start, WISHES[Action.SCALE])
    await bench.press(start, approval, by=BOB)
    bench.bounds = ScaleBounds(minimum=1, maximum=4)
    bench.pass_time(3600)
    await bench.start("second", clock=FrozenClock(bench.clock.now() - behind, auto=True)).work()
    state, sentence = await bench.outcome(approval)
    assert (state, await bench.replicas()) == ("failed", 3)
    assert sentence.startswith("something has changed since it was approved; nothing was done. ")
    assert len(await bench.events(incident, EventKind.REMEDIATION_FAILED)) == 1
