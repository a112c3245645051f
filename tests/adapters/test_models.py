from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bot.adapters.models import MlflowModels
from bot.domain.errors import Forbidden, NotFound, Temporary
from tests.adapters.standin import standing_in, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# The worker imports mlflow, which takes seconds, and many of them on a busy machine.
pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def models_at(address: str) -> AsyncIterator[MlflowModels]:
    """The adapter, whose worker ends with the block."""
    models = MlflowModels(address, timeout=120)
    try:
        yield models
    finally:
        await models.close()


async def registry(request: web.Request) -> web.StreamResponse:
    """What an MLflow server answers for version 7 of churn-model."""
    if request.path.endswith("/registered-models/alias"):
        if request.query.get("name") != "churn-model":
            body = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered Model not found"}
            return web.json_response(body, status=404)
        version = {
            "name": "churn-model",
            "version": "7",
            "creation_timestamp": 1_790_000_000_000,
            "run_id": "abc",
            "status": "READY",
            "aliases": ["Production"],
        }
        return web.json_response({"model_version": version})
    if request.path.endswith("/runs/get"):
        info = {"run_id": "abc", "experiment_id": "0", "status": "FINISHED", "lifecycle_stage": "active"}
        measured = [{"key": "accuracy", "value": 0.914, "timestamp": 1, "step": 0}]
        return web.json_response({"run": {"info": info, "data": {"metrics": measured}}})
    return web.json_response({}, status=404)


async def test_a_version_comes_with_its_run_s_metrics() -> None:
    """The worker answers version, time and metrics; another model is not found."""
    async with standing_in(registry) as server, models_at(server.url) as models:
        found = await models.version_by_alias(name="churn-model", alias="Production")
        assert (found.version, found.run_id, found.metrics) == ("7", "abc", {"accuracy": 0.914})
        assert found.created_at == datetime.fromtimestamp(1_790_000_000, UTC)
        with pytest.raises(NotFound):
            await models.version_by_alias(name="nobody", alias="Production")


@pytest.mark.parametrize(
    ("code", "body", "error"),
    [
        (503, {}, Temporary),
        (403, {"error_code": "PERMISSION_DENIED", "message": "no"}, Forbidden),
    ],
)
async def test_a_server_that_refuses_or_fails(
    code: int, body: dict[str, str], error: type[Exception]
) -> None:
    """What the server answers becomes one of our errors."""
    async with standing_in(status(code, body)) as server, models_at(server.url) as models:
        with pytest.raises(error):
            await models.version_by_alias(name="m", alias="a")


async def test_the_chat_s_tokens_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's environment has MLflow's settings and nobody else's secrets."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wanted")
    passed = MlflowModels("http://x").worker.environment()
    assert "SLACK_BOT_TOKEN" not in passed
    assert passed["MLFLOW_TRACKING_TOKEN"] == "wanted"
