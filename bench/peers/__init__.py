"""The same comparison by others, one program each, run by `bench.drift` in an environment of its own.

Each takes two Parquet files, reference and current, and prints one JSON object with its `share` of drifted
columns or its `score`. Nothing imports them.
"""
