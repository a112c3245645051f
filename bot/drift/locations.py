"""Where data lies: a path of this machine, or an address such as `s3://lake/day=2026-11-24/`.

Called by the command line and by configured comparisons. Addresses are read by fsspec, whose paths behave as
those of this machine do; what speaks to a store (s3fs, gcsfs, adlfs) is the operator's to install.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote, urlsplit

from bot.domain.errors import LightshipError, NotFound, Permanent, Temporary
from bot.domain.outside_text import one_line
from bot.domain.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

_GONE: Final = frozenset({404, 410})
_REFUSED: Final = frozenset({401, 403, 407})
_DEEPEST: Final = 12
"""Folders below a folder on the web that are looked into."""
_A_NAME: Final = re.compile(r"(?!\.{1,2}/?$)[^/?#]+/?")
_QUERY: Final = re.compile(r"(\w://[^\s?'\"]+)\?[^\s'\"]*")


def location(text: str | Path) -> Path:
    """The place, unopened. Raises Permanent where nothing here can read such an address."""
    if "://" not in str(text):
        return Path(text)
    from upath import UPath  # noqa: PLC0415 - only where an address is given

    try:
        return cast("Path", UPath(str(text)))  # it behaves as a path, and is none by its type
    except ImportError as error:
        raise Permanent(f"{shown(text)} cannot be read: {one_line(error, limit=200)}") from error
    except ValueError as error:
        raise Permanent(
            f"{shown(text)} cannot be read: nothing installed here knows such an address"
        ) from error


def is_local(path: Path) -> bool:
    """Whether it is a path of this machine."""
    return isinstance(path, Path)


def is_there(path: Path) -> bool:
    """Whether there is something. Raises what the store behind an address raises, unless it says no."""
    if is_local(path):
        return path.exists()
    try:
        path.stat()  # `exists` of fsspec takes every failure for a no
    except FileNotFoundError as error:
        meant = _meant(error)
        if meant is not error:
            raise meant from None
        return False
    return True


def is_folder(path: Path) -> bool:
    """Whether files are to be looked for in it; on the web everything can be read, and `/` ends a folder."""
    return str(path).endswith("/") if _is_web(path) else not path.is_file()


def files_below(path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The files of a folder, each with the names that lead to it."""
    if not _is_web(path):
        for inner in path.rglob("*"):
            if inner.is_file():
                yield inner, inner.relative_to(path).parts
        return
    base = str(path)
    for address in _linked(cast("Any", path).fs, base, _DEEPEST):
        yield location(address), tuple(unquote(part) for part in address[len(base) :].split("/"))


def name_of(path: Path) -> str:
    """The file's name, without what an address on the web may have behind it."""
    return urlsplit(str(path)).path.rpartition("/")[2] if _is_web(path) else path.name


def shown(path: str | Path) -> str:
    """The place for people, without a password or a signature that an address may hold."""
    return one_line(_without_queries(without_secrets(str(path))), limit=300)


@contextmanager
def reaching(path: Path) -> Iterator[None]:
    """Translate whatever the store behind an address raises: each has errors of its own."""
    if is_local(path):
        yield
        return
    try:
        yield
    except (LightshipError, MemoryError):
        raise
    except Exception as error:
        raise _translated(path, _meant(error)) from error


def _translated(path: Path, error: Exception) -> LightshipError:
    where, why = shown(path), _why(error)
    if isinstance(error, ImportError):
        return Permanent(f"{where} cannot be read: {one_line(error, limit=200)}")
    if isinstance(error, FileNotFoundError) or _status(error) in _GONE:
        return NotFound(f"{where} does not exist")
    if isinstance(error, PermissionError) or _status(error) in _REFUSED:
        return Permanent(f"{where} may not be read ({why}): the store wants other credentials")
    if isinstance(error, ValueError | NotImplementedError):
        return Permanent(f"{where} cannot be read: {why}")
    return Temporary(f"{where} cannot be read now: {why}")


def _meant(error: Exception) -> Exception:
    """The error itself, but where fsspec's HTTP says that nothing is there, whatever the reason was."""
    failed = error.__cause__ if isinstance(error, FileNotFoundError) else None
    if failed is None or not isinstance(failed, Exception):
        return error
    return error if isinstance(failed, FileNotFoundError) or _status(failed) in _GONE else failed


def _is_web(path: Path) -> bool:
    return not is_local(path) and getattr(path, "protocol", "") in {"http", "https"}


def _linked(store: Any, base: str, depth: int) -> Iterator[str]:
    """The files that the index page of a web folder links to, and those of the folders below it."""
    for address in sorted(store.ls(base, detail=False)):
        if address.startswith(base) and _A_NAME.fullmatch(address[len(base) :]):
            if not address.endswith("/"):
                yield address
            elif depth:
                yield from _linked(store, address, depth - 1)


def _status(error: BaseException) -> int:
    """The HTTP status that an error tells of; 0 for another one."""
    status = getattr(error, "status", 0)
    return status if isinstance(status, int) else 0


def _why(error: Exception) -> str:
    status = _status(error)
    text = f"{status} {getattr(error, 'message', '')}" if status else f"{type(error).__name__}: {error}"
    return one_line(_without_queries(without_secrets(text)), limit=200)


def _without_queries(text: str) -> str:
    """Signed addresses have their signature there."""
    return _QUERY.sub(r"\1?…", text)
