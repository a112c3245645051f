"""`python -m examples.churn`: serves predictions on CHURN_HOST and CHURN_PORT until it is told to stop.

CHURN_MODEL names the model, a file or `models:/churn-model@Production`, whose alias is looked at every
CHURN_FOLLOW seconds; CHURN_DATA the folder in which inputs and predictions are kept; CHURN_API_KEY a key that
callers must send; CHURN_KNOBS=1 lets `POST /knobs` rehearse.
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from examples.churn.app import Service, make_app
from examples.churn.knobs import knobs_of
from examples.churn.recording import Recorder
from examples.churn.scoring import is_in_registry, load_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.churn.scoring import Model


def main() -> None:
    """Load the model and serve."""
    given = os.environ
    # One request is a few rows: more threads would only wait for each other.
    given.setdefault("OMP_NUM_THREADS", "1")
    address = given.get("CHURN_MODEL", "")
    if not address:
        sys.exit("CHURN_MODEL is missing: a file that the pipeline wrote, or models:/churn-model@Production")
    data = Path(given["CHURN_DATA"]) if given.get("CHURN_DATA") else None
    recorder = Recorder(data, name=f"{os.getpid()}-{uuid.uuid4().hex[:8]}") if data else None
    model, newer = _model(address, data)
    service = Service(
        model=model,
        newer=newer,
        look_every=float(given.get("CHURN_FOLLOW", "30")),
        recorder=recorder,
        api_key=given.get("CHURN_API_KEY", ""),
        knobs=knobs_of(given),
        knobs_allowed=given.get("CHURN_KNOBS") == "1",
    )
    uvicorn.run(
        make_app(service),
        host=given.get("CHURN_HOST", "127.0.0.1"),
        port=int(given.get("CHURN_PORT", "8000")),
        log_level=given.get("CHURN_LOG_LEVEL", "info"),
        timeout_graceful_shutdown=5,
    )


def _model(address: str, data: Path | None) -> tuple[Model, Callable[[Model], Model | None] | None]:
    """The model to begin with, and what gives a newer one; the reference of each goes beside the inputs."""
    model = load_model(address)
    if not is_in_registry(address):
        return model, None
    from examples.churn import registry  # noqa: PLC0415 - MLflow takes seconds, and a file needs none of it

    look = registry.follower(address)

    def newer(served: Model) -> Model | None:
        found = look(served)
        if found is not None and data is not None:
            registry.keep_reference(found, data)
        return found

    if data is not None:
        registry.keep_reference(model, data)
    return model, newer


if __name__ == "__main__":
    main()
