"""Which column of prediction files is the prediction, and their profile.

Called by the command line and `bot.drift.report`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain.errors import Permanent
from bot.drift.columns import Holds, Selection, is_identifier
from bot.drift.profiling import make_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.drift.columns import ColumnType
    from bot.drift.profile import Profile
    from bot.drift.sources import Source

DEFAULT_COLUMN: Final = "prediction"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PredictionSides:
    """The predictions of both sides; `column` is the prediction's name when the caller gave one."""

    reference: Profile
    current: Source
    column: str = ""


def prediction_column(where: str, columns: Mapping[str, ColumnType], asked: str = "") -> str:
    """The column asked for, else `prediction`, else the only one that is no identifier and no date.

    Raises Permanent when that does not tell.
    """
    name = asked or DEFAULT_COLUMN
    if name in columns:
        return name
    if asked:
        raise Permanent(f"{where} has no prediction column `{asked}`; it has {_listed(columns)}")
    if len(columns) == 1:
        return next(iter(columns))
    values = [
        one for one, held in columns.items() if not is_identifier(one) and held.holds is not Holds.DATES
    ]
    if len(values) == 1:
        return values[0]
    raise Permanent(
        f"{where} has no column `{DEFAULT_COLUMN}` and more than one to choose from ({_listed(columns)}): "
        "name it with --prediction-column"
    )


def reference_predictions(source: Source, asked: str = "") -> Profile:
    """The profile of the prediction column alone."""
    if not source.columns:
        return make_profile(source)
    name = prediction_column(source.name, source.columns, asked)
    others = frozenset(source.columns) - {name}
    return make_profile(source, Selection(exclude=others, features=frozenset({name})))


def _listed(columns: Mapping[str, ColumnType]) -> str:
    names = [f"`{name}`" for name in columns]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") or "no columns"  # noqa: PLR2004 - one line
