"""One INSERT as a whole transaction, in one trip to SQLite's thread: what every webhook's answer waits for.

SQLAlchemy's way around a transaction costs more than the webhooks in it, and the answers wait for that too.
Its types and its text of the statement are used here, its execution is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Dialect, Table


class OneInsert:
    """The statement for rows with these columns, as a driver takes it."""

    def __init__(self, table: Table, names: Sequence[str], dialect: Dialect) -> None:
        compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
        self.table = table
        self._into, self._values, self._row = str(compiled).rpartition(" VALUES ")
        self._makers = [
            (name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]

    def sql(self, rows: int) -> str:
        """The statement for so many rows."""
        return self._into + self._values + ", ".join([self._row] * rows)

    def parameters(self, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The values of all rows in the order of the statement, each as the driver takes it."""
        return [make(row[name]) if make else row[name] for row in rows for name, make in self._makers]
