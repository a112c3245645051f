"""Alertmanager's webhook body, version 4, read into an alert group; pure. The webhook door calls it.

Each alert is validated on its own, so that one bad alert does not take the good ones with it. Texts are kept
as they came, except what PostgreSQL cannot hold (NUL, lone surrogates), which becomes U+FFFD.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.domain.alerts import Alert, AlertGroup, AlertStatus
from bot.domain.outside_text import one_line
from handlers import plain_webhooks
from handlers.fingerprints import fingerprint
from handlers.plain_webhooks import LONGEST_FINGERPRINT, read_plain

FAULTS_TOLD: Final = 50
_UNKEEPABLE: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookFault:
    """One thing wrong with a body: where, what, and how to mend it."""

    where: str
    fault: str
    mend: str

    def as_json(self) -> dict[str, str]:
        """As the answer shows it."""
        return {"where": self.where, "fault": self.fault, "mend": self.mend}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadWebhook:
    """What a body holds: the usable alerts as a group (None when there are none), and what was wrong.

    `told` counts the alerts in the body, `unusable` those of them that cannot be kept.
    """

    group: AlertGroup | None
    told: int
    unusable: int
    faults: tuple[WebhookFault, ...]


def clean(text: str) -> str:
    """`text` without what no database takes."""
    return _UNKEEPABLE.sub("\ufffd", text)


def read_time(value: object) -> datetime | None:
    """An RFC 3339 time in UTC, cut to microseconds; None for Go's zero time. Raises ValueError otherwise."""
    if not isinstance(value, str):
        raise ValueError("is not a time like 2026-11-24T09:00:00Z")  # noqa: TRY004 - pydantic's word for it
    return plain_webhooks.read_time(value)


def _start(value: object) -> datetime:
    started = read_time(value)
    if started is None:
        raise ValueError("is the zero time")
    return started


def _end(value: object) -> datetime | None:
    return None if value is None or value == "" else read_time(value)


def _count(value: object) -> object:
    return 0 if value is None else value


def _texts(value: object) -> object:
    if value is None:
        return {}
    return value


def _text(value: object) -> object:
    return "" if value is None else value


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {clean(name): _cleaned(each) for name, each in value.items()}
    return value


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[dict[str, str], BeforeValidator(_texts)]


class _AlertModel(BaseModel):
    model_config = ConfigDict(extra="ignore")

    status: AlertStatus
    labels: Texts
    annotations: Texts = Field(default_factory=dict)
    starts_at: Annotated[datetime, BeforeValidator(_start)] = Field(alias="startsAt")
    ends_at: Annotated[datetime | None, BeforeValidator(_end)] = Field(default=None, alias="endsAt")
    generator_url: Text = Field(default="", alias="generatorURL")
    fingerprint: Text = ""

    def as_alert(self) -> Alert:
        given = self.fingerprint if 0 < len(self.fingerprint) <= LONGEST_FINGERPRINT else ""
        return Alert(
            fingerprint=given or fingerprint(self.labels),
            status=self.status,
            labels=self.labels,
            annotations=self.annotations,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            generator_url=self.generator_url,
        )


class _GroupModel(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    version: Annotated[str, Field(pattern="^4$")]
    receiver: Annotated[Text, Field(min_length=1)]
    group_key: Annotated[Text, Field(min_length=1, alias="groupKey")]
    group_labels: Texts = Field(default_factory=dict, alias="groupLabels")
    external_url: Text = Field(default="", alias="externalURL")
    truncated: Annotated[int, BeforeValidator(_count), Field(ge=0, lt=2**31)] = Field(
        default=0, alias="truncatedAlerts"
    )
    alerts: list[Any]


_MENDS: Final = {
    "status": "send `firing` or `resolved`",
    "labels": "send an object whose values are all strings",
    "annotations": "send an object whose values are all strings",
    "startsAt": "send the time at which the alert began, as RFC 3339 with its offset",
    "endsAt": "send RFC 3339 with its offset, or leave it out",
    "version": "send Alertmanager's webhook format, version 4",
    "receiver": "send the name of the Alertmanager receiver",
    "groupKey": "send Alertmanager's key of the group; incidents are told apart by it",
    "groupLabels": "send an object whose values are all strings",
    "truncatedAlerts": "send a whole number that is not negative",
    "alerts": "send a list of alerts with at least one in it",
}
_JSON_MEND: Final = "send one JSON object, as Alertmanager's webhook_configs does"


def read_webhook(body: bytes, *, source: str) -> ReadWebhook:
    """What a webhook's body holds. Never raises: whatever cannot be used is a fault."""
    plain = read_plain(body, source=source)
    if plain is not None:
        return ReadWebhook(group=plain, told=len(plain.alerts), unusable=0, faults=())
    return read_thoroughly(body, source=source)


def read_thoroughly(body: bytes, *, source: str) -> ReadWebhook:
    """The long way: each alert on its own, with words for what is wrong."""
    try:
        content = _cleaned(json.loads(body))
    except (ValueError, RecursionError) as error:
        what = "is nested too deep" if isinstance(error, RecursionError) else f"is not JSON: {error}"
        return _nothing(WebhookFault(where="body", fault=one_line(what), mend=_JSON_MEND))
    if not isinstance(content, dict):
        return _nothing(WebhookFault(where="body", fault="is not a JSON object", mend=_JSON_MEND))
    try:
        group = _GroupModel.model_validate(content)
    except ValidationError as error:
        told = content.get("alerts")
        count = len(told) if isinstance(told, list) else 0
        return ReadWebhook(group=None, told=count, unusable=count, faults=_bounded(_faults_of(error, "")))
    alerts: list[Alert] = []
    faults: list[WebhookFault] = []
    for number, told in enumerate(group.alerts):
        try:
            alerts.append(_AlertModel.model_validate(told).as_alert())
        except ValidationError as error:
            faults += _faults_of(error, f"alerts[{number}]")
    if not group.alerts:
        faults.append(WebhookFault(where="alerts", fault="is empty", mend=_MENDS["alerts"]))
    usable = AlertGroup(
        source=source,
        receiver=group.receiver,
        group_key=group.group_key,
        group_labels=group.group_labels,
        external_url=group.external_url,
        truncated=group.truncated,
        alerts=tuple(alerts),
    )
    return ReadWebhook(
        group=usable if alerts else None,
        told=len(group.alerts),
        unusable=len(group.alerts) - len(alerts),
        faults=_bounded(faults),
    )


def _nothing(fault: WebhookFault) -> ReadWebhook:
    return ReadWebhook(group=None, told=0, unusable=0, faults=(fault,))


def _faults_of(error: ValidationError, prefix: str) -> list[WebhookFault]:
    return [
        WebhookFault(
            where=one_line(".".join([*([prefix] if prefix else []), *map(str, found["loc"])])) or "body",
            fault=one_line(_words(found["type"], found["msg"])),
            mend=_MENDS.get(str(found["loc"][0]) if found["loc"] else "", "send what Alertmanager sends"),
        )
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]


_WORDS: Final = {
    "missing": "is missing",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "list_type": "is not a list",
    "string_pattern_mismatch": "is not 4",
    "model_type": "is not an object",
    "dict_type": "is not an object",
    "string_type": "is not a string",
}


def _words(kind: str, message: str) -> str:
    plain = message.removeprefix("Value error, ")
    return _WORDS.get(kind) or plain[:1].lower() + plain[1:]


def _bounded(faults: list[WebhookFault]) -> tuple[WebhookFault, ...]:
    if len(faults) <= FAULTS_TOLD:
        return tuple(faults)
    rest = WebhookFault(
        where="body", fault=f"has {len(faults) - FAULTS_TOLD} more faults", mend="mend those above first"
    )
    return (*faults[:FAULTS_TOLD], rest)
