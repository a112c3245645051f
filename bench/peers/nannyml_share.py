"""NannyML: univariate drift with its defaults, ten chunks a side; the share of columns and chunks above."""

import json
import sys

import nannyml
import pandas as pd

for paths in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    before, now = (pd.read_parquet(path) for path in paths)
    calculator = nannyml.UnivariateDriftCalculator(column_names=list(before.columns), chunk_number=10)
    found = calculator.fit(before).calculate(now).filter(period="analysis").to_df()
    alerts = found.xs("alert", axis=1, level=2)
    sys.stdout.write(json.dumps({"share": float(alerts.to_numpy().mean())}) + "\n")
