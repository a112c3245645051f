"""Domain values as JSON texts and back.

Unknown keys are ignored and missing ones take their defaults, so that two versions can share a store while
one is rolled out. Pydantic reads the dataclasses of the domain as they are; the domain knows nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from bot.domain import (
    actors,
    alerts,
    approvals,
    drift,
    drift_runs,
    drills,
    escalation,
    events,
    files,
    findings,
    freezing,
    incidents,
    pictures,
    remedies,
    severity,
    storms,
    suspects,
    verifications,
)
from bot.domain.errors import Permanent
from bot.telemetry import ROWS_UNREADABLE

T = TypeVar("T")

_NAMES: Final[dict[str, Any]] = {
    "datetime": datetime,
    "timedelta": timedelta,
    "Mapping": Mapping,
    **{
        name: value
        for module in (
            actors,
            alerts,
            approvals,
            drift,
            drift_runs,
            drills,
            escalation,
            events,
            files,
            findings,
            freezing,
            incidents,
            pictures,
            remedies,
            severity,
            storms,
            suspects,
            verifications,
        )
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__
        or name in {"Detail", "Argument", "Fact", "Panel"}
    },
}
"""What the domain's annotations name: its modules import most of it for the type checker alone."""


class Codec(Generic[T]):
    """One type's way into a JSON text and back."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._adapter: TypeAdapter[T] = TypeAdapter(kind, config=None)
        self._adapter.rebuild(force=True, _types_namespace=_NAMES)

    def dump(self, value: T) -> str:
        """One line of JSON; halves of characters (lone surrogates), which no database takes, become `?`."""
        try:
            return self._adapter.dump_json(value).decode()
        except PydanticSerializationError:
            text = json.dumps(self._adapter.dump_python(value, mode="json"), ensure_ascii=False)
            return text.encode("utf-8", "replace").decode()

    def load(self, text: str, **columns: object) -> T:
        """The value; `columns` take the place of what the text says, where columns know better."""
        try:
            if not columns:
                return self._adapter.validate_json(text)
            return self._adapter.validate_python({**json.loads(text), **columns})
        except (ValidationError, ValueError) as error:
            raise Permanent(f"a stored {self._kind.__name__.lower()} cannot be read") from error

    def load_each(self, texts: Iterable[str]) -> tuple[T, ...]:
        """Those that can be read: what a newer version wrote is left to it, counted, and holds up nothing."""
        found: list[T] = []
        for text in texts:
            try:
                found.append(self.load(text))
            except Permanent:
                ROWS_UNREADABLE.labels(kind=self._kind.__name__.lower()).inc()
        return tuple(found)


GROUP: Final = Codec(alerts.AlertGroup)
INCIDENT: Final = Codec(incidents.Incident)
APPROVAL: Final = Codec(approvals.Approval)
EXECUTION: Final = Codec(remedies.Execution)
EVENT: Final = Codec(events.Event)
FINDING: Final = Codec(findings.Finding)
PICTURE: Final = Codec(pictures.Picture)
DRIFT_REPORT: Final = Codec(drift.DriftReport)
DRIFT_RUN: Final = Codec(drift_runs.DriftRun)
WATCH: Final = Codec(escalation.Watch)
STORM: Final = Codec(storms.Storm)
DRILL: Final = Codec(drills.Drill)
FREEZE: Final = Codec(freezing.Freeze)
VERIFICATION: Final = Codec(verifications.Verification)
KEY: Final = Codec(incidents.IncidentKey)
