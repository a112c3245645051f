"""The file of a saved profile, told apart from data by its content.

Called by the command line and by whoever logs a profile as an artifact of a model version. It is an Arrow
file with one row a column, and its format, version and key in the schema's metadata; so it stays readable
without this code, and the same profile with the same key makes the same bytes.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from bot.domain.errors import Permanent
from bot.drift.columns import ColumnType, Holds, Kind
from bot.drift.counting import NumberCounts
from bot.drift.locations import is_folder, is_local, reaching, shown
from bot.drift.profile import Profile, ProfiledColumn, with_hashed_levels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT: Final = "lightship-drift-profile"
FORMAT_VERSION: Final = 1
_MAGIC: Final = b"ARROW1"
_KEY: Final = b"lightship"
_SAMPLE: Final = b"lightship-sample"


def save_profile(profile: Profile, path: Path, *, key: bytes) -> None:
    """Write the profile; the file is replaced as a whole. Raises Permanent when it cannot be written."""
    saved = with_hashed_levels(profile, key)
    temporary = path.with_name(f".{path.name}.writing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(profile_bytes(saved))
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # there may be nothing to take away
            temporary.unlink()
        raise Permanent(f"cannot write {path}: {error.strerror or error}") from error


def profile_bytes(profile: Profile) -> bytes:
    """The file of a profile whose rare levels are hashed already."""
    about = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "name": profile.name,
        "rows": profile.rows,
        "model_version": profile.model_version,
        "features": None if profile.features is None else sorted(profile.features),
        "targets": sorted(profile.targets),
        "key": profile.key.hex(),
    }
    metadata = {_KEY: json.dumps(about, ensure_ascii=False, sort_keys=True).encode()}
    if profile.sample is not None:
        metadata[_SAMPLE] = _table_bytes(profile.sample)
    table = pa.Table.from_pylist([_row_of(column) for column in profile.columns], schema=_schema())
    return _table_bytes(table.replace_schema_metadata(metadata))


def is_profile(path: Path) -> bool:
    """Whether the file is a saved profile, by its content."""
    with reaching(path):
        if is_folder(path):
            return False
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return False
        source = str(path) if is_local(path) else pa.BufferReader(path.read_bytes())
    try:
        with ipc.open_file(source) as reader:
            return _KEY in (reader.schema.metadata or {})
    except (pa.ArrowInvalid, OSError):
        return False


def load_profile(path: Path) -> Profile:
    """Read a saved profile. Raises Permanent when it is damaged or of a version that is not known here."""
    content = _content(path)
    try:
        table = ipc.open_file(pa.BufferReader(content)).read_all()
        about = json.loads(table.schema.metadata[_KEY])
        if about["version"] != FORMAT_VERSION:
            raise Permanent(
                f"{shown(path)} is a profile of format version {about['version']}; "
                f"this Lightship reads {FORMAT_VERSION}"
            )
        sample = table.schema.metadata.get(_SAMPLE)
        return Profile(
            name=about["name"],
            rows=about["rows"],
            columns=tuple(_column_of(row) for row in table.to_pylist()),
            model_version=about["model_version"],
            features=None if about["features"] is None else frozenset(about["features"]),
            targets=frozenset(about["targets"]),
            key=bytes.fromhex(about["key"]),
            sample=None if sample is None else ipc.open_file(pa.BufferReader(sample)).read_all(),
        )
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise Permanent(f"{shown(path)} is a damaged profile: {str(error)[:200]}") from error


def _content(path: Path) -> bytes:
    with reaching(path):
        try:
            return path.read_bytes()
        except OSError as error:
            if not is_local(path):
                raise
            raise Permanent(f"cannot read {path}: {error.strerror or error}") from error


def _schema() -> Any:
    counts = pa.list_(pa.int64())
    return pa.schema([
        ("name", pa.string()),
        ("holds", pa.string()),
        ("words", pa.string()),
        ("integer", pa.bool_()),
        ("single", pa.bool_()),
        ("encoded", pa.bool_()),
        ("kind", pa.string()),
        ("reason", pa.string()),
        ("nulls", pa.int64()),
        ("minimum", pa.float64()),
        ("maximum", pa.float64()),
        ("edges", pa.list_(pa.float64())),
        ("between", counts),
        ("equal", counts),
        ("levels", pa.list_(pa.string())),
        ("level_counts", counts),
        ("rare", pa.list_(pa.string())),
        ("rare_counts", counts),
    ])  # fmt: skip


def _row_of(column: ProfiledColumn) -> dict[str, Any]:
    levels, rare = sorted(column.levels), sorted(column.rare)
    row: dict[str, Any] = {
        "name": column.name,
        "holds": column.type.holds.value,
        "words": column.type.words,
        "integer": column.type.integer,
        "single": column.type.single,
        "encoded": column.type.encoded,
        "kind": column.kind and column.kind.value,
        "reason": column.reason,
        "nulls": column.nulls,
        "levels": levels,
        "level_counts": [column.levels[level] for level in levels],
        "rare": rare,
        "rare_counts": [column.rare[level] for level in rare],
    }
    if column.numbers is not None and column.grid is not None:
        numbers = column.numbers
        row["minimum"] = numbers.minimum if math.isfinite(numbers.minimum) else None
        row["maximum"] = numbers.maximum if math.isfinite(numbers.maximum) else None
        row["edges"] = column.grid[1:-1].tolist()
        row["equal"] = (numbers.at_or_below - numbers.below).tolist()
        row["between"] = (numbers.below - np.concatenate([[0], numbers.at_or_below[:-1]])).tolist()
    return row


def _column_of(row: Mapping[str, Any]) -> ProfiledColumn:
    grid = numbers = None
    if row["edges"] is not None:
        grid = np.array([-math.inf, *row["edges"], math.inf])
        equal = np.array(row["equal"], np.int64)
        between = np.array(row["between"], np.int64)
        at_or_below = np.cumsum(equal + between)
        numbers = NumberCounts(
            below=at_or_below - equal,
            at_or_below=at_or_below,
            minimum=math.inf if row["minimum"] is None else row["minimum"],
            maximum=-math.inf if row["maximum"] is None else row["maximum"],
        )
        if not len(grid) == len(equal) == len(between):
            raise ValueError("edges and counts differ in number")
    return ProfiledColumn(
        name=row["name"],
        type=ColumnType(
            holds=Holds(row["holds"]),
            words=row["words"],
            integer=row["integer"],
            single=row["single"],
            encoded=row["encoded"],
        ),
        kind=None if row["kind"] is None else Kind(row["kind"]),
        reason=row["reason"],
        nulls=row["nulls"],
        grid=grid,
        numbers=numbers,
        levels=dict(zip(row["levels"] or (), row["level_counts"] or (), strict=True)),
        rare=dict(zip(row["rare"] or (), row["rare_counts"] or (), strict=True)),
    )


def _table_bytes(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_file(sink, table.schema, options=ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
