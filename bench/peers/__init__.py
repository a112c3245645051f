"""The same comparison by others, one program each, run by `bench.drift` in an environment of its own.

Each takes pairs of Parquet files, reference and current in turn, and prints one JSON object a pair with its
`share` of drifted columns or its `score`. Nothing imports them.
"""
