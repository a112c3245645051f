"""The generated customers: the same for a seed, and another population after the price rise."""

from __future__ import annotations

import pytest

from examples.churn.customers import Population, make_customers
from examples.churn.features import CATEGORICAL, FEATURES, IDENTIFIER, NUMERIC, TARGET

pytestmark = pytest.mark.e2e


def test_a_seed_gives_the_same_customers() -> None:
    """Two tables of one seed are equal, and another seed gives others."""
    table = make_customers(200, seed=7)
    assert table.equals(make_customers(200, seed=7))
    assert not table.equals(make_customers(200, seed=8))


def test_the_table_has_the_eleven_features_beside_identifier_and_label() -> None:
    """The columns are customer_id, the features of the load test, and churned."""
    assert list(make_customers(1, seed=7).columns) == [IDENTIFIER, *FEATURES, TARGET]
    assert len(FEATURES) == 11
    assert {feature.name for feature in (*NUMERIC, *CATEGORICAL)} == set(FEATURES)


@pytest.mark.parametrize("population", list(Population))
def test_every_value_is_plausible_and_known(population: Population) -> None:
    """Numbers are within their ranges and words among those that are known, in both populations."""
    table = make_customers(2_000, seed=7, population=population)
    for number in NUMERIC:
        assert table[number.name].between(number.low, number.high).all()
    for words in CATEGORICAL:
        assert set(table[words.name]) == set(words.known)


def test_newcomers_pay_more_and_leave_more_often() -> None:
    """The moved population has higher charges and a higher rate of churn."""
    today = make_customers(5_000, seed=7)
    moved = make_customers(5_000, seed=7, population=Population.NEWCOMERS)
    assert moved["avg_monthly_charges"].mean() > 1.2 * today["avg_monthly_charges"].mean()
    assert moved[TARGET].mean() > 1.3 * today[TARGET].mean()
