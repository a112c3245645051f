"""One INSERT as a whole transaction, in one trip to SQLite's thread: what every webhook's answer waits for.

SQLAlchemy's way around a transaction costs more than the webhooks in it, and the answers wait for that too.
Its types and its text of the statement are used here, its execution is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Dialect, Table


class OneInsert:
    """The statement for rows with these columns, as a driver takes it."""

    def __init__(self, table: Table, names: Sequence[str], dialect: Dialect) -> None:
        compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
        self.table = table
        self.sql = str(compiled)
        self._makers = [
            (name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]

    def parameters(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """The rows in the order of the statement, each value as the driver takes it."""
        return [tuple(_made(make, row[name]) for name, make in self._makers) for row in rows]


def _made(make: Callable[[Any], Any] | None, value: object) -> object:
    return make(value) if make else value
