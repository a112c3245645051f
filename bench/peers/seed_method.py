"""The method that the drift score replaces: 1 - mean(p) over pandas columns, by scipy's own tests."""

import json
import sys

import pandas as pd
from scipy import stats

for paths in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    before, now = (pd.read_parquet(path) for path in paths)
    p_values = []
    for name in before.columns:
        if pd.api.types.is_numeric_dtype(before[name]):
            p_values.append(float(stats.ks_2samp(before[name].dropna(), now[name].dropna()).pvalue))
        else:
            counts = pd.DataFrame({"a": before[name].value_counts(), "b": now[name].value_counts()})
            p_values.append(float(stats.chi2_contingency(counts.fillna(0).T).pvalue))
    sys.stdout.write(json.dumps({"score": 1 - sum(p_values) / len(p_values)}) + "\n")
