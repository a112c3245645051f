"""What customers' systems ask of the churn service: single predictions, batches, health, 10 : 1 : 1.

Run by `make load`, or by hand: `locust -f tests/load/locustfile.py --host=http://localhost:8000 --headless`.
With LOAD_WAIT=MIN,MAX (seconds) users wait that long between two requests in place of 0.5 to 2.
"""

from __future__ import annotations

import os
import random
from typing import Any

from locust import HttpUser, between, task

_SHORTEST, _LONGEST = (float(part) for part in os.environ.get("LOAD_WAIT", "0.5,2.0").split(","))


class ChurnAPIUser(HttpUser):
    """One caller with a hundred customers of its own."""

    wait_time = between(_SHORTEST, _LONGEST)

    def on_start(self) -> None:
        """Make the customers."""
        choose = random.Random()  # noqa: S311 - test data
        self.test_customers = [_customer(number, choose) for number in range(100)]

    @task(10)
    def predict_single(self) -> None:
        """Ask about one customer."""
        self._post("/predict", random.choice(self.test_customers))  # noqa: S311 - test data

    @task(1)
    def predict_batch(self) -> None:
        """Ask about ten at once."""
        self._post("/predict/batch", {"customers": random.sample(self.test_customers, k=10)})

    @task(1)
    def health_check(self) -> None:
        """Ask whether it is well."""
        self.client.get("/health")

    def _post(self, path: str, body: dict[str, Any]) -> None:
        with self.client.post(path, json=body, catch_response=True) as response:
            if response.status_code == 200:
                response.success()
            else:
                response.failure(f"Got status code {response.status_code}")


def _customer(number: int, choose: random.Random) -> dict[str, Any]:
    return {
        "customer_id": f"LOAD-TEST-{number}",
        "age": choose.randint(18, 70),
        "gender": choose.choice(["Male", "Female", "Other"]),
        "location": choose.choice(["New York", "Los Angeles", "Chicago"]),
        "contract_type": choose.choice(["Month-to-month", "One year", "Two year"]),
        "payment_method": choose.choice(["Credit card", "Bank transfer", "Electronic check"]),
        "avg_data_usage": choose.uniform(5, 50),
        "avg_call_minutes": choose.uniform(100, 1000),
        "usage_days": choose.randint(15, 30),
        "avg_monthly_charges": choose.uniform(30, 150),
        "late_payments": choose.randint(0, 3),
        "tenure": choose.randint(1, 60),
    }
