"""Log lines, each with an action from a fixed vocabulary; the libraries' own lines in the same shape.

Set up once by the command line; doors, engines and adapters make a `Log` for their part. Whatever looks like
a token or a password in an address is cut out of every line before it is written.
"""

from __future__ import annotations

import logging
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TextIO

import structlog

from bot.domain.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import MutableMapping


class LogAction(StrEnum):
    """What a log line is about: the fixed vocabulary that queries over logs can rely on."""

    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DEPENDENCY_UNREACHABLE = "dependency_unreachable"
    WEBHOOK_STORED = "webhook_stored"
    WEBHOOK_REJECTED = "webhook_rejected"
    WEBHOOK_PUSHED_BACK = "webhook_pushed_back"
    PRUNED = "pruned"
    DELIVERY_FAILED = "delivery_failed"
    MESSAGE_POSTPONED = "message_postponed"
    MESSAGE_REFUSED = "message_refused"
    FALLBACK_SENT = "fallback_sent"
    FALLBACK_FAILED = "fallback_failed"
    LEASE_LOST = "lease_lost"
    ESCALATION_UNASKED = "escalation_unasked"
    RUNBOOKS_LOADED = "runbooks_loaded"
    RUNBOOKS_REFUSED = "runbooks_refused"
    EXTENSION_BROKEN = "extension_broken"
    CHECK_RUN = "check_run"
    RETRAINING_WEIGHED = "retraining_weighed"
    PICTURE_FAILED = "picture_failed"
    AUDIT_APPENDED = "audit_appended"
    COMMAND_REFUSED = "command_refused"
    COMMAND_FAILED = "command_failed"
    DRIFT_RUN = "drift_run"
    DRIFT_TRACKED = "drift_tracked"
    TICK_FAILED = "tick_failed"
    LOOP_FAILED = "loop_failed"
    LIBRARY = "library"


_QUIET_LIBRARIES: Final = (
    "slack_bolt",
    "slack_sdk",
    "aiohttp.access",
    "alembic",
    "apscheduler",
    "sqlalchemy",
    "asyncio",
)


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {
        name: without_secrets(value) if isinstance(value, str) else value for name, value in event.items()
    }


def _name_library_lines(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Lines of libraries get the word `library` as their action, their own words become the message."""
    if event.get("_from_structlog") is False:
        event["message"] = event.pop("event", "")
        event["event"] = LogAction.LIBRARY.value
    return event


def set_up_logging(*, log_format: str = "", level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log line, the libraries' too, to `stream` (stderr) in one shape.

    `log_format` is `console` or `json`; empty means `console` on a terminal, else `json`. Raises ValueError
    for another word or an unknown level. Called once by the command line; calling again replaces the set-up.
    """
    target = stream or sys.stderr
    chosen = log_format or ("console" if target.isatty() else "json")
    number = logging.getLevelNamesMapping().get(level.upper())
    if chosen not in {"console", "json"} or number is None:
        raise ValueError(f"log format is `console` or `json`, not `{chosen}`; level `{level}` may be unknown")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ending: list[structlog.typing.Processor] = [
        _name_library_lines,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
    ]
    if chosen == "json":
        ending += [structlog.processors.format_exc_info, _redact, structlog.processors.JSONRenderer()]
    else:
        ending += [
            structlog.processors.format_exc_info,
            _redact,
            structlog.dev.ConsoleRenderer(colors=target.isatty() and not os.environ.get("NO_COLOR")),
        ]
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()], processors=ending
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for library in _QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(max(number, logging.WARNING))
    # Bolt warns of a token in the environment at every start, and of each request that nobody listens to.
    logging.getLogger("slack_bolt").setLevel(max(number, logging.ERROR))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class Log:
    """Log lines of one part of the bot. The first argument is always a word of `LogAction`."""

    def __init__(self, part: str) -> None:
        self._plain = logging.getLogger(f"lightship.{part}")
        self._lines: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(f"lightship.{part}")

    def debug(self, action: LogAction, **fields: object) -> None:
        """Something that only somebody who looks for it wants to see; for others it costs next to nothing."""
        if self._plain.isEnabledFor(logging.DEBUG):
            self._lines.debug(action.value, **fields)

    def info(self, action: LogAction, **fields: object) -> None:
        """Something that happened as it should."""
        self._lines.info(action.value, **fields)

    def warning(self, action: LogAction, **fields: object) -> None:
        """Something that did not work and will be tried again, or was refused."""
        self._lines.warning(action.value, **fields)

    def error(self, action: LogAction, *, cause: BaseException | None = None, **fields: object) -> None:
        """Something that needs a person; `cause` adds its traceback."""
        self._lines.error(action.value, exc_info=cause, **fields)
