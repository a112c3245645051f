from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.bootstrap.services import check_target, watched_services
from bot.checks.registry import run_check
from bot.domain.bounds import ScaleBounds
from bot.domain.findings import Verdict
from bot.domain.matchers import parse_matchers
from bot.domain.remedies import Action
from bot.ports.readers import Resource
from bot.rehearsal.rules import fingerprint_of
from bot.remediations.applying import apply
from bot.remediations.outcomes import ApplyState
from bot.settings import load_settings
from bot.testing import FrozenClock, SequentialIds, make_grant
from tests.planning import ask, planned_in
from tests.worlds.churn import DEPLOYMENT, LATENCY, NAMESPACE, churn_world
from tests.worlds.objects import request

if TYPE_CHECKING:
    from bot.domain.remedies import RemediationRequest
    from bot.rehearsal.alertmanager import Dispatcher
    from bot.rehearsal.world import World

ROOT = Path(__file__).parents[2]
LIMITS = ScaleBounds(minimum=1, maximum=10, max_factor=3)


@pytest.fixture
def clock() -> FrozenClock:
    """The time of the scenario."""
    return FrozenClock()


@pytest.fixture
def world(clock: FrozenClock) -> World:
    """The demo's world."""
    return churn_world(clock, SequentialIds())


async def latency(world: World) -> float:
    """The 95th percentile now, as a runbook would ask for it."""
    (sample,) = await world.metrics.query(LATENCY)
    return sample.value


async def sent_within(
    world: World, dispatcher: Dispatcher, clock: FrozenClock, seconds: int
) -> list[dict[str, Any]]:
    """The webhooks of the next seconds, each taken by the receiver."""
    taken = []
    for _ in range(seconds):
        for payload in dispatcher.due(world.alerts(clock.now()), clock.now()):
            dispatcher.sent(payload, clock.now())
            taken.append(payload)
        await clock.advance(seconds=1)
    return taken


async def scale(world: World, replicas: int) -> None:
    """Scale as an approved request does."""
    plan = await planned_in(world, request(NAMESPACE, replicas), limits=LIMITS)
    await apply(make_grant(plan), readers=world.readers, writers=world.writers)


async def test_six_replicas_cure_the_latency(world: World, clock: FrozenClock) -> None:
    """With three pods the latency is 1.7 s, with six it falls to 0.4 s once they are ready."""
    await clock.advance(seconds=30)
    assert await latency(world) == pytest.approx(1.7, abs=0.05)
    await scale(world, 6)
    assert await latency(world) == pytest.approx(1.7, abs=0.05)
    await clock.advance(seconds=60)
    world.state.settle()
    assert await latency(world) == pytest.approx(0.4, abs=0.05)
    pods = await world.cluster.list(Resource.PODS, namespace=NAMESPACE, labels=f"app={DEPLOYMENT}")
    assert len(pods) == 6


async def test_the_alert_is_sent_and_resolves(world: World, clock: FrozenClock) -> None:
    """HighAPILatency is sent once as firing and, after scaling, once as resolved, in Alertmanager's form."""
    dispatcher = world.dispatcher()
    (firing,) = await sent_within(world, dispatcher, clock, 60)
    assert (firing["version"], firing["status"]) == ("4", "firing")
    (alert,) = firing["alerts"]
    assert alert["labels"]["alertname"] == "HighAPILatency"
    assert alert["labels"]["service"] == "churn"
    assert alert["endsAt"] == "0001-01-01T00:00:00Z"
    assert alert["fingerprint"] == fingerprint_of(alert["labels"])
    await scale(world, 6)
    (resolved,) = await sent_within(world, dispatcher, clock, 90)
    assert resolved["status"] == "resolved"
    assert resolved["alerts"][0]["startsAt"] == alert["startsAt"]
    assert not world.firing_alerts()


async def test_what_was_not_taken_is_offered_again(world: World, clock: FrozenClock) -> None:
    """A receiver that refuses a webhook gets it again."""
    dispatcher = world.dispatcher()
    for _ in range(40):
        world.alerts(clock.now())
        await clock.advance(seconds=1)
    for _ in range(3):
        dispatcher.due(world.alerts(clock.now()), clock.now())
        await clock.advance(seconds=5)
        assert dispatcher.due(world.alerts(clock.now()), clock.now())


async def test_a_silenced_alert_is_not_sent(world: World, clock: FrozenClock) -> None:
    """A silence keeps the alert and its end quiet, and the API shows which silence it is."""
    await world.alertmanager.create(
        matchers=parse_matchers('alertname="HighAPILatency"'),
        starts_at=clock.now(),
        ends_at=clock.now() + timedelta(hours=1),
        created_by="U0ALICE",
        comment="known",
    )
    dispatcher = world.dispatcher()
    assert not await sent_within(world, dispatcher, clock, 60)
    (seen,) = await world.alertmanager.alerts()
    (silence,) = await world.alertmanager.silences()
    assert seen.silenced_by == (silence.id,)
    await world.alertmanager.expire(silence.id)
    await world.alertmanager.expire(silence.id)
    (payload,) = await sent_within(world, dispatcher, clock, 30)
    assert payload["status"] == "firing"


async def test_a_lasting_alert_is_repeated(world: World, clock: FrozenClock) -> None:
    """After the repeat interval the same alert is sent again."""
    dispatcher = world.dispatcher()
    assert len(await sent_within(world, dispatcher, clock, 60)) == 1
    await clock.advance(seconds=4 * 3600)
    assert len(await sent_within(world, dispatcher, clock, 30)) == 1


async def test_in_the_autoscaled_scenario_the_bounds_move(clock: FrozenClock) -> None:
    """With the HPA in the world its minimum is raised, and the deployment follows."""
    world = churn_world(clock, SequentialIds(), autoscaled=True)
    plan = await planned_in(world, request(NAMESPACE, 6), limits=LIMITS)
    assert plan.changes[0].field.endswith("spec.minReplicas")
    await apply(make_grant(plan), readers=world.readers, writers=world.writers)
    assert (await world.cluster.get(Resource.DEPLOYMENTS, namespace=NAMESPACE, name="churn-api"))["spec"][
        "replicas"
    ] == 6


def test_fingerprints_are_those_of_prometheus() -> None:
    """The empty label set has the offset of 64-bit FNV-1a, as in Prometheus' own code."""
    assert fingerprint_of({}) == "cbf29ce484222325"


async def test_history_can_be_asked(world: World, clock: FrozenClock) -> None:
    """A range query sees the past: slow before the scaling, quick after it."""
    start = clock.now()
    await clock.advance(seconds=60)
    await scale(world, 6)
    await clock.advance(seconds=60)
    world.state.settle()
    (series,) = await world.metrics.query_range(LATENCY, start=start, end=clock.now(), step=10)
    values = [value for _, value in series.points]
    assert max(values) > 1.6
    assert values[-1] < 0.5
    assert len(values) == 13


async def test_every_shipped_metric_and_check_finds_something(world: World, clock: FrozenClock) -> None:
    """With the shipped configuration every metric has a number and no check of the cluster is in the dark."""
    settings = load_settings(ROOT / "lightship.yaml", {}).settings
    assert settings is not None
    target = check_target(watched_services(settings)["churn"])

    def crashed(name: str, error: Exception) -> None:
        raise AssertionError(name) from error

    found = {}
    for name in ("pods", "hpa", "events", "rollouts", "metrics", "logs", "jobs", "model"):
        found[name] = await run_check(
            name, target=target, readers=world.readers, now=clock.now(), crashed=crashed
        )
        assert found[name].verdict is not Verdict.UNKNOWN, found[name]
    numbers = [found["metrics"].facts[f"{metric}.value"] for metric in settings.services["churn"].metrics]
    assert None not in numbers
    assert found["metrics"].facts["request_rate.ratio"] == 3
    assert found["rollouts"].facts["image_changed"] is True
    assert found["jobs"].verdict is Verdict.OK
    assert found["logs"].facts["errors"] == 0


@pytest.mark.parametrize(
    "asked",
    [
        ask(Action.ROLLBACK, NAMESPACE),
        ask(Action.RESTART, NAMESPACE),
        ask(Action.RESOURCES, NAMESPACE, memory="2Gi"),
        ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name="training-pipeline"),
    ],
    ids=lambda asked: asked.action.value,
)
async def test_the_demo_can_be_asked_for_every_action(world: World, asked: RemediationRequest) -> None:
    """What the shipped runbooks offer can be planned and done in the world of the demo."""
    grant = make_grant(await planned_in(world, asked, now=world.clock.now()))
    outcome = await apply(grant, readers=world.readers, writers=world.writers)
    assert outcome.state is ApplyState.APPLIED
