"""The short way through a webhook's body: one pass of a compiled reader for what Alertmanager really writes.

`handlers.webhooks` tries it first. Whatever is not exactly that shape is left to the long way, which knows
what else can be used and words for each fault; where this one gives a group, the long way gives the same
without a fault (a test holds them together).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from bot.domain.alerts import Alert, AlertGroup, AlertStatus

LONGEST_FINGERPRINT: Final = 200
_UNKEEPABLE_ESCAPE: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,12})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_STATUSES: Final = {status.value: status for status in AlertStatus}
_STRICT: Final = ConfigDict(strict=True)


class _PlainAlert(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]  # pydantic reads it off the class

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str
    endsAt: str
    generatorURL: str
    fingerprint: Annotated[str, Field(min_length=1, max_length=LONGEST_FINGERPRINT)]


class _PlainGroup(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]  # as above

    version: Literal["4"]
    receiver: Annotated[str, Field(min_length=1)]
    groupKey: Annotated[str, Field(min_length=1)]
    groupLabels: dict[str, str]
    externalURL: str
    truncatedAlerts: Annotated[int, Field(ge=0, lt=2**31)]
    alerts: Annotated[list[_PlainAlert], Field(min_length=1)]


_READER: Final = TypeAdapter(_PlainGroup).validator


def read_plain(body: bytes, *, source: str) -> AlertGroup | None:
    """The group in a body that is wholly as Alertmanager writes it; None for the long way. Never raises."""
    if not is_keepable(body):
        return None
    try:
        told: _PlainGroup = _READER.validate_json(body)
        alerts = tuple([_alert(each) for each in told["alerts"]])
    except (ValidationError, ValueError):
        return None
    return AlertGroup(
        source=source,
        receiver=told["receiver"],
        group_key=told["groupKey"],
        group_labels=told["groupLabels"],
        external_url=told["externalURL"],
        truncated=told["truncatedAlerts"],
        alerts=alerts,
    )


def is_keepable(body: bytes) -> bool:
    """Whether no text in a body of UTF-8 can hold what no database takes (NUL, halves of characters)."""
    return b"\0" not in body and (b"\\u" not in body or _UNKEEPABLE_ESCAPE.search(body) is None)


@lru_cache(maxsize=4_096)  # a repeat says the times of the telling before, and most alerts end at no time
def read_time(text: str) -> datetime | None:
    """An RFC 3339 time in UTC, cut to microseconds; None for Go's zero time. Raises ValueError otherwise."""
    found = _RFC3339.fullmatch(text.strip())
    if found is None:
        raise ValueError("is not a time like 2026-11-24T09:00:00Z")
    day, clock, fraction, zone = found.groups()
    if day.startswith("0001-"):
        return None
    try:
        return datetime.fromisoformat(f"{day}T{clock}{(fraction or '')[:7]}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a time that exists") from None


def _alert(told: _PlainAlert) -> Alert:
    started = read_time(told["startsAt"])
    if started is None:
        raise ValueError("is the zero time")
    return Alert(
        fingerprint=told["fingerprint"],
        status=_STATUSES[told["status"]],
        labels=told["labels"],
        annotations=told["annotations"],
        starts_at=started,
        ends_at=read_time(told["endsAt"]),
        generator_url=told["generatorURL"],
    )
