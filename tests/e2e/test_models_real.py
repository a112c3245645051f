"""Promoting and demoting on a real MLflow server: the contract of both registries, and by the whole bot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bot.adapters.models import MlflowAliases, MlflowModels
from bot.ports.writers import Writers
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.e2e.scenes import ALERT, Begin
from tests.e2e.servers.chat import buttons, read
from tests.planning import ALIAS
from tests.worlds.models_contract import ModelsContract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.servers.mlflow import Mlflow

# A real MLflow takes its time to start, and its client to load.
pytestmark = pytest.mark.timeout(900)
ALICE, BOB = "U0ALICE", "U0BOB"


class RealRegistry:
    """A model of a real server as the contract wants it."""

    def __init__(self, server: Mlflow, models: MlflowModels, model: str) -> None:
        self.model = model
        self._server = server
        rehearsal = World(FrozenClock(), SequentialIds())
        self.readers = replace(rehearsal.readers, models=models)
        self.planner = rehearsal.planner
        self.writers = Writers(cluster=rehearsal.writer, models=MlflowAliases(models))

    async def point(self, version: int) -> None:
        """Move the alias by MLflow's own interface."""
        await asyncio.to_thread(self._server.point, self.model, ALIAS, version)

    async def evaluate(self, version: int, **metrics: float) -> None:
        """A run with the tags that the pipeline gives it."""
        await asyncio.to_thread(self._server.evaluate, self.model, version, metrics)


@pytest_asyncio.fixture(loop_scope="class", scope="class")
async def models(mlflow: Mlflow) -> AsyncIterator[MlflowModels]:
    """The adapter for all tests of the contract: its worker takes seconds to load MLflow's client."""
    made = MlflowModels(mlflow.url, timeout=120)
    yield made
    await made.close()


@pytest.fixture
def registry(mlflow: Mlflow, models: MlflowModels) -> RealRegistry:
    """Three versions, the second in use."""
    return RealRegistry(mlflow, models, mlflow.create_model(versions=3, alias=ALIAS, at=2))


@pytest.mark.asyncio(loop_scope="class")
class TestRealModels(ModelsContract):
    """A real MLflow server passes the same suite as the rehearsal's registry."""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_version_is_promoted_and_put_back_in_the_chat(begin: Begin, mlflow: Mlflow) -> None:
    """Asked, approved, moved, undone; one that somebody moved meanwhile is left, and asked about anew."""
    model = await asyncio.to_thread(mlflow.create_model, versions=3, alias=ALIAS, at=2)
    scene = await begin(
        settings={"MODEL__NAME": model, "MODEL__ALIAS": ALIAS},
        environment=mlflow.environment,
    )
    chat = scene.chat

    async def now() -> str:
        return await asyncio.to_thread(mlflow.version_of, ALIAS, model=model)

    scene.alertmanager.fire({"labels": ALERT})
    incident = await chat.message(ALERT["alertname"])
    await chat.ask(ALICE, "promote 3 it is more accurate", "waits for approval")
    request = await chat.message("Approval needed", "version 2 → version 3", thread=incident)
    assert "accuracy 0.72 → 0.73" in read(request)
    assert await now() == "2"
    await chat.press(BOB, request, "approve")
    await chat.shows(request, "✅ Done: promote", "Production is version 3")
    assert await now() == "3"
    await chat.press(ALICE, request, "undo:action")
    undo = await chat.message("Approval needed", "version 3 → version 2", thread=incident)
    await chat.press(BOB, undo, "approve")
    await chat.shows(undo, "✅ Done: promote", "Production is version 2")
    assert await now() == "2"

    await chat.ask(ALICE, "promote 1 the old one was better", "waits for approval")
    demote = await chat.message("Approval needed", "version 2 → version 1", thread=incident)
    assert "an older version than the one in use" in read(demote)
    await asyncio.to_thread(mlflow.point, model, ALIAS, 3)
    await chat.press(BOB, demote, "approve")
    await chat.shows(demote, "❌ Failed", "Production is version 3 now, not 2; nothing was done")
    again = await chat.message("Approval needed", "version 3 → version 1", thread=incident)
    assert "approve" in buttons(chat.now(again))
    assert await now() == "3"
