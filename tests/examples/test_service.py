"""The doors of the sample service: what it takes, refuses, keeps, and how it misbehaves when told to."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from examples.churn.knobs import Knobs, knobs_of
from examples.churn.recording import Recorder
from tests.examples.serving import CUSTOMER, asking, make_service, scraped

if TYPE_CHECKING:
    from pathlib import Path

    from examples.churn.scoring import Model

pytestmark = pytest.mark.e2e


async def test_health_says_which_model_serves() -> None:
    """`/health` answers with the model's name and version."""
    async with asking(make_service()) as client:
        answer = await client.get("/health")
    assert answer.json() == {"status": "ok", "model": "churn-model", "model_version": "7"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"age": "old"},
        {"age": -1},
        {"avg_monthly_charges": "NaN"},
        {"customer_id": ""},
        {"surname": "Unknown"},
        {"gender": "x" * 61},
    ],
)
async def test_what_is_no_customer_is_refused_and_not_counted(wrong: dict[str, Any]) -> None:
    """Wrong kinds, negative numbers, NaN, empty ids and unknown keys get 422, and no prediction moves."""
    async with asking(make_service()) as client:
        assert (await client.post("/predict", json=CUSTOMER | wrong)).status_code == 422
        assert not [name for name in await scraped(client) if name.startswith("churn_predictions_total{")]


async def test_an_api_key_is_demanded_where_there_is_one() -> None:
    """Without the key or with a wrong one 401, with it 200; health stays open."""
    async with asking(make_service(api_key="secret")) as client:
        assert (await client.post("/predict", json=CUSTOMER)).status_code == 401
        wrong = await client.post("/predict", json=CUSTOMER, headers={"X-API-Key": "guess"})
        right = await client.post("/predict", json=CUSTOMER, headers={"X-API-Key": "secret"})
        assert (wrong.status_code, right.status_code) == (401, 200)
        assert (await client.get("/health")).status_code == 200


async def test_the_knob_errors_makes_predictions_fail() -> None:
    """With errors at 1 every prediction is a 500, counted as RehearsedError."""
    async with asking(make_service(knobs=Knobs(errors=1.0))) as client:
        assert (await client.post("/predict", json=CUSTOMER)).status_code == 500
        samples = await scraped(client)
    assert samples['churn_prediction_errors_total{error_type="RehearsedError"}'] == 1


async def test_the_knob_drift_moves_what_arrives(tmp_path: Path) -> None:
    """With drift at 1 customers are kept as after the price rise."""
    recorder = Recorder(tmp_path, name="one", rows_a_file=1)
    async with asking(make_service(knobs=Knobs(drift=1.0), recorder=recorder)) as client:
        await client.post("/predict", json=CUSTOMER)
    (row,) = pq.read_table(tmp_path / "current").to_pylist()
    assert (row["contract_type"], row["avg_monthly_charges"]) == ("Month-to-month", 60.75)


async def test_knobs_are_turned_only_where_that_is_allowed() -> None:
    """POST /knobs is unknown unless allowed, and refuses knobs that are not there."""
    async with asking(make_service()) as client:
        assert (await client.post("/knobs", json={"errors": 1})).status_code == 404
    service = make_service(knobs_allowed=True)
    async with asking(service) as client:
        assert (await client.post("/knobs", json={"speed": 1})).status_code == 422
        assert (await client.post("/knobs", json={"errors": 0.25})).json()["errors"] == 0.25
    assert service.knobs.errors == 0.25


def test_knobs_come_from_the_environment() -> None:
    """CHURN_KNOB_DELAY and its like are read; what cannot be is an error."""
    assert knobs_of({"CHURN_KNOB_DELAY": "0.2", "CHURN_KNOB_DRIFT": "0.5"}) == Knobs(delay=0.2, drift=0.5)
    with pytest.raises(ValidationError, match="delay"):
        knobs_of({"CHURN_KNOB_DELAY": "-1"})


async def test_a_newer_model_answers_as_soon_as_it_is_found() -> None:
    """The alias moved: all name the new version; a registry that is away is asked again."""
    asked: list[str] = []
    looked_again = threading.Event()

    def newer(served: Model) -> Model | None:
        asked.append(served.version)
        if len(asked) == 1:
            raise ConnectionError("the registry is away")
        if len(asked) > 2:
            looked_again.set()
        return replace(served, version="8", accuracy=0.95) if served.version == "7" else None

    service = make_service(newer=newer, look_every=0.001)
    async with asking(service, started=True) as client:
        assert await asyncio.to_thread(looked_again.wait, 10)
        assert (await client.get("/health")).json()["model_version"] == "8"
        assert (await client.post("/predict", json=CUSTOMER)).json()["model_version"] == "8"
        seen = await scraped(client)
    assert seen['churn_model_info{name="churn-model",version="8"}'] == 1
    assert seen["churn_model_accuracy"] == 0.95


async def test_inputs_and_predictions_are_kept_as_parquet(tmp_path: Path) -> None:
    """Every row is in `current/`, its answer in `predictions/`, and no unfinished file stays."""
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    recorder = Recorder(tmp_path, name="one", rows_a_file=2, now=lambda: moment)
    async with asking(make_service(recorder=recorder)) as client:
        for number in range(5):
            await client.post("/predict", json=CUSTOMER | {"customer_id": f"C{number}", "age": None})
    assert recorder.write() == 1
    inputs = pq.read_table(tmp_path / "current").to_pylist()
    answers = pq.read_table(tmp_path / "predictions").to_pylist()
    assert [row["customer_id"] for row in inputs] == [f"C{number}" for number in range(5)]
    assert {row["age"] for row in inputs} == {None}
    assert {row["asked_at"] for row in (*inputs, *answers)} == {moment}
    assert {row["prediction"] for row in answers} == {0.45}
    assert not _unfinished(tmp_path)


def _unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob("*.unfinished"))
