"""What a log line is about: an error, a warning, a database, a time-out. Pure; asked once a pattern."""

from __future__ import annotations

import json
import re
from enum import IntEnum
from typing import Any, Final


class Level(IntEnum):
    """How bad a line is; the worse the larger."""

    PLAIN = 0
    WARNING = 1
    ERROR = 2


TOPICS: Final = {
    "database": re.compile(
        r"database|postgres|psycopg|asyncpg|mysql|sqlalchemy|sqlite|mongo|redis|deadlock"
        r"|connection pool|QueuePool|too many (?:connections|clients)|\bSQL\b|\bdb\b",
        re.IGNORECASE,
    ),
    "timeouts": re.compile(r"time[ds]?[ -]?out|deadline exceeded|ETIMEDOUT|\b504\b", re.IGNORECASE),
    "out_of_memory": re.compile(
        r"out of memory|\bOOM|MemoryError|cannot allocate memory|bad_alloc|OutOfMemory|heap space",
        re.IGNORECASE,
    ),
    "model": re.compile(
        r"\bmodels?\b|mlflow|pickle|joblib|onnx|xgboost|lightgbm|sklearn|tensorflow|torch|checkpoint",
        re.IGNORECASE,
    ),
    "schema": re.compile(
        r"schema|KeyError|ValidationError|validation error|missing (?:\w+ ){0,3}(?:field|column|feature)"
        r"|(?:field|column|feature)s? (?:\S+ ){0,3}(?:missing|required|not found|unknown)"
        r"|field required|unexpected (?:field|column|feature|keyword)|not in index|feature[_ ]names"
        r"|could not convert|malformed|JSONDecodeError|unprocessable|\b422\b",
        re.IGNORECASE,
    ),
}
"""The topics that are counted, among lines that warn or tell an error."""

_ERROR: Final = re.compile(
    r"\b(?:ERROR|FATAL|CRITICAL|PANIC|SEVERE|EMERG(?:ENCY)?)\b|^E\d{4} |^Traceback |\bpanic:"
    r"|\b\w*(?:Error|Exception)\b(?=:| |$)|\bKilled\b|\bSegmentation fault|\bcore dumped"
    r"|\" 5\d\d(?: |$)|\b(?i:exception|fatal|failed|failure|unable to|cannot|could not|refused|traceback)\b"
    r"|(?<![\w-])(?i:error)\b(?!s?[=: ]+0\b)"
)
_WARNING: Final = re.compile(
    r"\bWARN(?:ING)?\b|^W\d{4} |\b\w*Warning\b|\b(?i:warning|deprecated|retrying|slow)\b"
)
_SAID: Final = re.compile(
    r"(?i:\b(?:level|lvl|severity|levelname)\"?[=:] ?\"?)(\w+)"
    r"|\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE|PANIC)\b"
    r"|^\[?(?i:(trace|debug|info|notice|warn|warning|error|fatal|critical))\]?:?\s"
    r"|^([IWEF])\d{4} "
)
_SAID_AT_THE_START: Final = 120
_LEVELS: Final = {
    "trace": Level.PLAIN, "debug": Level.PLAIN, "info": Level.PLAIN, "notice": Level.PLAIN, "i": Level.PLAIN,
    "warn": Level.WARNING, "warning": Level.WARNING, "w": Level.WARNING,
    "error": Level.ERROR, "err": Level.ERROR, "fatal": Level.ERROR, "critical": Level.ERROR,
    "severe": Level.ERROR, "panic": Level.ERROR, "e": Level.ERROR, "f": Level.ERROR,
}  # fmt: skip
_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)?|[@-Z\\-_])")
_MESSAGES: Final = ("message", "msg", "event", "log", "text")
_NAMED_LEVELS: Final = ("level", "severity", "levelname", "lvl")
_REASONS: Final = ("error", "err", "exception", "exc_info", "detail")


def level_of(line: str) -> Level:
    """What the line says it is, near its start; else what its words sound like."""
    said = _SAID.search(line[:_SAID_AT_THE_START])
    if said is not None:
        named = _LEVELS.get(next(filter(None, said.groups())).casefold())
        if named is not None:
            return named
    if _ERROR.search(line):
        return Level.ERROR
    return Level.WARNING if _WARNING.search(line) else Level.PLAIN


def topics_of(line: str) -> frozenset[str]:
    """The topics that a line is about."""
    return frozenset(name for name, sign in TOPICS.items() if sign.search(line))


def without_colour(line: str) -> str:
    """The line without terminal escapes."""
    return _ANSI.sub("", line) if "\x1b" in line else line


def readable(line: str) -> str:
    """A line of JSON as `LEVEL message: reason`; every other line as it is."""
    if not line.startswith("{") or not line.rstrip().endswith("}"):
        return line
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return line
    message = _first(found, _MESSAGES) if isinstance(found, dict) else ""
    if not message:
        return line
    level, reason = _first(found, _NAMED_LEVELS).upper(), _first(found, _REASONS)
    return " ".join(filter(None, (level, message))) + (f": {reason}" if reason else "")


def _first(found: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((str(found[name]) for name in names if isinstance(found.get(name), str) and found[name]), "")
