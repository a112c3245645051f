"""Evidently's preset with its defaults: the share of drifted columns."""

import json
import sys

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

for paths in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    before, now = (pd.read_parquet(path) for path in paths)
    found = Report([DataDriftPreset()]).run(now, before).dict()
    share = next(one["value"]["share"] for one in found["metrics"] if "DriftedColumnsCount" in str(one))
    sys.stdout.write(json.dumps({"share": float(share)}) + "\n")
