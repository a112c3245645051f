"""The reference as a profile in place of a table, as a value.

Made by `bot.drift.profiling`, saved by `bot.drift.profile_files`, compared by `bot.drift.report`. Categories
seen fewer than five times are saved as a keyed hash: the key lies in the file, so the hash keeps rare values
from being read and from being matched across profiles; who holds the file and guesses a value can still
confirm the guess.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from bot.drift.counting import text_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from bot.drift.columns import ColumnType, Kind
    from bot.drift.counting import NumberCounts

RARE_BELOW: Final = 5
"""Categories seen fewer times than this are saved as a keyed hash."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProfiledColumn:
    """One column of the reference.

    `reason` says why it is not scored, and is empty when it is. Numbers have counts on `grid`; categories
    have `levels`, and `rare` holds those known only by their hash.
    """

    name: str
    type: ColumnType
    kind: Kind | None = None
    reason: str = ""
    nulls: int = 0
    grid: NDArray[np.float64] | None = None
    numbers: NumberCounts | None = None
    levels: Mapping[str, int] = field(default_factory=dict)
    rare: Mapping[str, int] = field(default_factory=dict)

    @property
    def compared(self) -> bool:
        """Whether it can take part in a score."""
        return not self.reason and self.kind is not None

    @property
    def values(self) -> int:
        """How many values are not null."""
        if self.numbers is not None:
            return self.numbers.values
        return sum(self.levels.values()) + sum(self.rare.values())

    def known_as(self, level: str, key: bytes) -> str:
        """The level as the profile knows it: itself, or its hash when only that was kept."""
        if not self.rare or level in self.levels:
            return level
        hashed = hashed_level(level, key)
        return hashed if hashed in self.rare else level


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Profile:
    """A reference: its rows, columns, and what is known of the model.

    `features` are the model's features where the caller named them, `targets` the target columns. `sample` is
    an Arrow table of at most 2,500 rows, there only when the reference's rows are at hand or were opted in.
    """

    name: str
    rows: int
    columns: tuple[ProfiledColumn, ...]
    model_version: str = ""
    features: frozenset[str] | None = None
    targets: frozenset[str] = frozenset()
    key: bytes = b""
    sample: Any = None

    @property
    def known_features(self) -> frozenset[str] | None:
        """The columns whose absence counts as missing in every row; None when the features are not known."""
        if self.features is not None:
            return self.features
        if self.targets:
            return frozenset(column.name for column in self.columns if column.compared)
        return None


def hashed_level(level: str, key: bytes) -> str:
    """The keyed hash of a category."""
    return hashlib.blake2b(level.encode("utf-8", "surrogatepass"), key=key[:64], digest_size=12).hexdigest()


def with_hashed_levels(profile: Profile, key: bytes) -> Profile:
    """The profile as it is saved: rare categories only as hashes, in the sample too.

    `key` is up to 64 bytes; the same key makes the same file. A profile that was loaded keeps its own.
    """
    if profile.key:
        return profile
    columns = tuple(_hash_rare(column, key) for column in profile.columns)
    sample = profile.sample
    if sample is not None:
        for column in columns:
            index = sample.schema.get_field_index(column.name)
            if index >= 0 and column.rare:
                known = [
                    None if level is None else column.known_as(level, key)
                    for level in sample.column(index).to_pylist()
                ]
                sample = sample.set_column(index, column.name, text_array(known))
    return replace(profile, columns=columns, key=key, sample=sample)


def _hash_rare(column: ProfiledColumn, key: bytes) -> ProfiledColumn:
    rare = {hashed_level(level, key): count for level, count in column.levels.items() if count < RARE_BELOW}
    if not rare:
        return column
    kept = {level: count for level, count in column.levels.items() if count >= RARE_BELOW}
    return replace(column, levels=kept, rare=rare)
