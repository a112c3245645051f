"""The README is short, its figures are those of the benchmarks' page, and its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGE = (ROOT / "docs/benchmarks.md").read_text("utf-8")
MORE = 1.25
"""A page that was made anew may differ by so much before the README is too proud."""


@pytest.mark.parametrize(
    ("said", "measured", "higher_is_better"),
    [
        (r"([\d,]+) webhooks/s", r"`lightship run` \| ([\d,]+)", True),
        (r"memory when idle \| (\d+) MB", r"idle after the first incident and check \| (\d+) MB", False),
        (r"ready after \| ([\d.]+) s", r"bare import of what it runs \| [^|]*\| ([\d.]+) s against", False),
    ],
)
def test_a_figure_is_no_better_than_the_benchmarks(said: str, measured: str, higher_is_better: bool) -> None:
    """What the README says of speed and memory, `make bench` has found, give or take a quarter."""
    ours, found = (
        float(match[1].replace(",", ""))
        for match in (re.search(said, README), re.search(measured, PAGE))
        if match
    )
    assert ours <= found * MORE if higher_is_better else ours * MORE >= found


def test_it_is_short() -> None:
    """Whoever wants more finds it in the documentation."""
    assert len(README.splitlines()) <= 100


def test_its_pictures_are_in_the_repository_and_small() -> None:
    """`make pictures` takes them anew."""
    (picture,) = re.findall(r"!\[.+\]\((.+)\)", README)
    assert (ROOT / picture).stat().st_size < 1_500_000
