"""The rehearsal's model registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.errors import NotFound, Temporary

if TYPE_CHECKING:
    from bot.ports.readers import ModelVersion
    from bot.rehearsal.faults import Faults


class RehearsalModels:
    """`bot.ports.readers.ModelReader` in memory."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._versions: dict[tuple[str, str], ModelVersion] = {}

    def register(self, version: ModelVersion) -> None:
        """Add a version and move its aliases to it."""
        for alias in version.aliases:
            self._versions[(version.name, alias)] = version

    async def version_by_alias(self, *, name: str, alias: str) -> ModelVersion:
        """The version behind an alias. Raises NotFound where there is none."""
        if await self._faults.meet("models.version_by_alias", right="read models"):
            raise Temporary("no answer in time")
        version = self._versions.get((name, alias))
        if version is None:
            raise NotFound(f"model {name} has no alias {alias}")
        return version
