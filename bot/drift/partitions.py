"""The files of a data set and the keys in their folders' names. Called by `bot.drift.sources`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from bot.domain.errors import Permanent
from bot.drift.columns import ColumnType, Holds, natural_key
from bot.drift.locations import files_below, is_folder, is_local, name_of, shown
from bot.drift.windows import Window, is_time_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_PARQUET: Final = b"PAR1"
_CSV: Final = (".csv", ".csv.gz", ".csv.bz2")
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundFile:
    """One file of a data set; `keys` are the key=value names of its folders."""

    path: Path
    is_csv: bool
    keys: Mapping[str, str] = field(default_factory=dict)


def found_files(path: Path) -> tuple[FoundFile, ...]:
    """The data files at a path, part-2 before part-10, without hidden ones.

    Parquet is known by its content, CSV by its name. Raises Permanent when there are files but none is data.
    """
    if not is_folder(path):
        return (_known(path, {}),)
    candidates = [
        (inner, parts)
        for inner, parts in files_below(path)
        if not any(part.startswith(("_", ".")) for part in parts)
    ]
    candidates.sort(key=lambda item: [natural_key(part) for part in item[1]])
    found = [_tried(inner, _keys_of(parts[:-1])) for inner, parts in candidates]
    files = tuple(file for file in found if file is not None)
    if candidates and not files:
        one = "/".join(candidates[0][1])
        raise Permanent(f"{shown(path)} holds no Parquet and no CSV file (found {one})")
    return files


def partition_columns(files: Iterable[FoundFile], window: Window | None) -> dict[str, ColumnType]:
    """Keys of folders that are columns: all but those of the calendar, which only say when."""
    values: dict[str, set[str]] = {}
    for file in files:
        for key, value in file.keys.items():
            values.setdefault(key, set()).add(value)
    return {
        key: ColumnType(holds=Holds.NUMBERS, words="partition key", integer=True)
        if all(value.removeprefix("-").isdecimal() for value in held)
        else ColumnType(holds=Holds.TEXT, words="partition key")
        for key, held in values.items()
        if not any(is_time_key(key, value, window) for value in held)
    }


def keys_in(address: str) -> dict[str, str]:
    """The key=value names of the folders in a file's address."""
    return _keys_of(address.split("/")[:-1])


def _known(path: Path, keys: Mapping[str, str]) -> FoundFile:
    found = _tried(path, keys)
    if found is None:
        perhaps = "" if is_local(path) else "; the address of a folder ends with a slash"
        raise Permanent(f"{shown(path)} is neither Parquet nor CSV nor a saved profile{perhaps}")
    return found


def _tried(path: Path, keys: Mapping[str, str]) -> FoundFile | None:
    try:
        with path.open("rb") as file:
            is_parquet = file.read(len(_PARQUET)) == _PARQUET
    except OSError as error:
        if not is_local(path):
            raise  # whoever reads it knows what the store means by that
        raise Permanent(f"cannot read {path}: {error.strerror or error}") from error
    if is_parquet:
        return FoundFile(path=path, is_csv=False, keys=keys)
    if name_of(path).lower().endswith(_CSV):
        return FoundFile(path=path, is_csv=True, keys=keys)
    return None


def _keys_of(parts: Iterable[str]) -> dict[str, str]:
    pairs = (part.split("=", 1) for part in parts if "=" in part)
    return {unquote(key): unquote(value) for key, value in pairs if value != _NO_VALUE}
