"""A sample service without sockets and without a trained model, for the tests of its doors and metrics."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from examples.churn.app import Service, make_app
from examples.churn.scoring import Model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pandas as pd

CUSTOMER = {
    "customer_id": "C1",
    "age": 40,
    "gender": "Female",
    "location": "Chicago",
    "contract_type": "One year",
    "payment_method": "Credit card",
    "avg_data_usage": 20.0,
    "avg_call_minutes": 400.0,
    "usage_days": 25,
    "avg_monthly_charges": 45.0,
    "late_payments": 0,
    "tenure": 24,
}


class ByCharges:
    """Says that a customer leaves with the probability of a hundredth of the charges."""

    def predict_proba(self, table: pd.DataFrame) -> Any:
        """One row of (stays, leaves) a customer."""
        leaves = table["avg_monthly_charges"].fillna(0).to_numpy() / 100
        return np.column_stack([1 - leaves, leaves])


class Broken:
    """A model that fails."""

    def predict_proba(self, table: pd.DataFrame) -> Any:
        """Never answers."""
        raise ValueError(f"{len(table)} rows that nobody can score")


def make_service(classifier: Any = None, **given: Any) -> Service:
    """A service whose model is `ByCharges` or the given classifier, and that draws no lots."""
    model = Model(classifier=classifier or ByCharges(), name="churn-model", version="7", accuracy=0.9)
    chosen: dict[str, Any] = {"model": model, "chance": lambda: 0.5} | given
    return Service(**chosen)


@asynccontextmanager
async def asking(service: Service, *, started: bool = False) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service; what it raises is answered with 500, as by a server.

    `started`: what a server does beside answering is done as well.
    """
    app = make_app(service)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncExitStack() as ending:
        if started:
            await ending.enter_async_context(app.router.lifespan_context(app))
        client = httpx.AsyncClient(transport=transport, base_url="http://churn")
        yield await ending.enter_async_context(client)


async def scraped(client: httpx.AsyncClient) -> dict[str, float]:
    """Every sample of `/metrics` by its name and labels as they are written."""
    text = (await client.get("/metrics")).text
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}
