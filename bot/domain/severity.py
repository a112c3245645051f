"""How urgent an incident is: P1 (wake somebody) to P4 (when there is time).

Runbooks name a severity, alerts imply one, escalations raise it; every layer imports the word from here.
"""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """The four levels, written as people say them; compare them by `rank`, where 1 is the worst."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"

    @property
    def rank(self) -> int:
        """1 for P1 up to 4 for P4, so that sorting by rank puts the worst first."""
        return int(self.value[1])

    def worse_than(self, other: Severity) -> bool:
        """Whether this severity is more urgent than `other`."""
        return self.rank < other.rank

    @classmethod
    def worst(cls, first: Severity, *others: Severity) -> Severity:
        """The most urgent of those given."""
        return min((first, *others), key=lambda severity: severity.rank)

    @classmethod
    def from_label(cls, label: str | None) -> Severity:
        """The severity that an alert's `severity` label implies where no runbook says.

        `critical` (and `page`) is P1, `warning` P3, a name such as `P2` means itself, anything else P4.
        """
        word = (label or "").strip()
        if word.upper() in cls.__members__:
            return cls[word.upper()]
        return {"critical": cls.P1, "page": cls.P1, "warning": cls.P3}.get(word.lower(), cls.P4)
