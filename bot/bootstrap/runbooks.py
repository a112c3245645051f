"""The loaded runbooks by name, as engines and doors ask for them, and the words that they may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.adapters.runbook_files import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.domain.runbooks import Runbook
    from bot.settings import Settings


def vocabulary_of(settings: Settings | None) -> Vocabulary:
    """The words that runbooks may use under this configuration; without one, the shipped ones alone."""
    if settings is None:
        return Vocabulary()
    return Vocabulary(
        metrics=frozenset(name for service in settings.services.values() for name in service.metrics),
        services=frozenset(settings.services),
        longest_silence=settings.remediations.longest_silence,
    )


class RunbookShelf:
    """All runbooks that are right."""

    def __init__(self, runbooks: Iterable[Runbook]) -> None:
        self._by_name = {runbook.name: runbook for runbook in runbooks}

    def replace(self, runbooks: Iterable[Runbook]) -> None:
        """These are in force from now on, at once for everybody."""
        self._by_name = {runbook.name: runbook for runbook in runbooks}

    def get(self, name: str) -> Runbook | None:
        """By name."""
        return self._by_name.get(name)

    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(sorted(self._by_name))

    def all(self) -> tuple[Runbook, ...]:
        """All of them, in the order of their names."""
        return tuple(self._by_name[name] for name in self.names())
