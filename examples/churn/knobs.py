"""Faults to rehearse with: slow predictions, errors, moved inputs, a crash. Off unless they are set.

Read from the environment at start (`CHURN_KNOB_DELAY`, …) and changed by `POST /knobs` where that is allowed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX: Final = "CHURN_KNOB_"
_PRICE_RISE: Final = 1.35


class RehearsedError(RuntimeError):
    """The error that the knob `errors` asks for."""


class Knobs(BaseModel):
    """How the service misbehaves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay: Annotated[float, Field(ge=0, le=30)] = 0.0
    """Seconds of work for each request. A process does one at a time, so that more of them take more load."""
    errors: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The share of predictions that fail."""
    drift: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The share of customers that arrive as after a price rise: dearer, and on monthly contracts."""
    crash: bool = False
    """End the process, as a fault of the program would."""


def knobs_of(environment: Mapping[str, str] = os.environ) -> Knobs:
    """Those that the environment sets. Raises pydantic's ValidationError for what cannot be."""
    given = {
        name: environment[_PREFIX + name.upper()]
        for name in Knobs.model_fields
        if environment.get(_PREFIX + name.upper())
    }
    return Knobs.model_validate(given)


def drifted(row: Mapping[str, Any]) -> dict[str, Any]:
    """A customer as after the price rise."""
    charges = row.get("avg_monthly_charges")
    raised = None if charges is None else round(charges * _PRICE_RISE, 2)
    return {**row, "contract_type": "Month-to-month", "avg_monthly_charges": raised}
