"""Which columns of two sides meet: the schema check, before any current row is read.

Called by `bot.drift.report`. Every column ends as counted, broken (gone or of another type, which is content
that the reference never held) or not compared, with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.domain.drift import NotCompared, SchemaChanges
from bot.domain.errors import Permanent
from bot.domain.words import did_you_mean
from bot.drift.columns import (
    Kind,
    Selection,
    reason_by_name,
    same_type,
    unknown_names,
)
from bot.drift.measuring import asked_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.drift.columns import ColumnType
    from bot.drift.counting import Asked
    from bot.drift.profile import Profile, ProfiledColumn


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A column that is compared and cannot be: why, and what every row holds in its place."""

    column: ProfiledColumn
    reason: str
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be counted and what is known already."""

    counted: dict[str, ProfiledColumn] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
    not_compared: tuple[NotCompared, ...] = ()
    schema: SchemaChanges = field(default_factory=SchemaChanges)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of the counted columns."""
        return {name: how.kind for name, how in self.asked.items()}

    @property
    def nothing_in_common(self) -> bool:
        """Whether no compared column is on both sides."""
        return not self.counted and not self.schema.retyped


def narrowed(profile: Profile, selection: Selection, *, also_known: Mapping[str, ColumnType]) -> Profile:
    """The profile under what the caller says now: more columns left out, the features and targets known.

    Raises Permanent when a target or feature is named that neither side has.
    """
    everything = {column.name for column in profile.columns}
    for what, names in (("target", selection.targets), ("feature", selection.features or frozenset())):
        for name in unknown_names(names, everything | set(also_known) if what == "target" else everything):
            raise Permanent(
                f"{profile.name} has no column `{name}`, named as a {what}{did_you_mean(name, everything)}"
            )
    merged = Selection(
        exclude=selection.exclude,
        targets=selection.targets,
        features=selection.features if selection.features is not None else profile.features,
    )
    columns = tuple(
        replace(column, reason=reason_by_name(column.name, merged) or column.reason)
        if column.compared
        else column
        for column in profile.columns
    )
    return replace(
        profile, columns=columns, features=merged.features, targets=profile.targets | selection.targets
    )


def plan_comparison(profile: Profile, current: Mapping[str, ColumnType], selection: Selection) -> Plan:
    """Match the columns of a profile with those of the current data."""
    known = profile.known_features
    plan = Plan()
    broken: list[Broken] = []
    left_out: list[NotCompared] = []
    missing: list[str] = []
    retyped: list[str] = []
    for column in profile.columns:
        held = current.get(column.name)
        if held is None and not _is_set_aside(column.name, profile, selection):
            missing.append(column.name)
        if not column.compared:
            left_out.append(NotCompared(name=column.name, reason=column.reason))
        elif held is None and known is not None and column.name in known:
            broken.append(Broken(column=column, reason=_GONE, kind="missing"))
        elif held is None:
            left_out.append(NotCompared(name=column.name, reason="only in the reference"))
        elif not same_type(column.type, held):
            retyped.append(column.name)
            why = f"the type changed from {column.type.words} to {held.words}"
            broken.append(Broken(column=column, reason=why, kind="of another type"))
        else:
            plan.counted[column.name], plan.asked[column.name] = asked_of(column, held)
    added = [name for name in current if name not in {column.name for column in profile.columns}]
    for name in added:
        reason = _named_reason(name, profile, selection) or "only in the current data"
        left_out.append(NotCompared(name=name, reason=reason))
    return replace(
        plan,
        broken=tuple(broken),
        not_compared=tuple(left_out),
        schema=SchemaChanges(
            missing=tuple(missing),
            added=tuple(name for name in added if not _named_reason(name, profile, selection)),
            retyped=tuple(retyped),
        ),
    )


_GONE = "the current data lacks this feature, which counts as missing in every row"


def _is_set_aside(name: str, profile: Profile, selection: Selection) -> bool:
    return name in selection.exclude or name in profile.targets


def _named_reason(name: str, profile: Profile, selection: Selection) -> str:
    return reason_by_name(name, replace(selection, targets=profile.targets | selection.targets))
