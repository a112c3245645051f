"""frouros' batch detectors, one a column (Kolmogorov-Smirnov, chi-square): the share with p below 0.05."""

import json
import sys

import pandas as pd
from frouros.detectors.data_drift import ChiSquareTest, KSTest

SIGNIFICANT = 0.05
for paths in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    before, now = (pd.read_parquet(path) for path in paths)
    drifted = []
    for name in before.columns:
        is_number = pd.api.types.is_numeric_dtype(before[name]) and not pd.api.types.is_bool_dtype(
            before[name]
        )
        detector = KSTest() if is_number else ChiSquareTest()
        detector.fit(X=before[name].to_numpy())
        result, _ = detector.compare(X=now[name].to_numpy())
        drifted.append(result.p_value < SIGNIFICANT)
    sys.stdout.write(json.dumps({"share": sum(drifted) / len(drifted)}) + "\n")
