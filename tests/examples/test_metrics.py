"""Every metric family of the sample service moves, as the scraped text shows."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from examples.churn.knobs import Knobs
from examples.churn.metrics import Metrics
from tests.examples.serving import CUSTOMER, Broken, asking, make_service, scraped

pytestmark = pytest.mark.e2e

DEAR = CUSTOMER | {"avg_monthly_charges": 80.0}


async def test_the_model_says_which_version_serves_and_how_good_it_is() -> None:
    """churn_model_info carries the version, churn_model_accuracy its accuracy."""
    async with asking(make_service()) as client:
        samples = await scraped(client)
    assert samples['churn_model_info{name="churn-model",version="7"}'] == 1
    assert samples["churn_model_accuracy"] == 0.9


async def test_predictions_are_counted_by_version_endpoint_and_risk() -> None:
    """One single prediction at high risk and a batch of two at medium and high."""
    async with asking(make_service()) as client:
        assert (await client.post("/predict", json=DEAR)).json()["will_churn"] is True
        batch = {"customers": [CUSTOMER, DEAR]}
        assert len((await client.post("/predict/batch", json=batch)).json()["predictions"]) == 2
        samples = await scraped(client)
    name = "churn_predictions_total"
    assert samples[f'{name}{{endpoint="/predict",model_version="7",risk_category="high"}}'] == 1
    assert samples[f'{name}{{endpoint="/predict/batch",model_version="7",risk_category="medium"}}'] == 1
    assert samples[f'{name}{{endpoint="/predict/batch",model_version="7",risk_category="high"}}'] == 1
    assert samples['churn_batch_size_bucket{le="1.0"}'] == 0
    assert samples['churn_batch_size_bucket{le="10.0"}'] == 1
    assert samples["churn_high_risk_customers_total"] == 2
    assert samples["churn_predicted_rate"] == pytest.approx(2 / 3)


async def test_a_failing_prediction_is_timed_and_counted_by_its_error() -> None:
    """A model that raises ValueError moves the errors and the latency."""
    async with asking(make_service(Broken())) as client:
        assert (await client.post("/predict", json=CUSTOMER)).status_code == 500
        samples = await scraped(client)
    assert samples['churn_prediction_errors_total{error_type="ValueError"}'] == 1
    assert samples['churn_prediction_latency_seconds_count{endpoint="/predict"}'] == 1


async def test_quality_falls_with_missing_strange_and_unknown_values() -> None:
    """A row without its age, with an impossible tenure and an unknown city costs each score its share."""
    broken = CUSTOMER | {"age": None, "tenure": 9_000, "location": "Atlantis"}
    async with asking(make_service()) as client:
        await client.post("/predict", json=broken)
        samples = await scraped(client)
    name = "churn_input_data_quality_score"
    assert samples[f'{name}{{check_type="completeness"}}'] == pytest.approx(10 / 11)
    assert samples[f'{name}{{check_type="range"}}'] == pytest.approx(5 / 6)
    assert samples[f'{name}{{check_type="known_categories"}}'] == pytest.approx(3 / 4)


async def test_the_tracker_times_functions_of_both_kinds_by_a_monotonic_clock() -> None:
    """Sync and async functions are timed, failing ones too, and keep their names and answers."""
    moments = iter([0.0, 0.3, 10.0, 10.2, 20.0, 20.9])
    metrics = Metrics(clock=lambda: next(moments))

    @metrics.track_latency("/sync")
    def double(number: int) -> int:
        return 2 * number

    @metrics.track_latency("/async")
    async def halve(number: int) -> float:
        return number / 2

    @metrics.track_latency("/failing")
    async def fail() -> None:
        raise KeyError("nothing")

    assert (double(2), await halve(4), double.__name__, halve.__name__) == (4, 2.0, "double", "halve")
    with pytest.raises(KeyError):
        await fail()
    took = {
        endpoint: metrics.registry.get_sample_value(
            "churn_prediction_latency_seconds_sum", {"endpoint": endpoint}
        )
        for endpoint in ("/sync", "/async", "/failing")
    }
    assert took == pytest.approx({"/sync": 0.3, "/async": 0.2, "/failing": 0.9})
    assert metrics.registry.get_sample_value("churn_prediction_errors_total", {"error_type": "KeyError"}) == 1


async def test_the_buckets_of_the_latency_are_those_of_the_alert_rules() -> None:
    """The histogram has the buckets that the rules and dashboards name."""
    async with asking(make_service()) as client:
        await client.post("/predict", json=CUSTOMER)
        samples = await scraped(client)
    prefix = 'churn_prediction_latency_seconds_bucket{endpoint="/predict",le="'
    edges = [name.removeprefix(prefix)[:-2] for name in samples if name.startswith(prefix)]
    assert edges == ["0.01", "0.05", "0.1", "0.25", "0.5", "1.0", "2.0", "5.0", "+Inf"]


async def test_the_drift_score_is_not_the_service_s_to_export() -> None:
    """No sample of the service is called a drift score: only the bot publishes it."""
    async with asking(make_service()) as client:
        await client.post("/predict", json=CUSTOMER)
        assert not [name for name in await scraped(client) if "drift" in name]


async def test_promtool_complains_of_the_gauge_with_a_counter_s_name_alone() -> None:
    """`promtool check metrics` names churn_high_risk_customers_total, and nothing else."""
    async with asking(make_service(knobs=Knobs())) as client:
        await client.post("/predict/batch", json={"customers": [CUSTOMER, DEAR]})
        text = (await client.get("/metrics")).text
    complaints = await asyncio.to_thread(_complaints, text)
    assert complaints == [
        'churn_high_risk_customers_total non-counter metrics should not have "_total" suffix'
    ]


def _complaints(text: str) -> list[str]:
    command = ["promtool", "check", "metrics"]
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return [line for line in (run.stdout + run.stderr).splitlines() if line.strip()]
