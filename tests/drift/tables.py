"""Rows for the tests of drift: the same twelve features everywhere, with seeds, and reports on tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, settings
from pyarrow import parquet

from bot.drift.columns import Selection
from bot.drift.profiling import make_profile
from bot.drift.report import Options, compare
from bot.drift.sources import TableSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.domain.drift import DriftReport, FeatureDrift
    from bot.drift.predictions import PredictionSides
    from bot.drift.profile import Profile

UNTIMED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties: the machine may be busy, and what they state has nothing to do with time."""
LEVELS = ("month", "year", "biennium", "none")


def churn_columns(rows: int, seed: int) -> dict[str, Any]:
    """Twelve features without drift: eight of continuous numbers, one of counts, three of categories."""
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {f"x{place}": random.normal(size=rows) for place in range(6)}
    columns["charges"] = random.gamma(2.0, 30.0, rows)
    columns["tenure"] = random.exponential(24.0, rows)
    columns["calls"] = random.poisson(3.0, rows)
    columns["contract"] = random.choice(LEVELS, rows, p=[0.5, 0.25, 0.15, 0.1])
    columns["plan"] = random.choice([f"plan {place}" for place in range(12)], rows)
    columns["paperless"] = random.random(rows) < 0.6
    return columns


def source(columns: Mapping[str, Any], name: str = "table") -> TableSource:
    """The columns in memory; numpy arrays, lists and Arrow arrays may be mixed."""
    return TableSource(name=name, table=pa.table(dict(columns)))


def write(columns: Mapping[str, Any], path: Path, **options: Any) -> Path:
    """The columns as a Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(dict(columns)), path, **options)
    return path


def profiled(columns: Mapping[str, Any], *, with_sample: bool = False, **selected: Any) -> Profile:
    """The profile of the columns; other keywords are those of a selection."""
    return make_profile(source(columns, "reference"), Selection(**selected), with_sample=with_sample)


def reported(
    reference: Mapping[str, Any],
    current: Mapping[str, Any],
    *,
    weights: Mapping[str, float] | None = None,
    predictions: PredictionSides | None = None,
    **selected: Any,
) -> DriftReport:
    """A report on two tables; other keywords are those of a selection."""
    selection = Selection(**selected)
    return compare(
        make_profile(source(reference, "reference"), selection),
        source(current, "current"),
        options=Options(selection=selection, weights=weights or {}),
        predictions=predictions,
    )


def feature(report: DriftReport, name: str) -> FeatureDrift:
    """The named feature of a report."""
    return next(one for one in report.features if one.name == name)


def reasons(report: DriftReport) -> dict[str, str]:
    """What was not compared, and why."""
    return {one.name: one.reason for one in report.not_compared}


def with_missing(values: Any, share: float) -> Any:
    """The values with the first share of them null."""
    held = values.tolist() if isinstance(values, np.ndarray) else list(values)
    gone = int(share * len(held))
    return pa.array([*([None] * gone), *held[gone:]])
