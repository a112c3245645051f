from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web

from bot.adapters.models import MlflowAliases, MlflowModels
from bot.domain.calls import MARK
from bot.domain.errors import Ambiguous, Conflict, Forbidden, NotFound, Permanent, Temporary
from bot.domain.remedies import Action, Call, CallKind, Edit, Target
from bot.testing import make_grant
from tests.adapters.standin import standing_in, status
from tests.making import make_plan
from tests.planning import ALIAS, MODEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.adapters.standin import StandIn

# The worker imports mlflow, which takes seconds, and many of them on a busy machine: one serves all tests.
pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """The adapter, and an MLflow server that answers as a test wants it."""

    server: StandIn
    models: MlflowModels


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def served() -> AsyncIterator[Served]:
    """Started with the first test, ended with the last."""
    async with standing_in(registry) as server:
        models = MlflowModels(server.url, timeout=240)
        yield Served(server=server, models=models)
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


async def test_a_version_comes_with_its_run_s_metrics(served: Served) -> None:
    """The worker answers version, time and metrics; another model is not found."""
    served.server.answer, models = registry, served.models
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
    served: Served, code: int, body: dict[str, str], error: type[Exception]
) -> None:
    """What the server answers becomes one of our errors."""
    served.server.answer = status(code, body)
    with pytest.raises(error):
        await served.models.version_by_alias(name="m", alias="a")


async def test_the_chat_s_tokens_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's environment has MLflow's settings and nobody else's secrets."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wanted")
    passed = MlflowModels("http://x").worker.environment()
    assert "SLACK_BOT_TOKEN" not in passed
    assert passed["MLFLOW_TRACKING_TOKEN"] == "wanted"


class Registry:
    """An MLflow server's registry with two versions, and what was asked of it."""

    def __init__(self) -> None:
        self.alias = "1"
        self.tags: dict[str, dict[str, str]] = {"1": {}, "2": {}}
        self.lose = False
        self.posted: list[str] = []

    def version(self, number: str) -> dict[str, object]:
        """As the server writes it."""
        return {
            "name": MODEL,
            "version": number,
            "creation_timestamp": 1_790_000_000_000,
            "run_id": "",
            "status": "READY",
            "aliases": [ALIAS] if self.alias == number else [],
            "tags": [{"key": key, "value": value} for key, value in self.tags[number].items()],
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The calls that the worker makes."""
        if request.method == "POST":
            content = await request.json()
            self.posted.append(request.path.rpartition("/2.0/mlflow/")[2])
            if request.path.endswith("/alias"):
                self.alias = str(content["version"])
            else:
                self.tags[str(content["version"])][content["key"]] = content["value"]
            return web.json_response({}, status=500 if self.lose else 200)
        if request.path.endswith("/registered-models/get"):
            return web.json_response({"registered_model": {"name": MODEL}})
        number = self.alias if request.path.endswith("/alias") else request.query["version"]
        if number not in self.tags:
            body = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Model Version not found"}
            return web.json_response(body, status=404)
        return web.json_response({"model_version": self.version(number)})


async def test_an_alias_is_moved_once_and_marked(served: Served) -> None:
    """The alias moves if it is where the plan saw it; a lost answer is ambiguous, and a look tells."""
    registry = Registry()
    edit = Edit(path=("aliases", ALIAS), before='"1"', after='"2"')
    call = Call(kind=CallKind.ALIAS, resource="models", name=MODEL, edits=(edit,))
    target = Target(kind="Model", namespace="", name=MODEL)
    plan = replace(make_plan(), action=Action.PROMOTE, target=target, call=call)
    grant = make_grant(plan)
    served.server.answer, models = registry.answer, served.models
    aliases = MlflowAliases(models)
    assert (await models.version(name=MODEL, version="2")).aliases == ()
    with pytest.raises(NotFound):
        await models.version(name=MODEL, version="9")
    await aliases.set_alias(grant)
    found = await models.version_by_alias(name=MODEL, alias=ALIAS)
    assert (found.version, found.tags) == ("2", {MARK: grant.approval_id})
    with pytest.raises(Conflict, match="Production is version 2 now"):
        await aliases.set_alias(grant)
    assert registry.posted == ["registered-models/alias", "model-versions/set-tag"]
    registry.alias, registry.lose = "1", True
    with pytest.raises(Ambiguous):
        await aliases.set_alias(grant)
    assert (await models.version_by_alias(name=MODEL, alias=ALIAS)).version == "2"
    with pytest.raises(Permanent, match="does not fit the approval"):
        await aliases.set_alias(make_grant(make_plan()))
