"""What a log line looks like, and what never stands in one."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from bot.domain.redaction import without_secrets
from bot.logs import Log, LogAction, set_up_logging

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A set-up that writes here, taken back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    set_up_logging(log_format="json", level="info", stream=written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_is_one_json_object_with_its_action(stream: io.StringIO) -> None:
    """Part, level, time and fields are named."""
    Log("intake").info(LogAction.WEBHOOK_STORED, alerts=3)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["logger"], line["level"]) == ("webhook_stored", "lightship.intake", "info")
    assert line["alerts"] == 3
    assert line["timestamp"].endswith("Z")


def test_a_library_s_line_has_the_same_shape(stream: io.StringIO) -> None:
    """Its words become the message."""
    logging.getLogger("somebody").warning("took %s s", 3)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["message"], line["level"]) == ("library", "took 3 s", "warning")


def test_a_cause_brings_its_traceback_without_secrets(stream: io.StringIO) -> None:
    """The exception is shown, the token in its text is not."""
    cause = ValueError("Bearer abc.def and xoxb-123-456-abc")
    Log("x").error(LogAction.LOOP_FAILED, cause=cause, url="postgresql://me:hunter2@db/x")
    line = json.loads(stream.getvalue())
    assert "ValueError" in line["exception"]
    assert not any(secret in stream.getvalue() for secret in ("abc.def", "xoxb-123", "hunter2"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("token xoxb-1-2-abc was refused", "token [redacted] was refused"),
        ("xapp-1-A0-9-ff", "[redacted]"),
        ("Authorization: bearer s3cr3t", "Authorization: bearer [redacted]"),
        ("https://hooks.slack.com/commands/T0/1/abc", "https://hooks.slack.com/[redacted]"),
        ("postgresql+asyncpg://bot:pw@db:5432/x", "postgresql+asyncpg://[redacted]@db:5432/x"),
        ("http://prometheus:9090/graph", "http://prometheus:9090/graph"),
    ],
)
def test_secrets_are_cut_out(text: str, kept: str) -> None:
    """Tokens of Slack, bearers, response addresses and passwords go, everything else stays."""
    assert without_secrets(text) == kept


@pytest.mark.parametrize(("log_format", "level"), [("xml", "info"), ("json", "loud")])
def test_an_unknown_format_or_level_is_refused(log_format: str, level: str) -> None:
    """A wrong setting is a user's mistake with words."""
    with pytest.raises(ValueError, match="may be unknown"):
        set_up_logging(log_format=log_format, level=level)
