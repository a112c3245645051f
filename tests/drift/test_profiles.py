"""The profile of a reference and its file: small, exact in what it promises, and the same again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, ipc

from bot.domain.errors import Permanent
from bot.drift.profile import hashed_level, with_hashed_levels
from bot.drift.profile_files import is_profile, load_profile, profile_bytes, save_profile
from bot.drift.profiling import EDGES, edges_of
from bot.drift.report import compare
from tests.drift.tables import UNTIMED, churn_columns, feature, profiled, reported, source, write

if TYPE_CHECKING:
    from pathlib import Path

KEY = b"0123456789abcdef"


@UNTIMED
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 60))
def test_edges_leave_no_more_than_a_1024th_between_them(values: list[float], repeats: int) -> None:
    """At most 1,025 edges from the least to the largest value, few rows strictly between two."""
    random = np.random.default_rng(len(values))
    ordered = np.sort(np.concatenate([np.array(values), random.normal(size=repeats * 100)]))
    edges = edges_of(ordered)
    assert len(edges) <= EDGES
    assert (edges[0], edges[-1]) == (ordered[0], ordered[-1])
    assert (np.diff(edges) > 0).all()
    between = np.searchsorted(ordered, edges[1:], "left") - np.searchsorted(ordered, edges[:-1], "right")
    assert between.max(initial=0) <= len(ordered) / 1024


def test_distance_from_a_profile_is_within_a_thousandth() -> None:
    """D from 1,025 edges is within 0.001 of the exact one, which lies in its bracket."""
    random = np.random.default_rng(2)
    before, now = random.normal(size=20_000), random.normal(0.02, 1.1, size=15_000)
    found = feature(reported({"x": before}, {"x": now}), "x")
    both = np.sort(np.concatenate([before, now]))
    exact = np.abs(
        np.searchsorted(np.sort(before), both, "right") / 20_000
        - np.searchsorted(np.sort(now), both, "right") / 15_000
    ).max()
    assert found.bracket is not None
    assert found.distance is not None
    assert found.bracket[0] <= exact <= found.bracket[1]
    assert abs(found.distance - exact) < 0.001


def test_few_distinct_values_are_exact() -> None:
    """With at most 1,024 distinct values the bracket has no width."""
    random = np.random.default_rng(3)
    found = feature(
        reported({"x": random.integers(0, 1_000, 9_000)}, {"x": random.integers(0, 1_100, 8_000)}), "x"
    )
    assert found.bracket is not None
    assert found.bracket[1] - found.bracket[0] < 1e-12


def test_saved_profile_says_the_same(tmp_path: Path) -> None:
    """A report on a saved profile is the report on the profile, but that rare categories have no names."""
    random = np.random.default_rng(4)
    before = {**churn_columns(3_000, 1), "rare": random.choice(["a", "b"], 3_000).tolist()}
    before["rare"][:3] = ["seldom"] * 3
    now = {**churn_columns(2_000, 2), "rare": ["seldom", *random.choice(["a", "b"], 1_999).tolist()]}
    made = profiled(before)
    path = tmp_path / "reference.profile"
    save_profile(made, path, key=KEY)
    direct, saved = compare(made, source(now)), compare(load_profile(path), source(now))
    assert direct.score == saved.score
    assert [replace(one, reference=None) for one in direct.features] == [
        replace(one, reference=None) for one in saved.features
    ]
    assert "seldom" not in str(feature(saved, "rare").reference)


def test_file_is_told_apart_by_content(tmp_path: Path) -> None:
    """A profile is known by what it holds, not by its name; data in the same container is none."""
    path = tmp_path / "reference.parquet"
    save_profile(profiled(churn_columns(300, 1)), path, key=KEY)
    data = write(churn_columns(300, 1), tmp_path / "data.profile")
    feather.write_feather(pa.table({"x": [1, 2]}), tmp_path / "x.arrow", compression="uncompressed")
    (tmp_path / "text.profile").write_text("ARROW1, it says")
    assert is_profile(path)
    assert not is_profile(data)
    assert not is_profile(tmp_path / "x.arrow")
    assert not is_profile(tmp_path / "text.profile")
    assert not is_profile(tmp_path)


def test_file_is_stable() -> None:
    """The same profile and key make the same bytes, and another key another file."""
    made = profiled(churn_columns(2_000, 1), with_sample=True)
    assert profile_bytes(with_hashed_levels(made, KEY)) == profile_bytes(with_hashed_levels(made, KEY))
    rare = profiled({"c": ["a"] * 500 + ["b"]})
    assert profile_bytes(with_hashed_levels(rare, KEY)) != profile_bytes(with_hashed_levels(rare, b"other"))


def test_file_survives_a_round_trip(tmp_path: Path) -> None:
    """Saving what was loaded makes the same bytes again."""
    path = tmp_path / "p"
    made = profiled(
        {**churn_columns(2_000, 1), "customer_id": np.arange(2_000)},
        with_sample=True,
        targets=frozenset({"paperless"}),
        features=frozenset({"x0", "plan"}),
    )
    save_profile(made, path, key=KEY)
    assert profile_bytes(load_profile(path)) == path.read_bytes()
    again = load_profile(path)
    assert again.rows == 2_000
    assert again.targets == frozenset({"paperless"})
    assert again.features == frozenset({"x0", "plan"})
    assert again.sample.num_rows == 2_000


def test_size(tmp_path: Path) -> None:
    """Twelve columns of numbers from a million distinct values take at most 150 KB."""
    random = np.random.default_rng(6)
    path = tmp_path / "p"
    save_profile(profiled({f"x{place}": random.normal(size=30_000) for place in range(12)}), path, key=KEY)
    assert path.stat().st_size <= 150_000


def test_rare_categories_are_not_readable(tmp_path: Path) -> None:
    """A category seen four times is in the file only as a keyed hash, one seen five times by name."""
    path = tmp_path / "p"
    plan = ["common"] * 500 + ["five times"] * 5 + ["Mrs Rare of Elm Street"] * 4
    save_profile(profiled({"plan": plan}, with_sample=True), path, key=KEY)
    loaded = load_profile(path)
    assert dict(loaded.columns[0].levels) == {"common": 500, "five times": 5}
    assert dict(loaded.columns[0].rare) == {hashed_level("Mrs Rare of Elm Street", KEY): 4}
    assert "Mrs Rare of Elm Street" not in loaded.sample.column("plan").to_pylist()
    report = compare(loaded, source({"plan": plan}))
    assert report.score == 0
    assert feature(report, "plan").unseen == 0


def test_nothing_of_columns_that_are_not_compared_is_kept(tmp_path: Path) -> None:
    """No value of an identifier, of an excluded or of a nearly unique column gets into the file."""
    path = tmp_path / "p"
    names = [f"Person {place}" for place in range(500)]
    made = profiled(
        {"name": names, "customer_id": names, "secret": ["classified"] * 500, "x": np.arange(500) % 7},
        with_sample=True,
        exclude=frozenset({"secret"}),
    )
    save_profile(made, path, key=KEY)
    kept = str(load_profile(path).columns) + str(load_profile(path).sample)
    assert "Person" not in kept
    assert "classified" not in kept


def test_target_is_kept() -> None:
    """The target is in the profile with its counts, and is not scored."""
    made = profiled({"x": np.arange(500) % 7, "churned": ["yes", "no"] * 250}, targets=frozenset({"churned"}))
    target = made.columns[1]
    assert not target.compared
    assert dict(target.levels) == {"yes": 250, "no": 250}


def test_damaged_file(tmp_path: Path) -> None:
    """A file that was cut short or is of a later version is refused with words."""
    path = tmp_path / "p"
    save_profile(profiled(churn_columns(300, 1)), path, key=KEY)
    table = ipc.open_file(str(path)).read_all()
    metadata = {b"lightship": table.schema.metadata[b"lightship"].replace(b'"version": 1', b'"version": 2')}
    with ipc.new_file(str(tmp_path / "later"), table.schema.with_metadata(metadata)) as writer:
        writer.write_table(table.replace_schema_metadata(metadata))
    path.write_bytes(path.read_bytes()[:2_000])
    with pytest.raises(Permanent, match="damaged"):
        load_profile(path)
    with pytest.raises(Permanent, match="format version 2"):
        load_profile(tmp_path / "later")


def test_very_many_rows_are_thinned_for_edges_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the edges come from an even share of the rows; counts and extremes stay exact."""
    monkeypatch.setattr("bot.drift.profiling._VALUES_FOR_EDGES", 4_000)
    columns = {"x": np.random.default_rng(7).normal(size=20_000)}
    made = profiled(columns).columns[0]
    assert made.values == 20_000
    assert made.numbers is not None
    assert made.numbers.minimum == columns["x"].min()
    assert made.numbers.maximum == columns["x"].max()
    assert made.grid is not None
    assert 1_000 < len(made.grid) <= EDGES + 4


def test_running_numbers_and_booleans() -> None:
    """What numbers, categories and running numbers are follows from types and order."""
    made = profiled({
        "running": np.arange(500) * 3 + 1,
        "shuffled": np.random.default_rng(1).permutation(500),
        "rising_floats": np.linspace(0, 1, 500),
        "flag": [True, False] * 250,
    })  # fmt: skip
    kinds = {column.name: column.kind and column.kind.value for column in made.columns if column.compared}
    assert kinds == {"shuffled": "number", "rising_floats": "number", "flag": "category"}
