from __future__ import annotations

from datetime import timedelta

import pytest

from bot.ports.readers import Evaluation, ModelVersion
from bot.rehearsal.world import World
from bot.testing import START, FrozenClock, SequentialIds
from tests.planning import ALIAS, MODEL
from tests.worlds.models_contract import ModelsContract


class RehearsedRegistry(World):
    """The rehearsal's registry as the contract wants it."""

    model = MODEL
    _evaluated = timedelta(0)

    async def point(self, version: int) -> None:
        """Move the alias."""
        self.models.point(MODEL, ALIAS, str(version))

    async def evaluate(self, version: int, **metrics: float) -> None:
        """Add a run; each is later than the one before."""
        self._evaluated += timedelta(seconds=1)
        run = Evaluation(run_id="e", at=START + self._evaluated, metrics=metrics)
        self.models.evaluate(MODEL, str(version), run)


@pytest.fixture
def registry() -> RehearsedRegistry:
    """Three versions, the second in use."""
    made = RehearsedRegistry(FrozenClock(), SequentialIds())
    for number in ("1", "2", "3"):
        made.models.register(
            ModelVersion(
                name=MODEL,
                version=number,
                aliases=(ALIAS,) if number == "2" else (),
                created_at=START - timedelta(days=10 - int(number)),
                run_id="r",
                metrics={"accuracy": 0.7 + int(number) / 100},
            )
        )
    return made


class TestRehearsedModels(ModelsContract):
    """The registry in memory passes the same suite as a real MLflow server."""
