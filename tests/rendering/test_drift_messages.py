"""A drift report as a message and as a page: sound with any names and words, and it says what it must."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.drift import ColumnSummary, DriftVerdict, Histogram, SchemaChanges
from bot.domain.drift_shapes import shape_of
from bot.rendering.drift_pages import drift_page
from bot.rendering.drift_reports import drift_message
from bot.rendering.jobs import jobs_answer
from tests.rendering.drift_samples import (
    drift_feature,
    drift_report,
    drift_run,
    drift_view,
    job_view,
    steady_view,
)
from tests.rendering.samples import NOW, finding
from tests.rendering.soundness import all_texts, assert_sound
from tests.rendering.test_any_input import FEW, TEXTS

SHARES = st.floats(0, 1, allow_nan=False)


class Page(HTMLParser):
    """Which elements a page has."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it; nothing may be loaded from anywhere."""
        self.tags.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onload", "onclick"}


@FEW
@given(name=TEXTS, words=TEXTS, other=TEXTS, count=st.integers(0, 60), share=SHARES)
def test_any_report_is_sound(name: str, words: str, other: str, count: int, share: float) -> None:
    """As message and as page, whatever columns, files and reasons are called."""
    side = ColumnSummary(rows=5, missing=share, top=((name, share), (words, 1 - share)))
    feature = drift_feature(name, 0.5, words, reference=side, current=side)
    report = drift_report(
        reason=words,
        features=(feature,) * count,
        schema=SchemaChanges(missing=(name,) * count, added=(words,), retyped=(other,)),
        notes=(other,),
    )
    report = replace(report, current=replace(report.current, name=other))
    run = drift_run(id="x", model_version=other)
    assert_sound(drift_message(drift_view(report=report, run=run, tracker_id=name[:40])))
    page = Page(drift_page(report, title=name, run=run, trend=drift_view().trend))
    assert "script" not in page.tags
    assert {"html", "table", "h1"} <= page.tags


@pytest.mark.parametrize("verdict", list(DriftVerdict))
def test_every_verdict_has_its_words(verdict: DriftVerdict) -> None:
    """In the head of message and page; without a score there is no number."""
    score = None if verdict is DriftVerdict.INSUFFICIENT else 0.4
    report = drift_report(verdict=verdict, score=score)
    head = drift_message(drift_view(report=report)).blocks[0]["text"]["text"]
    assert ("score" in head.removesuffix("drift score")) is (score is not None)
    assert f"--mark:var(--{verdict.value})" in drift_page(report, title="x")


def test_a_message_says_all_that_a_report_must() -> None:
    """Trend, verdict, worst features on both sides, sizes, window, version, blind spots, the run's id."""
    said = all_texts(drift_message(drift_view()))
    for words in (
        "severe drift, score 0.62",
        "0.04 → 0.62 over 8 runs",
        "Most of it: tenure, contract.",
        "median 30 (0 to 72), 1.0% missing",
        "month 51%, year 44%, five years 5%",
        "70,000 rows",
        "4,100 rows",
        "Model version: 7",
        "*It cannot see*",
        "missing from the current data: plan",
        "`3f2c9a`",
        "`f00dfeed`",
        "/churn drift FEATURE",
    ):
        assert words in said, words
    assert " by `day`" in said


def test_the_worst_five_are_shown_and_the_others_counted() -> None:
    """The largest contribution first."""
    features = tuple(drift_feature(f"x{place}", place / 10, "moved") for place in range(1, 10))
    message = drift_message(drift_view(report=drift_report(features=features)))
    (table,) = (block for block in message.blocks if block["type"] == "table")
    assert [row[0]["text"] for row in table["rows"]] == ["Feature", "x9", "x8", "x7", "x6", "x5"]
    assert "and 4 more features moved" in all_texts(message)


def test_a_shape_shows_what_is_missing_beside_what_is_there() -> None:
    """As shares of all rows, on both sides."""
    histogram = Histogram(edges=(0.0, 1.0), reference=(0.5, 0.5, 0.0), current=(1.0, 0.0, 0.0))
    before, now = ColumnSummary(rows=100, missing=0.0), ColumnSummary(rows=100, missing=0.4)
    shape = shape_of(drift_feature("x", 1, "", histogram=histogram, reference=before, current=now))
    assert shape is not None
    assert shape.labels == ("0", "1", "missing")
    assert shape.reference == (0.5, 0.5, 0.0)
    assert shape.current == pytest.approx((0.6, 0.0, 0.4))


def test_jobs_are_sound_with_and_without_the_cluster_s() -> None:
    """What Lightship runs first, then what the check of the cluster's jobs found."""
    assert_sound(jobs_answer((job_view(),), finding(), now=NOW))
    assert_sound(jobs_answer((job_view(last=None, last_success=None),), None, now=NOW))
    assert_sound(drift_message(steady_view()))
