"""Two runbooks for one alert: told only where labels exist that both take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.runbook_files.rivals import common_alert
from bot.documents.promql import escalation_faults, promql_faults
from bot.domain.matchers import matches_all, parse_matchers


@pytest.mark.parametrize(
    ("one", "other", "are_rivals"),
    [
        ('alertname="A"', 'alertname="A"', True),
        ('alertname="A"', 'alertname="B"', False),
        ('alertname="A",severity="x"', 'alertname="A",service="y"', True),
        ('alertname="A",severity="x"', 'alertname="A",severity="y"', False),
        ('alertname="A"', 'alertname="A",severity="x"', False),
        ('alertname=~"A|B"', 'alertname=~"B|C"', True),
        ('alertname=~"A|B"', 'alertname=~"C|D"', False),
        ('alertname="A"', 'alertname=~"A.*"', False),
        ('alertname!="A"', 'alertname!="B"', True),
    ],
)
def test_rivals_are_as_specific_and_share_an_alert(one: str, other: str, are_rivals: bool) -> None:
    """Both ways round the same; the more specific of two is chosen, so those are no rivals."""
    first, second = parse_matchers(one), parse_matchers(other)
    assert (common_alert(first, second) is not None) is are_rivals
    assert (common_alert(second, first) is not None) is are_rivals


MATCHERS = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.sampled_from(["=", "!=", "=~", "!~"]), st.sampled_from(["x", "y", "x|z"])
    ),
    min_size=1,
    max_size=3,
).map(lambda parts: parse_matchers(",".join(f'{name}{how}"{value}"' for name, how, value in parts)))


@given(MATCHERS, MATCHERS)
def test_what_is_told_is_true(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    """The labels of a conflict satisfy both sides, whatever the matchers."""
    labels = common_alert(one, other)
    assert labels is None or (matches_all(one, labels) and matches_all(other, labels))


@given(st.text(max_size=40))
def test_any_text_is_promql_or_a_fault_within_it(text: str) -> None:
    """No text makes the review fail, and the place of a fault is in the text."""
    for fault in (*promql_faults(text), *escalation_faults(text)):
        assert fault.message
        assert 0 <= fault.offset <= len(text)


@pytest.mark.parametrize(
    "sensible",
    [
        "up == 0",
        "absent(up)",
        "max(x) > 0.7 and min(x) < 3",
        "x > 3 and x < 5",
        "x > 5 or x < 3",
        "1 - sum(rate(a[5m])) / sum(rate(b[5m])) > 0.05",
        "absent(up) == 1",
    ],
)
def test_what_can_hold_and_end_is_right(sensible: str) -> None:
    """Expressions that can hold and can cease to hold have no fault."""
    assert escalation_faults(sensible) == ()
