"""Keeps what was asked and what was answered as Parquet, for the drift job: inputs and predictions apart.

Rows wait in memory and are written by a thread, a file at a time, once there are enough or at the end; under
a name that appears only when the file is whole. Each row says when it was asked, so that a drift report can
look at the newest hours.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from examples.churn.features import CATEGORICAL_NAMES, FEATURES, IDENTIFIER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from examples.churn.scoring import Prediction

MOST_WAITING: Final = 100_000
"""Beyond it the newest rows are left out: the service matters more than its record."""

ASKED_AT: Final = "asked_at"
_MOMENT: Final = (ASKED_AT, pa.timestamp("us", tz="UTC"))
_INPUTS: Final = pa.schema(
    [
        _MOMENT,
        (IDENTIFIER, pa.string()),
        *((name, pa.string() if name in CATEGORICAL_NAMES else pa.float64()) for name in FEATURES),
    ]
)
_PREDICTIONS: Final = pa.schema(
    [
        _MOMENT,
        (IDENTIFIER, pa.string()),
        ("prediction", pa.float64()),
        ("will_churn", pa.bool_()),
        ("risk_category", pa.string()),
    ]
)


class Recorder:
    """Writes to `folder/current/` and `folder/predictions/`. `name` is unique to the process."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        rows_a_file: int = 1_000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._name = name
        self._rows_a_file = rows_a_file
        self._now = now
        self._number = 0
        self._waiting: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def add(self, rows: Sequence[Mapping[str, Any]], predictions: Sequence[Prediction]) -> bool:
        """Keep these; whether there is enough for a file now, which `write` then writes."""
        moment = {ASKED_AT: self._now()}
        with self._lock:
            room = MOST_WAITING - len(self._waiting)
            pairs = zip(rows[:room], predictions[:room], strict=True)
            self._waiting += [(moment | dict(row), moment | _as_row(prediction)) for row, prediction in pairs]
            return len(self._waiting) >= self._rows_a_file

    def write(self) -> int:
        """Write all that waits, from a thread; how many rows."""
        with self._writing:
            with self._lock:
                taken, self._waiting = self._waiting, []
                number, self._number = self._number, self._number + bool(taken)
            if taken:
                self._file("current", number, [row for row, _ in taken], _INPUTS)
                self._file("predictions", number, [row for _, row in taken], _PREDICTIONS)
            return len(taken)

    def _file(self, kind: str, number: int, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
        folder = self._folder / kind
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._name}-{number:06d}.parquet"
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), unfinished)
        unfinished.replace(path)


def _as_row(prediction: Prediction) -> dict[str, Any]:
    return {
        IDENTIFIER: prediction.customer_id,
        "prediction": prediction.churn_probability,
        "will_churn": prediction.will_churn,
        "risk_category": prediction.risk_category,
    }
