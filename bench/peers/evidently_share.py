"""Evidently's preset with its defaults: the share of drifted columns."""

import json
import sys

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

before, now = (pd.read_parquet(path) for path in sys.argv[1:3])
found = Report([DataDriftPreset()]).run(now, before).dict()
share = next(one["value"]["share"] for one in found["metrics"] if "DriftedColumnsCount" in str(one))
sys.stdout.write(json.dumps({"share": float(share)}) + "\n")
