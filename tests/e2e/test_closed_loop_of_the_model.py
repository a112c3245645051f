"""The closed loop of the model: customers change, the score says so, and an approved training mends it.

`make loop` runs this and shows its timeline. The drift report is the bot's own by its schedule, over what the
service has written down; the training is the real pipeline in a Job's pod; and the score falls because the
service serves the version that was approved, beside the profile of what that version learned from.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from examples.churn.customers import Population
from tests.e2e.loop import ALICE, BOB, DRIFT_PATIENCE, SHIPPED_WINDOWS, Batches, training
from tests.e2e.play import Play, Stage, line_with, playing
from tests.e2e.servers.chat import read
from tests.e2e.servers.eventually import eventually
from tests.monitoring.panels import MODEL

if TYPE_CHECKING:
    from bot.console.values import Message
    from tests.e2e.servers.mlflow import Mlflow

SCORE = "max(churn_model_drift_score)"
SERVED = "count by (version) (churn_model_info)"

pytestmark = [
    pytest.mark.alone,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(SHIPPED_WINDOWS, reason="its alert waits for an hour, its reports look back a day"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


async def test_customers_change_and_an_approved_training_takes_the_score_down(
    stage: Stage, first_training: dict[str, Any]
) -> None:
    """From the first new customers to the resolved alert, with a Job and two approvals in between."""
    title = "Drift: new customers, a report, an alert, a training, a better candidate, the alias, resolved"
    assert first_training["version"] == "1"
    # A model of today is not trained anew; this one is ten days old.
    await asyncio.to_thread(stage.mlflow.make_older, "1", 10)
    job = training(stage.namespace, image=stage.cluster.image, out=stage.directory / "trained")
    await asyncio.to_thread(stage.cluster.apply, job)
    batches, data = Batches(), stage.directory / "data"
    async with playing(
        stage,
        title,
        alert="DataDriftDetected",
        drift_schedule="* * * * *",
        settings={"RETRAINING__PROPOSE": "false"},  # here Alice asks
        pods={"CHURN_DATA": str(data), "CHURN_FOLLOW": "2"},
        callers=batches.asking,
        ready=lambda: any(data.glob("current/*.parquet")),
    ) as play:
        play.timeline.note("three pods serve churn-model 1 and write down what they are asked")
        await customers_change(play, batches)
        incident = await is_told(play)
        await is_trained_by_approval(play, incident)
        await is_promoted_by_approval(play, stage.mlflow)
        await score_falls(play, incident)
        await play.is_on_the_dashboard(*MODEL)
        assert play.firing() == set()
        assert await asyncio.to_thread(stage.mlflow.runs, "drift_detection")
        assert play.scene.chat.complaints() == []


async def customers_change(play: Play, batches: Batches) -> None:
    """With the customers that the model knows the score is low; with others the alert fires."""
    usual = await play.measured(SCORE, lambda value: value < 0.3, "a score of usual customers")
    play.timeline.note(f"{batches.answered} customers scored; the scheduled report says {usual:.2f}")
    assert play.firing() == set()
    batches.population = Population.NEWCOMERS
    play.timeline.note("other customers come: younger, dearer, on monthly contracts")
    moved = await play.measured(SCORE, lambda value: value > 0.3, "a score of new customers")
    play.timeline.note(f"the scheduled report says {moved:.2f}")
    await play.until_fires("DataDriftDetected")


async def is_told(play: Play) -> Message:
    """The incident's message has the score and the features that moved."""
    chat = play.scene.chat
    incident = await chat.message("P3 firing · DataDriftDetected")
    text = await chat.shows(incident, " moved, ")
    play.timeline.note("the bot: " + line_with(text, " moved, "))
    return incident


async def is_trained_by_approval(play: Play, incident: Message) -> None:
    """Alice asks, Bob approves, and the Job's pod runs the pipeline to its end."""
    chat = play.scene.chat
    await chat.press(ALICE, incident, "request_remediation:retrain")
    await chat.modal(ALICE, "remedy")
    await chat.submit(ALICE, reason="the customers have changed")
    request = await chat.message("Approval needed", thread=incident)
    play.timeline.note("asked for by Alice: " + line_with(read(request), "Approval needed"))
    await chat.press(BOB, request, "approve")
    await chat.told(BOB, "Approved. The outcome follows in the thread.")
    play.timeline.note("approved by Bob")
    await chat.shows(request, "✅ Done", seconds=DRIFT_PATIENCE)
    play.timeline.note("the Job has run the pipeline to its end")


async def is_promoted_by_approval(play: Play, mlflow: Mlflow) -> None:
    """The candidate is better, Lightship asks, Alice approves, and the alias and the service follow."""
    chat = play.scene.chat
    told = await chat.anywhere("version 2 is better than version 1", seconds=DRIFT_PATIENCE)
    play.timeline.note("the bot: " + line_with(read(told), "is better than"))
    assert mlflow.version_of("Production") == "1"
    request = await chat.anywhere("Approval needed", "version 1 → version 2")
    play.timeline.note("asked for by Lightship: " + line_with(read(request), "Approval needed"))
    await chat.press(ALICE, request, "approve")
    await chat.told(ALICE, "Approved. The outcome follows in the thread.")
    play.timeline.note("the alias is approved by Alice")
    await eventually(
        lambda: asyncio.to_thread(mlflow.version_of, "Production"), lambda one: one == "2", "the alias moves"
    )

    def served() -> dict[str, float]:
        found = play.prometheus.query(SERVED)
        return {one["metric"]["version"]: float(one["value"][1]) for one in found}

    await eventually(
        lambda: asyncio.to_thread(served),
        lambda seen: seen == {"2": 3.0},
        "all pods serve it",
        seconds=DRIFT_PATIENCE,
    )
    play.timeline.note("all three pods serve version 2")


async def score_falls(play: Play, incident: Message) -> None:
    """The next reports compare the same customers with what the new version knows, and the alert ends."""
    score = await play.measured(SCORE, lambda value: value < 0.3, "a low score")
    play.timeline.note(f"the scheduled report says {score:.2f}")
    await play.scene.chat.shows(incident, "✅ P3 resolved · DataDriftDetected", seconds=DRIFT_PATIENCE)
    play.timeline.note("resolved by itself")
    fixed = await play.scene.chat.message(
        "Fixed after", "Drift score", "→", thread=incident, seconds=DRIFT_PATIENCE
    )
    play.timeline.note("the bot: " + line_with(read(fixed), "Fixed after"))
