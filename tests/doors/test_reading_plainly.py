"""The short way through a body says what the long way says, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.plain_webhooks import read_plain
from handlers.webhooks import read_thoroughly
from tests.doors.alert_bench import golden, one_alert, one_group

WORDS = st.text(max_size=6) | st.sampled_from(["4", "firing", "resolved", "", "\x00", "\ud800", "é🙂"])
TIMES = st.sampled_from(
    [
        "2026-11-24T08:57:13.611Z",
        "2026-11-24t08:57:13.123456789+02:00",
        "0001-01-01T00:00:00Z",
        " 2026-11-24T08:57:13Z",
        "2026-02-30T00:00:00Z",
        "2026-11-24",
        "",
    ]
)
VALUES = WORDS | TIMES | st.none() | st.integers() | st.dictionaries(WORDS, WORDS | st.none(), max_size=2)
ALERT_FIELDS = ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint", "x"]
GROUP_FIELDS = ["version", "groupKey", "receiver", "truncatedAlerts", "groupLabels", "externalURL", "alerts"]


def agree(body: bytes) -> bool:
    """Whether the short way took it; fails where the two ways differ."""
    plain, thorough = read_plain(body, source="s"), read_thoroughly(body, source="s")
    if plain is None:
        return False
    assert plain == thorough.group
    assert thorough.faults == ()
    return True


@given(
    alert=st.dictionaries(st.sampled_from(ALERT_FIELDS), VALUES, max_size=3),
    group=st.dictionaries(st.sampled_from(GROUP_FIELDS), VALUES, max_size=2),
    as_ascii=st.booleans(),
)
def test_both_ways_say_the_same(alert: dict[str, Any], group: dict[str, Any], as_ascii: bool) -> None:
    """Whatever stands in a body's fields: what the short way takes, the long way takes as well, alike."""
    content = {**one_group({**one_alert(), **alert}), **group}
    agree(json.dumps(content, ensure_ascii=as_ascii).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", ["alertmanager-0.25-firing.json", "alertmanager-0.28-mixed.json"])
def test_recorded_webhooks_take_the_short_way(name: str) -> None:
    """What Alertmanager really sent is read by it, also as Go escapes it."""
    body = json.dumps(golden(name), ensure_ascii=False).replace("&", "\\u0026").encode()
    assert agree(body)


@pytest.mark.parametrize(
    ("part", "instead", "taken"),
    [
        (b'"summary": "slow"', b'"summary": "a", "summary": "b \\u003c c"', True),
        (b'"summary": "slow"', b'"summary": "\\u0000"', False),
        (b'"summary": "slow"', b'"summary": "\\ud83d\\ude00"', False),
        (b'"summary": "slow"', b'"summary": "\xff"', False),
        (b'"summary": "slow"', b'"summary": "a\tb"', False),
        (b'"truncatedAlerts": 0', b'"truncatedAlerts": NaN', False),
        (b'"truncatedAlerts": 0', b'"truncatedAlerts": 0.0', False),
        (b'"truncatedAlerts": 0', b'"truncatedAlerts": 0, "more": [[[NaN, 1e999]]]', True),
        (b'"truncatedAlerts": 0', b'"truncatedAlerts": 0,', False),
    ],
)
def test_spellings_of_json(part: bytes, instead: bytes, taken: bool) -> None:
    """Said twice, escaped, undecodable or unusual: the two ways never say different things."""
    body = json.dumps(one_group()).encode()
    assert part in body
    assert agree(body.replace(part, instead)) is taken
