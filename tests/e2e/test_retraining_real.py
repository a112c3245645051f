"""Retraining on a real Kubernetes API and a real MLflow server: proposed, run, compared, promoted, put back.

The pods of the test's cluster run nothing, so the test registers the candidate as the pipeline would; the
pipeline itself is run by the closed loop of the model.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.planting import Bed, ended
from tests.e2e.servers.chat import read
from tests.e2e.servers.cluster import BY_HAND
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.workloads import cron_job
from tests.planning import ALIAS

if TYPE_CHECKING:
    from bot.console.values import Message
    from tests.e2e.scenes import Begin, Scene
    from tests.e2e.servers.mlflow import Mlflow

ALICE, BOB = "U0ALICE", "U0BOB"
LONG = 480.0
"""The proposing job ticks once a minute, and MLflow's client takes its time to load."""

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


async def test_an_old_model_is_trained_anew_and_its_candidate_promoted(begin: Begin, mlflow: Mlflow) -> None:
    """Lightship asks, a Job runs, the better candidate is shown and asked about, and can be put back."""
    model = await asyncio.to_thread(mlflow.create_model, versions=1, alias=ALIAS, at=1)
    await asyncio.to_thread(mlflow.make_older, "1", 40, model=model)
    scene = await begin(settings={"MODEL__NAME": model}, environment=mlflow.environment)
    cron = cron_job(scene.namespace, image=scene.cluster.image)
    template = cron["spec"]["jobTemplate"]["spec"]["template"]
    template["metadata"] = {"annotations": {BY_HAND: "true"}}  # it ends when the candidate is registered
    await asyncio.to_thread(scene.cluster.apply, cron)
    request = await is_proposed(scene)
    job = await is_trained(scene, request, cron)
    version = await asyncio.to_thread(mlflow.register, model, {"accuracy": 0.83, "log_loss": 0.3})
    await asyncio.to_thread(mlflow.evaluate, model, 1, {"accuracy": 0.69, "log_loss": 0.5})
    assert version == "2"
    if scene.cluster.owned:
        ends = Bed(scene.cluster, scene.namespace).kubelet
        await asyncio.to_thread(
            ends, labels=f"job-name={job}", phase="Succeeded", state=ended(0, "Completed")
        )
    await is_promoted(scene, mlflow, model)
    refused = await scene.chat.ask(ALICE, "retrain again", "Retraining is refused")
    assert "the last training was" in refused
    assert scene.chat.complaints() == []


async def is_proposed(scene: Scene) -> Message:
    """The request says the age in words, what is not known, and what it will do."""
    request = await scene.chat.message("Approval needed", "retrain training-pipeline", seconds=LONG)
    text = read(request)
    for words in (
        "version 1 is 40 days old, more than 30 days",
        "Asked by Lightship",
        "the drift is unknown: no drift report has been published yet",
        "then the candidate is compared with production",
    ):
        assert words in text, text
    return request


async def is_trained(scene: Scene, request: Message, cron: dict[str, Any]) -> str:
    """One Job of the CronJob's template, kept for a week, without an owner; its name."""
    chat = scene.chat
    await chat.press(BOB, request, "approve")
    path = f"/apis/batch/v1/namespaces/{scene.namespace}/jobs"

    async def jobs() -> list[dict[str, Any]]:
        return list((await asyncio.to_thread(scene.cluster.api.call, path))["items"])

    (job,) = await eventually(jobs, bool, "the Job is made", seconds=LONG)
    assert job["metadata"]["name"].startswith("training-pipeline-")
    assert job["metadata"]["labels"]["lightship/cronjob"] == cron["metadata"]["name"]
    assert "ownerReferences" not in job["metadata"]
    assert job["spec"]["ttlSecondsAfterFinished"] >= 7 * 24 * 3600
    assert job["spec"]["backoffLimit"] == 1
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    return str(job["metadata"]["name"])


async def is_promoted(scene: Scene, mlflow: Mlflow, model: str) -> None:
    """The comparison, the request with its reason, the alias at the new version, and back again."""
    chat = scene.chat
    told = await chat.anywhere("version 2 is better than version 1 in production", seconds=LONG)
    for words in ("accuracy 0.69 → 0.83", "+14 points", "log_loss · 0.5 · 0.3 · -0.2 · better"):
        assert words in read(told), read(told)
    promotion = await chat.message("Approval needed", "version 1 → version 2", seconds=LONG)
    assert "accuracy 0.69 → 0.83" in read(promotion)

    async def version() -> str:
        return await asyncio.to_thread(mlflow.version_of, ALIAS, model=model)

    assert await version() == "1"
    await chat.press(BOB, promotion, "approve")
    await chat.shows(promotion, "✅ Done: promote", "Production is version 2", seconds=LONG)
    assert await version() == "2"
    await chat.press(ALICE, promotion, "undo:action")
    undo = await chat.message("Approval needed", "version 2 → version 1", seconds=LONG)
    await chat.press(BOB, undo, "approve")
    await chat.shows(undo, "✅ Done: promote", "Production is version 1", seconds=LONG)
    assert await version() == "1"
