"""Where rows come from: Parquet files and folders, lakes with a time window, small CSV files, pandas frames.

Called by the command line and by whoever compares frames. A source knows its columns and streams Arrow record
batches of those asked for, so memory stays bounded by a batch; every fault of a file is a Permanent that
names it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import pyarrow as pa
from pyarrow import csv, parquet

from bot.domain.errors import NotFound, Permanent
from bot.drift.columns import ColumnType, Holds, column_type, unified
from bot.drift.locations import is_local, is_there, name_of, reaching, shown
from bot.drift.partitions import FoundFile, found_files, partition_columns
from bot.drift.windows import Window, rows_inside, touches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bot.drift.counting import Asked, Counts

BATCH_ROWS: Final = 65_536
_READ_BYTES: Final = 1 << 18
"""Column chunks are read in pieces of this size; whole ones cost 100 MB more on a million rows of 12."""
_PACKINGS: Final = {".gz": "gzip", ".bz2": "bz2"}
LARGEST_CSV: Final = 1 << 30
"""CSV files are read whole; beyond this many bytes they have to be converted to Parquet first."""


class Source(Protocol):
    """Rows with named, typed columns."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """The columns with their types, in order."""

    @property
    def rows(self) -> int | None:
        """How many rows there are at most, where that is known without reading them; for progress."""

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Record batches with those of the columns that are there; the order is always the same."""


@runtime_checkable
class CountsItself(Protocol):
    """A source whose rows stay where they are and are counted there."""

    def count(self, asked: Mapping[str, Asked], progress: Callable[[int], None]) -> Counts:
        """The counts of all its rows; `progress` is told of rows that are counted."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TableSource:
    """Rows in memory. `mixed` are columns that Arrow cannot hold because their values differ in type."""

    name: str
    table: Any
    mixed: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """The columns with their types, in order."""
        return {
            item.name: ColumnType(holds=Holds.MIXED, words=self.mixed[item.name])
            if item.name in self.mixed
            else column_type(item.type)
            for item in self.table.schema
        }

    @property
    def rows(self) -> int | None:
        """How many rows there are."""
        return int(self.table.num_rows)

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """The rows in slices; nothing is copied."""
        yield from _table_batches(self.table, columns, None)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FolderSource:
    """Files of one data set, read one after another; in each, columns of its folders' names are constant.

    `tables` are the CSV files, read whole.
    """

    name: str
    files: tuple[FoundFile, ...]
    columns: Mapping[str, ColumnType]
    rows: int
    window: Window | None = None
    tables: Mapping[Path, Any] = field(default_factory=dict)

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """The files' rows inside the window, in the order of their names."""
        for file in self.files:
            with reaching(file.path), _naming(file.path):
                for batch in self._stored(file, columns):
                    if batch.num_rows:
                        yield self._with_keys(batch, file, columns)

    def _stored(self, file: FoundFile, columns: Sequence[str]) -> Iterator[Any]:
        if file.path in self.tables:
            return _table_batches(self.tables[file.path], columns, self.window)
        return _parquet_batches(file.path, columns, self.window)

    def _with_keys(self, batch: Any, file: FoundFile, columns: Sequence[str]) -> Any:
        for key, value in file.keys.items():
            if key in columns and key in self.columns and batch.schema.get_field_index(key) < 0:
                typed = int(value) if self.columns[key].holds is Holds.NUMBERS else value
                batch = batch.append_column(key, pa.repeat(pa.scalar(typed), batch.num_rows))
        return batch


def open_source(path: Path, *, window: Window | None = None) -> Source:
    """The data at a path: a Parquet or CSV file, or a folder of them, perhaps partitioned as key=value.

    A folder without files is a source without rows. Raises NotFound or Permanent with words for the user, and
    Temporary where an address (`bot.drift.locations`) does not answer.
    """
    with reaching(path):
        return _opened(path, window)


def _opened(path: Path, window: Window | None) -> Source:
    if not is_there(path):
        raise NotFound(f"{shown(path)} does not exist")
    found = found_files(path)
    files = tuple(file for file in found if window is None or touches(window, file.keys))
    if sum(file.path.stat().st_size or 0 for file in files if file.is_csv) > LARGEST_CSV:
        raise Permanent(f"{shown(path)} is too large for CSV, which is read whole: convert it to Parquet")
    tables = {file.path: _csv_table(file.path) for file in files if file.is_csv}
    columns = partition_columns(files, window)
    rows = 0
    for file in files:
        schema, in_file = _described(file, tables)
        rows += in_file
        for item in schema:
            held = column_type(item.type)
            columns[item.name] = unified(columns[item.name], held) if item.name in columns else held
    if window is not None and files and not window.is_answerable(columns, files[0].keys):
        where = shown(path)
        raise Permanent(f"{where} has no column and no partition key `{window.column}` for the time window")
    return FolderSource(
        name=str(path) if is_local(path) else shown(path),
        files=files,
        columns=columns,
        rows=rows,
        window=window,
        tables=tables,
    )


def frame_source(frame: Any, *, name: str = "frame") -> TableSource:
    """A pandas frame as a source. A column of mixed types is kept by name, its values are not read."""
    names = [str(column) for column in frame.columns]
    _refuse_repeats(names, name)
    arrays, mixed = [], {}
    for index, column in enumerate(names):
        values = frame.iloc[:, index]
        try:
            arrays.append(pa.array(values, from_pandas=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            mixed[column] = " and ".join(sorted({type(value).__name__ for value in values.dropna()})[:4])
            arrays.append(pa.nulls(len(frame)))
    arrays = [array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array for array in arrays]
    return TableSource(name=name, table=pa.table(arrays, names=names), mixed=mixed)


def _described(file: FoundFile, tables: Mapping[Path, Any]) -> tuple[Any, int]:
    if file.is_csv:
        schema, rows = tables[file.path].schema, tables[file.path].num_rows
    else:
        with _naming(file.path), _parquet(file.path) as opened:
            schema, rows = opened.schema_arrow, opened.metadata.num_rows
    _refuse_repeats(schema.names, shown(file.path))
    return schema, int(rows)


def _csv_table(path: Path) -> Any:
    options = csv.ConvertOptions(strings_can_be_null=True)
    with _naming(path):
        if is_local(path):
            return csv.read_csv(path, convert_options=options)
        packing = _PACKINGS.get(f".{name_of(path).lower().rpartition('.')[2]}")
        with path.open("rb") as stream:
            unpacked = pa.CompressedInputStream(stream, packing) if packing else stream
            return csv.read_csv(unpacked, convert_options=options)


@contextmanager
def _parquet(path: Path, **options: Any) -> Iterator[Any]:
    if is_local(path):
        with parquet.ParquetFile(path, **options) as opened:
            yield opened
    else:
        with path.open("rb") as stream, parquet.ParquetFile(stream, **options) as opened:
            yield opened


def _table_batches(table: Any, columns: Sequence[str], window: Window | None) -> Iterator[Any]:
    if window is not None and window.column in table.column_names:
        table = table.filter(rows_inside(window, table.column(window.column)))
    wanted = [name for name in columns if name in table.column_names]
    yield from table.select(wanted).to_batches(max_chunksize=BATCH_ROWS)


def _parquet_batches(path: Path, columns: Sequence[str], window: Window | None) -> Iterator[Any]:
    with _parquet(path) as plain:
        schema = plain.schema_arrow
    wanted = [name for name in columns if name in schema.names]
    # text as dictionaries: what is repeated is decoded and counted once
    encoded = [name for name in wanted if column_type(schema.field(name).type).holds is Holds.TEXT]
    clock = window.column if window is not None and window.column in schema.names else None
    read = [*wanted, clock] if clock and clock not in wanted else wanted
    with _parquet(path, read_dictionary=encoded, pre_buffer=False, buffer_size=_READ_BYTES) as opened:
        for batch in opened.iter_batches(batch_size=BATCH_ROWS, columns=read, use_threads=False):
            if clock and window is not None:
                yield batch.filter(rows_inside(window, batch.column(clock))).select(wanted)
            else:
                yield batch


def _refuse_repeats(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Permanent(f"{where} has two columns named `{name}`")
        seen.add(name)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise  # one of Arrow's own as well: the file is right, the process is too small for it
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if not is_local(path) and isinstance(error, OSError) and (error.errno or type(error) is not OSError):
            raise  # the store's; Arrow's own, about what the file holds, has no number
        raise Permanent(f"cannot read {shown(path)}: {' '.join(str(error).split())[:200]}") from error
