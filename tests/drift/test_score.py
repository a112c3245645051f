"""The rules of the score: bounds, thresholds, and that more drift never counts less."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.drift import DriftTest, DriftVerdict, UnseenContent, verdict_of
from bot.domain.errors import Permanent
from bot.drift.measuring import Measured
from bot.drift.score import combine, effect_of, judge, seed_score, shape_of, unseen_of
from bot.drift.verdicts import relative_weights
from tests.drift.tables import UNTIMED


def measured(
    name: str, *, distance: float = 0.0, p_value: float = 1.0, unseen: float = 0.0, too_few: str = ""
) -> Measured:
    """A column with that distance, p-value and share of unseen content."""
    content = (UnseenContent(kind="missing", rows=1, share=unseen),) if unseen else ()
    return Measured(
        name=name,
        test=DriftTest.KS,
        statistic=distance,
        distance=distance,
        p_value=p_value,
        unseen_content=content,
        too_few=too_few,
    )


COLUMN = st.builds(
    measured,
    st.just("x"),
    distance=st.floats(0, 1),
    p_value=st.floats(0, 1),
    unseen=st.floats(0, 1),
    too_few=st.sampled_from(["", "few"]),
)
COLUMNS = st.lists(COLUMN, min_size=1, max_size=12).map(
    lambda columns: [
        measured(
            f"x{place}",
            distance=one.distance or 0.0,
            p_value=one.p_value or 0.0,
            unseen=one.unseen_content[0].share if one.unseen_content else 0.0,
            too_few=one.too_few,
        )
        for place, one in enumerate(columns)
    ]
)
WEIGHTS = st.dictionaries(st.sampled_from([f"x{place}" for place in range(12)]), st.floats(0, 1))


@UNTIMED
@given(COLUMNS, WEIGHTS)
def test_score_is_a_share(columns: list[Measured], weights: dict[str, float]) -> None:
    """Whatever the columns and weights are, score and effects lie in [0, 1] and are never NaN."""
    judged = judge(columns, weights)
    score = combine(judged)
    assert 0 <= score <= 1
    assert all(0 <= one.feature.effect <= 1 for one in judged)
    assert all(one.feature.drifted == (one.feature.effect > 0) for one in judged)
    assert all(one.feature.reason for one in judged)


@UNTIMED
@given(COLUMNS, WEIGHTS, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_more_drift_in_a_column_never_counts_less(
    columns: list[Measured], weights: dict[str, float], further: float, rarer: float, newer: float
) -> None:
    """A larger distance, a smaller p-value and more unseen content lower neither effect nor score."""
    first, *others = columns
    more = measured(
        first.name,
        distance=max(first.distance or 0, further),
        p_value=min(first.p_value or 0, rarer),
        unseen=max(newer, first.unseen_content[0].share if first.unseen_content else 0),
        too_few=first.too_few,
    )
    before, after = judge(columns, weights), judge([more, *others], weights)
    assert after[0].feature.effect >= before[0].feature.effect
    assert combine(after) >= combine(before) - 1e-12


@UNTIMED
@given(COLUMNS, WEIGHTS)
def test_order_of_columns_does_not_matter(columns: list[Measured], weights: dict[str, float]) -> None:
    """The same columns in another order have the same score."""
    assert combine(judge(columns[::-1], weights)) == pytest.approx(combine(judge(columns, weights)))


def test_significant_and_material() -> None:
    """A shape counts from D = 0.05 with q below 0.01, and neither alone will do."""
    assert shape_of(0.05, 0.0099) == 0.05
    assert shape_of(0.0499, 0.0) == 0
    assert shape_of(0.9, 0.01) == 0
    assert shape_of(None, None) == 0


def test_unseen_content_counts_from_one_row_in_a_hundred() -> None:
    """Ten times its share, from 1 % on; 3 % and 5 % of the rows reach the thresholds."""
    assert unseen_of(0.0099) == 0
    assert unseen_of(0.01) == pytest.approx(0.1)
    assert unseen_of(0.03) == pytest.approx(0.3)
    assert unseen_of(0.05) == pytest.approx(0.5)
    assert unseen_of(0.4) == 1


def test_effect_is_the_larger_of_shape_and_content() -> None:
    """max(min(1, 2.5 d), u)."""
    assert effect_of(0.2, 0.1) == pytest.approx(0.5)
    assert effect_of(0.9, 0.1) == 1
    assert effect_of(0.1, 0.7) == pytest.approx(0.7)


def test_score_is_the_worst_column_or_many_together() -> None:
    """One column gives its effect; many small ones add up as chances do, by d and u and not by 2.5 d."""
    one = [measured("a", distance=0.2, p_value=0), measured("b")]
    assert combine(judge(one, {})) == pytest.approx(0.5)
    many = [measured(f"x{place}", distance=0.08, p_value=0) for place in range(10)]
    assert combine(judge(many, {})) == pytest.approx(1 - 0.92**10)


def test_weight_scales_a_column() -> None:
    """A column of half the importance gives half its effect to the score, and its effect stays visible."""
    judged = judge([measured("a", distance=0.2, p_value=0), measured("b")], {"a": 0.5})
    assert judged[0].feature.effect == pytest.approx(0.5)
    assert combine(judged) == pytest.approx(0.25)


def test_false_discovery_rate_is_over_all_columns() -> None:
    """A p-value of 0.005 is significant alone and not among twelve columns."""
    column = measured("a", distance=0.2, p_value=0.005)
    assert judge([column], {})[0].feature.drifted
    assert not judge([column, *(measured(f"x{place}") for place in range(11))], {})[0].feature.drifted


def test_column_with_few_values_takes_no_part_in_it() -> None:
    """Its shape is 0, it has no q-value, the others' q-values do not know it, and missing values count."""
    few = measured("few", distance=0.9, p_value=0, unseen=0.2, too_few="only 30 values in the current data")
    judged = judge([few, measured("b", distance=0.2, p_value=0.004)], {})
    assert judged[0].shape == 0
    assert judged[0].feature.q_value is None
    assert judged[0].feature.effect == 1
    assert "only 30 values" in judged[0].feature.reason
    assert judged[1].feature.q_value == pytest.approx(0.004)


def test_seed_score_is_what_it_was() -> None:
    """1 - mean(p) over the columns that have a p-value, None without any."""
    assert seed_score([measured("a", p_value=0.2), measured("b", p_value=0.6)]) == pytest.approx(0.6)
    assert seed_score([]) is None


def test_verdicts() -> None:
    """Above 0.3 is drift, above 0.5 is severe, and no score is insufficient data."""
    assert verdict_of(0.3) is DriftVerdict.STEADY
    assert verdict_of(0.301) is DriftVerdict.DRIFTED
    assert verdict_of(0.501) is DriftVerdict.SEVERE
    assert verdict_of(None) is DriftVerdict.INSUFFICIENT


def test_weights_are_relative_to_the_largest() -> None:
    """Importances of any scale become weights in [0, 1]."""
    assert relative_weights({"a": 20, "b": 5.0, "c": 0}) == {"a": 1.0, "b": 0.25, "c": 0.0}


@pytest.mark.parametrize("wrong", [{"a": -1}, {"a": "much"}, {"a": math.nan}, {"a": True}, {"a": 0}])
def test_weights_that_are_none(wrong: dict[str, object]) -> None:
    """What is no importance is refused with words."""
    with pytest.raises(Permanent):
        relative_weights(wrong)
