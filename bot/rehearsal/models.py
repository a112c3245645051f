"""The rehearsal's model registry: reading it, and moving its aliases as granted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain.calls import MARK, canonical, granted_call
from bot.domain.errors import Ambiguous, Conflict, NotFound, Temporary
from bot.domain.remedies import CallKind

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.ports.readers import Evaluation, ModelVersion
    from bot.rehearsal.faults import Faults

_VERSIONS = 5


class RehearsalModels:
    """`bot.ports.readers.ModelReader` and `bot.ports.writers.ModelWriter` in memory."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._versions: dict[tuple[str, str], ModelVersion] = {}
        self._aliases: dict[tuple[str, str], str] = {}
        self._evaluations: dict[tuple[str, str], list[Evaluation]] = {}

    def register(self, version: ModelVersion) -> None:
        """Add a version and move its aliases to it."""
        self._versions[version.name, version.version] = version
        for alias in version.aliases:
            self.point(version.name, alias, version.version)

    def evaluate(self, name: str, version: str, evaluation: Evaluation) -> None:
        """Add a run that measured a version in production."""
        self._evaluations.setdefault((name, version), []).append(evaluation)

    def point(self, name: str, alias: str, version: str) -> None:
        """Move an alias, as somebody else would."""
        for key, known in list(self._versions.items()):
            if known.name == name:
                others = tuple(one for one in known.aliases if one != alias)
                own = (*others, alias) if known.version == version else others
                self._versions[key] = replace(known, aliases=own)
        self._aliases[name, alias] = version

    async def version_by_alias(self, *, name: str, alias: str) -> ModelVersion:
        """The version behind an alias. Raises NotFound where there is none."""
        if await self._faults.meet("models.version_by_alias", right="read models"):
            raise Temporary("no answer in time")
        number = self._aliases.get((name, alias))
        if number is None:
            raise NotFound(f"model {name} has no alias {alias}")
        return self._versions[name, number]

    async def version(self, *, name: str, version: str) -> ModelVersion:
        """A version by its number. Raises NotFound where there is none."""
        if await self._faults.meet("models.version", right="read models"):
            raise Temporary("no answer in time")
        found = self._versions.get((name, version))
        if found is None:
            raise NotFound(f"model {name} has no version {version}")
        return found

    async def versions(self, *, name: str) -> tuple[ModelVersion, ...]:
        """The newest versions, the newest first."""
        if await self._faults.meet("models.versions", right="read models"):
            raise Temporary("no answer in time")
        own = [one for one in self._versions.values() if one.name == name]
        return tuple(sorted(own, key=lambda one: int(one.version), reverse=True)[:_VERSIONS])

    async def evaluations(self, *, name: str, version: str) -> tuple[Evaluation, ...]:
        """The runs that measured a version in production, the newest first. Raises NotFound without one."""
        if await self._faults.meet("models.evaluations", right="read models"):
            raise Temporary("no answer in time")
        if (name, version) not in self._versions:
            raise NotFound(f"model {name} has no version {version}")
        own = self._evaluations.get((name, version), [])
        return tuple(sorted(own, key=lambda one: one.at, reverse=True)[:_VERSIONS])

    async def set_alias(self, grant: Grant) -> None:
        """Move the alias if it is where the plan saw it; Ambiguous where the answer got lost."""
        call = granted_call(grant, CallKind.ALIAS)
        lost = await self._faults.meet("models.set_alias", right="edit models")
        (edit,) = call.edits
        alias = edit.path[-1]
        before = self._aliases.get((call.name, alias))
        if canonical(before) != edit.before:
            raise Conflict(f"{alias} is version {before} now")
        wanted = edit.after.strip('"')
        version = self._versions.get((call.name, wanted))
        if version is None:
            raise NotFound(f"model {call.name} has no version {wanted}")
        tags = {**version.tags, MARK: grant.approval_id}
        self._versions[call.name, wanted] = replace(version, tags=tags)
        self.point(call.name, alias, wanted)
        if lost:
            raise Ambiguous("MLflow may or may not have done it: no answer in time")
