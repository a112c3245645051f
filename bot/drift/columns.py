"""Which columns are compared, as what, and why the others are not. Pure rules over names and types.

Called by `bot.drift.profiling` for the reference and by `bot.drift.planning` for the current data. A type is
reduced to what the comparison needs: integer against float is no change, text against numbers is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from pyarrow import types

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_IDENTIFIERS: Final = frozenset({"customer_id", "prediction_id", "id"})
_SINGLE_BITS: Final = 32


class Holds(StrEnum):
    """What a column holds, whatever its encoding."""

    NUMBERS = "numbers"
    TEXT = "text"
    BOOLEANS = "booleans"
    DATES = "dates"
    NESTED = "nested values"
    BYTES = "bytes"
    NOTHING = "nothing"
    MIXED = "mixed types"


class Kind(StrEnum):
    """How a column is compared."""

    NUMBER = "number"
    CATEGORY = "category"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnType:
    """The type of a column: what it holds, and what matters beside that.

    `words` is the type as its source spells it. `single` says that numbers have single precision or less, so
    both sides are compared at that precision; `encoded` that the source itself calls it categorical.
    """

    holds: Holds
    words: str
    integer: bool = False
    single: bool = False
    encoded: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What the caller says about the columns.

    `features` are the model's features where they are known (None: unknown): one that the current data lacks
    counts as missing in every row. A feature that is named is compared even when its name looks like an
    identifier. With `target` alone, every other compared column of the reference counts as a feature.
    """

    exclude: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    features: frozenset[str] | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict)


def column_type(arrow_type: Any) -> ColumnType:
    """Reduce an Arrow type."""
    words = str(arrow_type)
    if types.is_dictionary(arrow_type):
        inner = column_type(arrow_type.value_type)
        return ColumnType(
            holds=inner.holds, words=words, integer=inner.integer, single=inner.single, encoded=True
        )
    if types.is_integer(arrow_type):
        return ColumnType(holds=Holds.NUMBERS, words=words, integer=True)
    if types.is_floating(arrow_type):
        single = arrow_type.bit_width <= _SINGLE_BITS
        return ColumnType(holds=Holds.NUMBERS, words=words, single=single)
    rules = (
        (types.is_decimal, Holds.NUMBERS),
        (types.is_boolean, Holds.BOOLEANS),
        (types.is_string, Holds.TEXT),
        (types.is_large_string, Holds.TEXT),
        (types.is_string_view, Holds.TEXT),
        (types.is_null, Holds.NOTHING),
        (types.is_temporal, Holds.DATES),
        (types.is_nested, Holds.NESTED),
    )
    for matches, holds in rules:
        if matches(arrow_type):
            return ColumnType(holds=holds, words=words)
    return ColumnType(holds=Holds.BYTES, words=words)


def unified(first: ColumnType, second: ColumnType) -> ColumnType:
    """The type of a column that two files of one source have."""
    if first == second or second.holds is Holds.NOTHING:
        return first
    if first.holds is Holds.NOTHING:
        return second
    if first.holds is not second.holds:
        return ColumnType(holds=Holds.MIXED, words=f"{first.words} and {second.words}")
    return ColumnType(
        holds=first.holds,
        words=first.words if first.words == second.words else f"{first.words} and {second.words}",
        integer=first.integer and second.integer,
        single=first.single or second.single,
        encoded=first.encoded or second.encoded,
    )


def same_type(reference: ColumnType, current: ColumnType) -> bool:
    """Whether the current values can be compared with the reference's: integer against float is no change."""
    return Holds.NOTHING in (reference.holds, current.holds) or reference.holds is current.holds


def kind_of(name: str, held: ColumnType, selection: Selection) -> Kind | None:
    """Numbers are floats and integers, categories are text and booleans, unless the caller says otherwise."""
    asked = selection.kinds.get(name)
    if held.holds is Holds.NUMBERS:
        return asked or (Kind.CATEGORY if held.encoded else Kind.NUMBER)
    return Kind.CATEGORY if held.holds in (Holds.TEXT, Holds.BOOLEANS) else None


def reason_by_name(name: str, selection: Selection) -> str:
    """Why a column of that name is not scored; empty when the name is no reason."""
    if name in selection.exclude:
        return "excluded"
    if name in selection.targets:
        return TARGET
    if is_identifier(name) and name not in (selection.features or ()):
        return "an identifier, by its name"
    return ""


def reason_by_type(held: ColumnType) -> str:
    """Why a column of that type is not scored; empty when it can be."""
    match held.holds:
        case Holds.DATES:
            return f"dates and times are not compared ({held.words})"
        case Holds.MIXED:
            return f"mixed types in the reference ({held.words})"
        case Holds.NESTED | Holds.BYTES:
            return f"{held.holds} are not compared ({held.words})"
        case Holds.NOTHING:
            return NULL_REFERENCE
        case _:
            return ""


TARGET: Final = "the target: kept in the profile, not scored"
NULL_REFERENCE: Final = "null in the whole reference"
RUNNING_NUMBER: Final = "a running number: its integers only ever rise in the reference"


def is_identifier(name: str) -> bool:
    """`customer_id`, `prediction_id`, `id`, in any case, and every name that ends with `_id`."""
    return name.lower() in _IDENTIFIERS or name.lower().endswith("_id")


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """A sorting key by which part-10 comes after part-2."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


def unknown_names(names: Collection[str], known: Collection[str]) -> list[str]:
    """Those of the names that no column has, sorted."""
    return sorted(set(names) - set(known))
