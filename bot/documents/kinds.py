"""The kinds of value that configuration and runbooks are made of, as pydantic types with their JSON Schema.

Used by the models of `bot.settings` and of `bot.adapters.runbook_files`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    StrictFloat,
    StrictInt,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from bot.domain.durations import PATTERN, format_duration, parse_duration
from bot.domain.matchers import Matcher, MatcherError, parse_matcher
from bot.domain.severity import Severity

_BYTES: Final = {
    "": 1,
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}
_SIZE: Final = re.compile(r"(\d{1,15})\s*([A-Za-z]*)")


class Strict(BaseModel):
    """The base of every model here: unknown keys are faults, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True)


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return timedelta(0)
    if not isinstance(value, str):
        raise ValueError("a duration with its unit is expected, such as 90s, 10m or 1h30m")  # noqa: TRY004 - pydantic
    return parse_duration(value)


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("a duration above zero is expected")
    return value


def _size(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or found.group(2) not in _BYTES:
        raise ValueError("a size is expected, such as 16MiB or 512KiB")
    return int(found.group(1)) * _BYTES[found.group(2)]


def _matcher(value: Any) -> Any:
    if isinstance(value, Matcher):
        return value
    if not isinstance(value, str):
        raise ValueError("a matcher is expected, such as 'severity=\"critical\"'")  # noqa: TRY004 - pydantic's way
    try:
        return parse_matcher(value)
    except MatcherError as error:
        raise ValueError(f"{error} (character {error.position + 1} of `{value[:80]}`)") from error


def _scalar(value: Any) -> Any:
    if isinstance(value, (str, int, float)):
        return value
    raise ValueError("a text, a number, or true or false is expected")


def _severity(value: Any) -> Any:
    words = {"critical": Severity.P1, "warning": Severity.P3}
    return words.get(value, value) if isinstance(value, str) else value


def _web_address(value: str) -> str:
    if not re.match(r"https?://[^\s/]", value):
        raise ValueError("an address that begins with http:// or https:// is expected")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["90s", "10m", "1h30m"]}),
]
"""`10m`, `1h30m`, `7d`."""

ByteSize = Annotated[
    int,
    BeforeValidator(_size),
    Field(gt=0),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\d+\s*[A-Za-z]*$"}]}
    ),
]
"""`16MiB`, or bytes."""

MatcherText = Annotated[
    Matcher,
    BeforeValidator(_matcher),
    PlainSerializer(str),
    WithJsonSchema(
        {"type": "string", "examples": ['service="shop"'], "description": "an Alertmanager matcher"}
    ),
]
"""One of Alertmanager's matchers."""

SeverityWord = Annotated[Severity, BeforeValidator(_severity)]
"""P1 to P4, or `critical` for P1 and `warning` for P3."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
WebAddress = Annotated[
    str, BeforeValidator(lambda value: _web_address(value) if isinstance(value, str) else value)
]
PositiveDuration = Annotated[Duration, Field(), BeforeValidator(lambda value: _positive(_duration(value)))]
PositiveCount = Annotated[StrictInt, Field(ge=1)]
Number = StrictFloat
"""A number, whole or not."""

Scalar = Annotated[
    Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "integer", "boolean"]})
]
"""A text, a number, or true or false."""


@dataclass(frozen=True, slots=True)
class Named:
    """Annotates a text that matches `pattern`; the fault of another says that `what` is expected."""

    pattern: str
    what: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}

    def _check(self, value: Any) -> Any:
        if isinstance(value, str) and re.search(self.pattern, value) is None:
            raise ValueError(f"{self.what} is expected, not `{value[:60]}`")
        return value


def slack_id(kinds: str, what: str) -> Any:
    """A validator for Slack ids that begin with one of the letters `kinds`; `what` says what is expected."""
    pattern = re.compile(rf"[{kinds}][A-Z0-9]{{2,}}")

    def check(value: Any) -> Any:
        if isinstance(value, str) and pattern.fullmatch(value) is None:
            hint = "; Slack shows the id at the end of the details, a name does not do" if value else ""
            raise ValueError(f"{what} is expected, not `{value[:60]}`{hint}")
        return value

    return BeforeValidator(check)


ChannelId = Annotated[str, slack_id("CGD", "the id of a Slack channel (C0…)")]
GroupOrUserId = Annotated[str, slack_id("SUW", "the id of a Slack user (U0…) or user group (S0…)")]
