"""The service: `/predict`, `/predict/batch`, `/health`, `/metrics`. Started by `python -m examples.churn`."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from examples.churn.knobs import Knobs, RehearsedError, drifted
from examples.churn.metrics import Metrics
from examples.churn.quality import QualityWindow
from examples.churn.requests import Batch, Customer  # noqa: TC001 - FastAPI reads them at run time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from examples.churn.recording import Recorder
    from examples.churn.scoring import Model, Prediction

WRITE_EVERY = 10.0
CRASHED = 70
LOG = logging.getLogger("uvicorn.error")


@dataclass(kw_only=True)
class Service:
    """One running service: its model, its knobs, and what it keeps and counts."""

    model: Model
    recorder: Recorder | None = None
    api_key: str = ""
    knobs: Knobs = field(default_factory=Knobs)
    knobs_allowed: bool = False
    chance: Callable[[], float] = random.random
    newer: Callable[[Model], Model | None] | None = None
    """Gives the model that is to be served from now on, if it is another; blocks."""
    look_every: float = 30.0
    metrics: Metrics = field(default_factory=Metrics)
    quality: QualityWindow = field(default_factory=QualityWindow)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, customers: list[Customer], endpoint: str) -> list[dict[str, Any]]:
        """The predictions for these customers, timed, counted and kept."""
        predictions = await self.metrics.track_latency(endpoint)(self._predict)(customers)
        self.metrics.predicted(predictions, version=self.model.version, endpoint=endpoint)
        return [
            {
                "customer_id": prediction.customer_id,
                "churn_probability": prediction.churn_probability,
                "will_churn": prediction.will_churn,
                "risk_category": prediction.risk_category,
                "model_version": self.model.version,
            }
            for prediction in predictions
        ]

    async def _predict(self, customers: list[Customer]) -> list[Prediction]:
        rows = [self._arriving(customer) for customer in customers]
        self._note_quality(rows)
        if self.knobs.delay:
            async with self._turn:
                await asyncio.sleep(self.knobs.delay)
        if self.chance() < self.knobs.errors:
            raise RehearsedError("the knob `errors` asks for this")
        predictions = await asyncio.to_thread(self.model.predict, rows)
        if self.recorder is not None and self.recorder.add(rows, predictions):
            await asyncio.to_thread(self.recorder.write)
        return predictions

    def _arriving(self, customer: Customer) -> dict[str, Any]:
        return drifted(customer.row()) if self.chance() < self.knobs.drift else customer.row()

    def _note_quality(self, rows: list[dict[str, Any]]) -> None:
        self.quality.add(rows)
        for check, score in self.quality.scores().items():
            self.metrics.quality.labels(check_type=check).set(score)

    def serve(self, model: Model) -> None:
        """Answer by this model from now on."""
        self.model = model
        self.metrics.serves(version=model.version, name=model.name, accuracy=model.accuracy)

    def turn(self, knobs: Knobs) -> None:
        """Misbehave like this from now on."""
        self.knobs = knobs
        if knobs.crash:
            os._exit(CRASHED)


def make_app(service: Service) -> FastAPI:
    """The HTTP face of a service."""
    metrics = service.metrics
    service.serve(service.model)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(step(service)) for step in (_write_now_and_then, _keep_up)]
        yield
        for task in tasks:
            task.cancel()
        if service.recorder is not None:
            await asyncio.to_thread(service.recorder.write)

    app = FastAPI(title="Churn prediction", lifespan=lifespan)
    _add_predictions(app, service)

    async def health() -> dict[str, str]:
        return {"status": "ok", "model": service.model.name, "model_version": service.model.version}

    async def scrape() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    app.add_api_route("/health", health, methods=["GET"])
    app.add_api_route("/metrics", scrape, methods=["GET"], include_in_schema=False)
    return app


def _add_predictions(app: FastAPI, service: Service) -> None:
    """What needs the API key where there is one."""

    def may_ask(x_api_key: Annotated[str, Header()] = "") -> None:
        if service.api_key and not hmac.compare_digest(x_api_key.encode(), service.api_key.encode()):
            raise HTTPException(401, "the header X-API-Key is missing or wrong")

    async def predict(customer: Customer) -> dict[str, Any]:
        (prediction,) = await service.answer([customer], "/predict")
        return prediction

    async def predict_batch(batch: Batch) -> dict[str, Any]:
        service.metrics.batch_size.observe(len(batch.customers))
        return {"predictions": await service.answer(batch.customers, "/predict/batch")}

    async def turn_knobs(knobs: Knobs) -> Knobs:
        service.turn(knobs)
        return service.knobs

    guarded = [Depends(may_ask)]
    app.add_api_route("/predict", predict, methods=["POST"], dependencies=guarded)
    app.add_api_route("/predict/batch", predict_batch, methods=["POST"], dependencies=guarded)
    if service.knobs_allowed:
        app.add_api_route("/knobs", turn_knobs, methods=["POST"], dependencies=guarded)


async def _write_now_and_then(service: Service) -> None:
    while service.recorder is not None:
        await asyncio.sleep(WRITE_EVERY)
        await asyncio.to_thread(service.recorder.write)


async def _keep_up(service: Service) -> None:
    """Follow the registry's alias; while it cannot be asked, the model that is there goes on."""
    while service.newer is not None:
        await asyncio.sleep(service.look_every)
        try:
            model = await asyncio.to_thread(service.newer, service.model)
        except Exception as error:  # noqa: BLE001 - whatever the registry's client raises
            LOG.warning("the model registry cannot be asked: %s", error)
            continue
        if model is not None:
            service.serve(model)
            LOG.info("model version %s answers from now on", model.version)
