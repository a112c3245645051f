"""`python -m examples.churn`: serves predictions on CHURN_HOST and CHURN_PORT until it is told to stop.

CHURN_MODEL names the model, a file or `models:/churn-model@Production`; CHURN_DATA the folder in which
inputs and predictions are kept; CHURN_API_KEY a key that callers must send; CHURN_KNOBS=1 lets
`POST /knobs` rehearse.
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

import uvicorn

from examples.churn.app import Service, make_app
from examples.churn.knobs import knobs_of
from examples.churn.recording import Recorder
from examples.churn.scoring import load_model


def main() -> None:
    """Load the model and serve."""
    given = os.environ
    # One request is a few rows: more threads would only wait for each other.
    given.setdefault("OMP_NUM_THREADS", "1")
    address = given.get("CHURN_MODEL", "")
    if not address:
        sys.exit("CHURN_MODEL is missing: a file that the pipeline wrote, or models:/churn-model@Production")
    data = given.get("CHURN_DATA", "")
    recorder = Recorder(Path(data), name=f"{os.getpid()}-{uuid.uuid4().hex[:8]}") if data else None
    service = Service(
        model=load_model(address),
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


if __name__ == "__main__":
    main()
