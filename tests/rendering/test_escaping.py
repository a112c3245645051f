"""Texts from outside are made inert, visible and short enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rendering.dates import age, moment, since, span, utc
from bot.rendering.escaping import NOTHING, code, code_block, link, mrkdwn, paragraph, plain, units
from tests.rendering.samples import NOW, ZALGO

ANY = st.text(max_size=300) | st.text(alphabet="<>&🔥a \n`", max_size=300)


@given(text=ANY, limit=st.integers(2, 200))
def test_no_text_is_longer_than_its_place(text: str, limit: int) -> None:
    """Cutting keeps to the limit after escaping, an emoji counting twice, and never leaves nothing."""
    for shown in (mrkdwn(text, limit), paragraph(text, limit), plain(text, limit)):
        assert 0 < units(shown) <= limit


@given(text=ANY, limit=st.integers(2, 200))
def test_no_entity_is_cut(text: str, limit: int) -> None:
    """What is left of an escaped text unescapes to a beginning of the text."""
    shown = mrkdwn(text, limit)
    back = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert back.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") == shown
    assert mrkdwn(back, 10_000) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a<b>&c", "a&lt;b&gt;&amp;c"),
        ("&amp;", "&amp;amp;"),
        ("see ```x", "see '''x"),
        ("`\u202e``x", "'''x"),
        ("\u202eexe.txt\u202c", "exe.txt"),
        ("a\x00b\x1b[31m", "ab[31m"),
        ("two\nlines\t.", "two lines ."),
        ("\ud800", "\ufffd"),
        ("", NOTHING),
        (" \n\u200d\u3164", NOTHING),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_mrkdwn(text: str, shown: str) -> None:
    """Three characters are escaped, what nobody should see is gone, and nothing becomes a dash."""
    assert mrkdwn(text, 100) == shown


def test_towers_of_accents_are_cut_down() -> None:
    """A letter keeps four accents."""
    assert len(mrkdwn("a" + "\u0301" * 100, 1_000)) == 5
    assert mrkdwn(ZALGO, 100).startswith("Z\u0300\u0301\u0302\u0303a")


def test_a_cut_is_visible() -> None:
    """Where something is missing stands an ellipsis, also where only control characters were read."""
    assert mrkdwn("abcdef", 4) == "abc…"
    assert mrkdwn("<<<", 9) == "&lt;&lt;…"
    assert mrkdwn("a" + "\x00" * 1_000 + "b", 10) == "a…"


def test_code_cannot_be_closed_from_inside() -> None:
    """Backticks of the text neither end inline code nor a block."""
    assert code("a`b```c", 50) == "`a'b'''c`"
    assert "`" not in code_block("``\u202e`", 50)[4:-4]
    block = code_block("x\n```\n<!channel>\n````", 100)
    assert block == "```\nx\n'''\n&lt;!channel&gt;\n''''\n```"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a?b=1&c=2", "<https://example.org/a?b=1&amp;c=2|here>"),
        ("https://example.org/a|b>c d", "<https://example.org/a%7Cb%3Ec%20d|here>"),
        ("javascript:alert(1)", "here"),
        ("https://user:secret@example.org/", "here"),
        ("https://[::1", "here"),
        ("", "here"),
        ("https://example.org/" + "x" * 5_000, "here"),
    ],
)
def test_links_lead_to_web_addresses_only(url: str, shown: str) -> None:
    """Anything but a plain web address of bearable length is shown as its label."""
    assert link(url, "here", 1_000) == shown


def test_a_label_cannot_end_its_link() -> None:
    """A label with the signs of a link stays one label."""
    assert link("https://example.org", "a|b><!here>", 200) == "<https://example.org|a¦b&gt;&lt;!here&gt;>"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=40), "40 s"),
        (timedelta(minutes=12, seconds=5), "12 min"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
        (timedelta(days=3), "3 d"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
        (timedelta(seconds=-5), "0 s"),
    ],
)
def test_spans_are_said_as_people_say_them(length: timedelta, words: str) -> None:
    """Two units at most, seconds only where nothing larger is there."""
    assert span(length) == words


def test_ages_and_moments() -> None:
    """An age says whether it is past or to come; a moment carries its fallback in UTC."""
    assert age(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert age(NOW + timedelta(minutes=3), NOW) == "in 3 min"
    assert age(NOW, NOW) == "just now"
    assert utc(NOW, NOW) == "03:17 UTC"
    assert moment(NOW) == "<!date^1795490220^{date_short_pretty} {time}|2026-11-24 03:17 UTC>"


def test_the_zero_time_is_no_date() -> None:
    """Alertmanager's zero time is said to be unknown, since Slack draws no such date."""
    zero = datetime(1, 1, 1, tzinfo=UTC)
    assert since(zero, NOW) == "since an unknown time"
    assert moment(zero) == "0001-01-01 00:00 UTC"
