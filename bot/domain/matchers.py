r"""Alertmanager's matchers: `severity="critical"`, `pod=~"api-.*"`, `"my label"!="x"`.

Services and runbooks say with them which alerts are theirs, and silences are made of them. The grammar is
Alertmanager's UTF-8 one: `=`, `!=`, `=~`, `!~`; names and values bare or in double quotes; a missing label
is the empty text; regular expressions match the whole value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST: Final = 4_096
_LONGEST_EXPRESSION: Final = 1_000
_BARE: Final = re.compile(r"""[^\s{}!=~,\\"'`]+""")
_OPERATOR: Final = re.compile(r"=~|!~|!=|=")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_SPACE: Final = re.compile(r"\s*")
_CLASSIC_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_NOT_IN_RE2: Final = re.compile(r"(?<!\\)(?:\\\\)*(\(\?(?:=|!|<=|<!|>|\(|P=|#)|\\[1-9])")


class MatcherError(ValueError):
    """A matcher that cannot be read; `position` is where, counted in characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class Operator(StrEnum):
    """How a matcher compares."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"

    @property
    def is_expression(self) -> bool:
        """Whether the value is a regular expression."""
        return self in {Operator.MATCHES, Operator.NOT_MATCHES}

    @property
    def is_negative(self) -> bool:
        """Whether the matcher holds when the comparison does not."""
        return self in {Operator.NOT_EQUAL, Operator.NOT_MATCHES}


@lru_cache(maxsize=1_024)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.ASCII)  # Alertmanager's \d and \w are ASCII


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on one label; `str()` gives the canonical text. A bad expression raises MatcherError."""

    name: str
    operator: Operator
    value: str
    _pattern: re.Pattern[str] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if not self.name:
            raise MatcherError("a matcher needs the name of a label", 0)
        if self.operator.is_expression:
            object.__setattr__(self, "_pattern", _expression(self.value))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels satisfies the condition."""
        value = labels.get(self.name, "")
        same = value == self.value if self._pattern is None else self._pattern.fullmatch(value) is not None
        return same is not self.operator.is_negative

    def __str__(self) -> str:
        """The matcher in Alertmanager's syntax, its value always quoted."""
        name = self.name if _CLASSIC_NAME.fullmatch(self.name) else _quote(self.name)
        return f"{name}{self.operator}{_quote(self.value)}"


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether the labels satisfy every matcher; no matcher at all matches everything."""
    return all(matcher.matches(labels) for matcher in matchers)


def parse_matcher(text: str) -> Matcher:
    """The one matcher that `text` is; raises MatcherError when it is none or several."""
    found = parse_matchers(text)
    if len(found) != 1:
        raise MatcherError(f"one matcher is expected here, not {len(found)}", 0)
    return found[0]


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers of `text`, comma-separated, with or without braces around them all.

    Raises MatcherError, whose message says what was expected and whose `position` says where.
    """
    if len(text) > _LONGEST:
        raise MatcherError(f"a matcher may have at most {_LONGEST} characters", _LONGEST)
    position = _skip(text, 0)
    end = len(text.rstrip())
    if text[position : position + 1] == "{":
        if text[end - 1] != "}" or end - 1 == position:
            raise MatcherError("`{` is never closed", position)
        position, end = _skip(text, position + 1), end - 1
    body = text[:end]
    if not body[position:].strip():
        raise MatcherError('a matcher is expected, such as severity="critical"', position)
    found = []
    while position < len(body):
        matcher, position = _one(body, position)
        found.append(matcher)
        position = _skip(body, position)
        if position < len(body):
            if body[position] != ",":
                raise MatcherError(f"`,` or the end is expected, not `{body[position]}`", position)
            position = _skip(body, position + 1)
    return tuple(found)


def _one(text: str, position: int) -> tuple[Matcher, int]:
    start = position
    name, position = _word(text, position, "the name of a label")
    position = _skip(text, position)
    operator = _OPERATOR.match(text, position)
    if operator is None:
        raise MatcherError(f"`=`, `!=`, `=~` or `!~` is expected after `{name[:60]}`", position)
    position = _skip(text, operator.end())
    at_value = position
    value, position = _word(text, position, f"a value after `{operator.group()}`")
    try:
        return Matcher(name=name, operator=Operator(operator.group()), value=value), position
    except MatcherError as error:
        raise MatcherError(str(error), at_value if name else start) from error


def _word(text: str, position: int, expected: str) -> tuple[str, int]:
    if text[position : position + 1] == '"':
        quoted = _QUOTED.match(text, position)
        if quoted is None:
            raise MatcherError("a quote is never closed", position)
        return _unquote(quoted.group(1), position + 1), quoted.end()
    bare = _BARE.match(text, position)
    if bare is None:
        got = f"not `{text[position]}`" if position < len(text) else "not the end"
        raise MatcherError(f"{expected} is expected, {got}; other characters need double quotes", position)
    return bare.group(), bare.end()


def _unquote(text: str, position: int) -> str:
    def replace(found: re.Match[str]) -> str:
        escape = found.group(1)
        if escape[0] in "uU" and len(escape) > 1:
            number = int(escape[1:], 16)
            if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:  # noqa: PLR2004 - the bounds of Unicode
                raise MatcherError(f"`\\{escape}` is no character", position + found.start())
            return chr(number)
        if escape not in _ESCAPED:
            message = (
                f"`\\{escape}` is no escape; write `\\\\{escape}` for a backslash in a regular expression"
            )
            raise MatcherError(message, position + found.start())
        return _ESCAPED[escape]

    return _ESCAPE.sub(replace, text)


def _quote(text: str) -> str:
    back = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + back.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _expression(text: str) -> re.Pattern[str]:
    if len(text) > _LONGEST_EXPRESSION:
        raise MatcherError(f"a regular expression may have at most {_LONGEST_EXPRESSION} characters", 0)
    foreign = _NOT_IN_RE2.search(text)
    if foreign is not None:
        raise MatcherError(f"`{foreign.group()}` is not in Alertmanager's regular expressions (RE2)", 0)
    try:
        return _compiled(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise MatcherError(f"`{text[:60]}` is not a regular expression: {error}", 0) from error
