"""What `lightship doctor` found: one line for each thing it looked at, with what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How something stands. A warning does not fail the examination; `skipped` is not configured."""

    WELL = "well"
    WARNING = "warning"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """One thing that was looked at: how it stands, in words, and the one line that mends it."""

    name: str
    health: Health
    said: str
    mend: str = ""


def well(name: str, said: str) -> Examination:
    """It is as it should be."""
    return Examination(name=name, health=Health.WELL, said=said)


def warning(name: str, said: str, mend: str = "") -> Examination:
    """It works, and somebody should know of this."""
    return Examination(name=name, health=Health.WARNING, said=said, mend=mend)


def fault(name: str, said: str, mend: str = "") -> Examination:
    """It does not work as configured."""
    return Examination(name=name, health=Health.FAULT, said=said, mend=mend)


def skipped(name: str, said: str) -> Examination:
    """Nothing of the kind is configured."""
    return Examination(name=name, health=Health.SKIPPED, said=said)
