"""What a webhook's body is read as."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import AlertStatus
from handlers.fingerprints import fingerprint
from handlers.webhooks import FAULTS_TOLD, ReadWebhook, read_time, read_webhook
from tests.doors.alert_bench import golden, one_alert, one_group


def read(content: Any) -> ReadWebhook:
    """The reading of a JSON value."""
    return read_webhook(json.dumps(content).encode(), source="default")


def test_a_payload_of_alertmanager_0_25_is_read_whole() -> None:
    """Every field of a recorded firing webhook arrives in the group."""
    found = read(golden("alertmanager-0.25-firing.json"))
    assert found.faults == ()
    assert found.group is not None
    alert = found.group.alerts[0]
    assert found.group.group_key == '{}/{service="churn"}:{alertname="HighLatency", service="churn"}'
    assert found.group.receiver == "lightship"
    assert found.group.external_url == "http://alertmanager-0:9093"
    assert alert.fingerprint == "5b3d1b9c8f0a7d2e"
    assert alert.starts_at == datetime(2026, 11, 24, 8, 57, 13, 611000, tzinfo=UTC)
    assert alert.ends_at is None
    assert alert.annotations["threshold"] == "1"


def test_resolved_and_firing_offsets_and_nanoseconds_are_read_together() -> None:
    """A recorded mixed webhook with an unknown field, an offset and no alertname is usable as it is."""
    found = read(golden("alertmanager-0.28-mixed.json"))
    assert found.faults == ()
    assert found.group is not None
    resolved, firing = found.group.alerts
    assert found.group.truncated == 12
    assert resolved.status is AlertStatus.RESOLVED
    assert resolved.starts_at == datetime(2026, 11, 24, 8, 41, 2, 123456, tzinfo=UTC)
    assert resolved.ends_at == datetime(2026, 11, 24, 8, 55, 2, 123456, tzinfo=UTC)
    assert resolved.annotations["summary"].endswith("— 重启")
    assert firing.name == "alert without a name"


def test_a_missing_fingerprint_is_what_prometheus_would_compute() -> None:
    """The FNV-1a of a label set equals the fingerprint that a real Alertmanager sent for it."""
    labels = {"alertname": "HighValue", "instance": "api:8000", "job": "api", "severity": "high"}
    found = read(one_group(one_alert(labels=labels, fingerprint=None)))
    assert found.group is not None
    assert found.group.alerts[0].fingerprint == "948c667b1fc76492"
    assert fingerprint({}) == "cbf29ce484222325"


def test_one_bad_alert_does_not_take_the_good_ones_with_it() -> None:
    """The usable alerts stay, and the fault names the other one's field and how to mend it."""
    found = read(one_group(one_alert(), one_alert(startsAt="yesterday"), one_alert(status="burning")))
    assert found.group is not None
    assert (len(found.group.alerts), found.told, found.unusable) == (1, 3, 2)
    assert [fault.where for fault in found.faults] == ["alerts[1].startsAt", "alerts[2].status"]
    assert found.faults[0].fault == "is not a time like 2026-11-24T09:00:00Z"
    assert found.faults[1].mend == "send `firing` or `resolved`"


@pytest.mark.parametrize(
    ("content", "where", "fault"),
    [
        ([], "body", "is not a JSON object"),
        (one_group(version="3"), "version", "is not 4"),
        (one_group(version=None), "version", "is missing"),
        (one_group(groupKey=None), "groupKey", "is missing"),
        (one_group(groupKey=""), "groupKey", "is empty"),
        (one_group(receiver=None), "receiver", "is missing"),
        (one_group(alerts={}), "alerts", "is not a list"),
        (one_group(alerts=[]), "alerts", "is empty"),
        (one_group(alerts=[None]), "alerts[0]", "is not an object"),
        (one_group(one_alert(labels={"a": 1})), "alerts[0].labels.a", "is not a string"),
        (one_group(one_alert(labels=[])), "alerts[0].labels", "is not an object"),
        (one_group(one_alert(endsAt=[])), "alerts[0].endsAt", "is not a time like 2026-11-24T09:00:00Z"),
        (one_group(one_alert(startsAt="0001-01-01T00:00:00Z")), "alerts[0].startsAt", "is the zero time"),
        (
            one_group(one_alert(startsAt="2026-02-30T00:00:00Z")),
            "alerts[0].startsAt",
            "is not a time that exists",
        ),
    ],
)
def test_what_cannot_be_used_is_named(content: Any, where: str, fault: str) -> None:
    """Nothing usable is left, and the fault says where and what."""
    found = read(content)
    assert found.group is None
    assert (found.faults[0].where, found.faults[0].fault) == (where, fault)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1e999999', b"9" * 10_000])
def test_a_body_that_is_no_json_is_a_fault_not_an_error(body: bytes) -> None:
    """Truncated, undecodable, too deep or absurd bodies are answered, never raised."""
    found = read_webhook(body, source="default")
    assert found.group is None
    assert found.faults[0].where == "body"


def test_what_postgresql_cannot_hold_is_replaced() -> None:
    """NUL and lone surrogates become U+FFFD in names, values, annotations and keys."""
    body = json.dumps(
        one_group(one_alert(labels={"a\x00b": "c\ud800d"}, annotations={"e": "\x00"}), groupKey="k\x00")
    ).encode()
    found = read_webhook(body, source="default")
    assert found.group is not None
    assert found.group.alerts[0].labels == {"a\ufffdb": "c\ufffdd"}
    assert found.group.alerts[0].annotations == {"e": "\ufffd"}
    assert found.group.group_key == "k\ufffd"


def test_hundreds_of_faults_are_bounded() -> None:
    """The answer names the first faults and counts the rest."""
    found = read(one_group(*[one_alert(status="x") for _ in range(400)]))
    assert len(found.faults) == FAULTS_TOLD + 1
    assert found.faults[-1].fault == f"has {400 - FAULTS_TOLD} more faults"


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+02:00", "0001-01-01T00:00:00.0Z"]
)
def test_go_s_zero_time_is_no_time(text: str) -> None:
    """However it is written, and without an overflow where its offset leads before year one."""
    assert read_time(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59:59-23:59",
        "2026-11-24",
        "20261124T090000Z",
        "\uff12\uff1026-11-24T09:00:00Z",
        5,
        None,
    ],
)
def test_what_is_no_rfc_3339_time_is_refused(text: object) -> None:
    """Other spellings of ISO 8601, other digits and times beyond the calendar are no times."""
    with pytest.raises(ValueError, match="is not a time"):
        read_time(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"]


@given(changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_any_alert_is_read_or_refused_without_an_error(changes: dict[str, Any]) -> None:
    """Whatever stands in an alert's fields, the good alert beside it stays usable."""
    found = read(one_group(one_alert(), {**one_alert(), **changes}))
    assert found.group is not None
    assert len(found.group.alerts) + found.unusable == 2
    assert bool(found.unusable) == bool(found.faults)


@given(content=JSON)
def test_any_json_is_read_without_an_error(content: Any) -> None:
    """A body of any shape has a group or a fault."""
    found = read(content)
    assert found.group is not None or found.faults
