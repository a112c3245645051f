"""Alertmanager's matchers: what they mean, how they are written, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.matchers import Matcher, MatcherError, Operator, matches_all, parse_matcher, parse_matchers

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MATCHERS = st.builds(
    Matcher,
    name=WORDS.filter(bool),
    operator=st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]),
    value=WORDS,
)


@given(st.lists(MATCHERS, min_size=1, max_size=4))
def test_what_is_written_reads_back_the_same(matchers: list[Matcher]) -> None:
    """The canonical text of matchers parses to the same matchers, with and without braces."""
    text = ", ".join(map(str, matchers))
    assert parse_matchers(text) == tuple(matchers)
    assert parse_matchers("{" + text + "}") == tuple(matchers)


@given(st.text(max_size=60))
def test_any_text_is_matchers_or_a_clear_fault(text: str) -> None:
    """No text makes the parser fail in another way than its own error, which points into the text."""
    try:
        found = parse_matchers(text)
    except MatcherError as error:
        told, position = str(error), error.position
    else:
        told, position = "found" if found else "", 0
    assert told
    assert 0 <= position <= len(text)


@given(MATCHERS, st.dictionaries(WORDS, WORDS, max_size=3))
def test_a_negative_matcher_holds_exactly_when_its_positive_does_not(
    matcher: Matcher, labels: dict[str, str]
) -> None:
    """`!=` is the negation of `=`."""
    opposite = Operator.EQUAL if matcher.operator.is_negative else Operator.NOT_EQUAL
    other = Matcher(name=matcher.name, operator=opposite, value=matcher.value)
    assert matcher.matches(labels) is not other.matches(labels)


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ('severity="critical"', {"severity": "critical"}, True),
        ("severity=critical", {"severity": "critical"}, True),
        ('severity!="critical"', {}, True),
        ('severity=""', {}, True),
        ('pod=~"api-.*"', {"pod": "api-7"}, True),
        ('pod=~"api"', {"pod": "api-7"}, False),
        ('pod=~"a|b"', {"pod": "ab"}, False),
        ('pod!~"api-.*"', {"pod": "web"}, True),
        ('pod=~".*"', {}, True),
        ('"größe des Modells"="xl"', {"größe des Modells": "xl"}, True),
        (r'path="C:\\tmp\n"', {"path": "C:\\tmp\n"}, True),
        (r'pod=~"api-\\d+"', {"pod": "api-12"}, True),
        (r'name="\u00e9"', {"name": "é"}, True),
    ],
)
def test_a_matcher_means_what_alertmanager_means(text: str, labels: dict[str, str], holds: bool) -> None:
    """Equality, anchored expressions, missing labels as empty, quotes and escapes."""
    assert parse_matcher(text).matches(labels) is holds


def test_all_of_several_must_hold() -> None:
    """A list of matchers is their conjunction."""
    matchers = parse_matchers('a="1",b=~"2|3"')
    assert matches_all(matchers, {"a": "1", "b": "3"})
    assert not matches_all(matchers, {"a": "1"})


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("", 0, "a matcher is expected"),
        ("{}", 1, "a matcher is expected"),
        ('{a="b"', 0, "never closed"),
        ("a", 1, "`=`, `!=`, `=~` or `!~`"),
        ("a=", 2, "a value after `=`"),
        ('a="b', 2, "a quote is never closed"),
        ('a="b" c="d"', 6, "`,` or the end"),
        ('="b"', 0, "the name of a label"),
        (r'a="\d"', 3, r"`\d` is no escape"),
        (r'a="\ud800"', 3, "is no character"),
        ('a=~"("', 3, "is not a regular expression"),
        ('a=~"(?!x)"', 3, "RE2"),
        (r'a=~"(x)\\1"', 3, "RE2"),
        ('a=~"' + "x" * 2_000 + '"', 3, "at most 1000 characters"),
    ],
)
def test_a_fault_says_what_is_expected_and_where(text: str, position: int, part: str) -> None:
    """The message and the position lead to the mistake."""
    with pytest.raises(MatcherError) as caught:
        parse_matchers(text)
    assert part in str(caught.value)
    assert caught.value.position == position
