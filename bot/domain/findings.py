"""What a check found: typed, with its age, ready to be shown, put into evidence, or kept.

Made by `bot.checks`, kept by the diagnosing engine, drawn by `bot.rendering`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from bot.domain.files import Attachment
    from bot.domain.suspects import Suspect

Scalar = str | int | float | bool | None
Fact = Scalar | tuple[str, ...]


class Verdict(StrEnum):
    """A finding in one word; `unknown` means that the check could not look, and why is in `reason`."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows to be drawn under a finding; every cell is text from outside."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The result of one run of one check on one target.

    `summary` is one line for a person, `facts` are the named values that evidence expressions read,
    `observed_at` is when the data was true, `fresh_for` how long it may be shown without a mark of age.
    `suspects` are the failure modes that the check recognised, the most certain first. `attachments` go into
    the thread as files of their own; they are not kept with the finding.
    """

    check: str
    target: str
    verdict: Verdict
    summary: str
    observed_at: datetime
    fresh_for: timedelta
    reason: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    table: Table | None = None
    details: tuple[str, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    def is_stale(self, *, now: datetime) -> bool:
        """Whether the data is older than its age limit."""
        return now - self.observed_at > self.fresh_for

    def without_attachments(self) -> Finding:
        """The finding as it is kept."""
        return replace(self, attachments=()) if self.attachments else self
