"""Runs of the drift report: when, why, over which window, how they ended, and whether the tracker knows.

A run is kept by the stores from its beginning, so that one that fails, or whose process dies, is seen. Its
id is the one that Slack, the metrics and MLflow show. Made by `bot.engines.drifting`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.errors import LightshipError, Temporary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.drift import DriftReport


class DriftTrigger(StrEnum):
    """Why a run began."""

    SCHEDULE = "schedule"
    MISSED = "missed"
    """A tick of the schedule that nobody was there for, made up for at the start."""
    COMMAND = "command"
    """`lightship drift run`, by hand or as a CronJob of the cluster."""


class DriftRunState(StrEnum):
    """How far a run is; `FOLLOWING` says what may follow."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


FOLLOWING: Final[Mapping[DriftRunState, frozenset[DriftRunState]]] = {
    DriftRunState.RUNNING: frozenset({DriftRunState.SUCCEEDED, DriftRunState.FAILED}),
    DriftRunState.SUCCEEDED: frozenset(),
    DriftRunState.FAILED: frozenset(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftWindow:
    """From `start` up to, not including, `end`; None is open. `column` holds the time of a row."""

    column: str
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftRun:
    """One run. `tick` is the time that the schedule meant; None for a run by command.

    `model_version` is the version that the reference belongs to, else the one behind the alias, else empty.
    `reason` says in words why it failed, and `may_pass` whether the next run may succeed by itself.
    `shown_with` is the id of the run whose message shows this one: runs of one verdict share a message.
    """

    id: str
    service: str
    trigger: DriftTrigger
    started_at: datetime
    tick: datetime | None = None
    window: DriftWindow | None = None
    model_version: str = ""
    state: DriftRunState = DriftRunState.RUNNING
    ended_at: datetime | None = None
    score: float | None = None
    reason: str = ""
    may_pass: bool = False
    shown_with: str = ""

    def succeeded(
        self, report: DriftReport, *, at: datetime, model_version: str, shown_with: str
    ) -> DriftRun:
        """The run with its report; too little data is a success that says so."""
        return self._moved(
            DriftRunState.SUCCEEDED,
            ended_at=at,
            score=report.score,
            model_version=report.reference.model_version or model_version,
            shown_with=shown_with or self.id,
        )

    def failed(self, error: LightshipError, *, at: datetime) -> DriftRun:
        """The run without a report, and why."""
        return self._moved(
            DriftRunState.FAILED, ended_at=at, reason=str(error), may_pass=isinstance(error, Temporary)
        )

    def _moved(self, state: DriftRunState, **changes: object) -> DriftRun:
        if state not in FOLLOWING[self.state]:
            raise ValueError(f"a drift run that is {self.state} cannot become {state}")
        return replace(self, state=state, **changes)  # type: ignore[arg-type]  # fields of this class


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftPoint:
    """One score of the trend; None where there was too little data."""

    at: datetime
    score: float | None
    run_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracked:
    """What the experiment tracker (MLflow) is owed of a run that succeeded.

    `profile` is the saved reference profile, None where it was too large to keep. `attempts` counts the one
    under way.
    """

    run: DriftRun
    report: DriftReport
    profile: bytes | None
    attempts: int
