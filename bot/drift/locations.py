"""Where data lies: a path of this machine, or an address such as `s3://lake/day=2026-11-24/`.

Called by the command line and by configured comparisons. Addresses are read by fsspec, whose paths behave as
those of this machine do; what speaks to a store (s3fs, gcsfs, adlfs) is the operator's to install.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bot.domain.errors import LightshipError, Permanent, Temporary
from bot.domain.outside_text import one_line
from bot.domain.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    except FileNotFoundError:
        return False
    return True


def shown(path: str | Path) -> str:
    """The place for people, without a password that an address may hold."""
    return one_line(without_secrets(str(path)), limit=300)


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
    except ImportError as error:
        raise Permanent(f"{shown(path)} cannot be read: {one_line(error, limit=200)}") from error
    except Exception as error:
        why = one_line(without_secrets(f"{type(error).__name__}: {error}"), limit=200)
        raise Temporary(f"{shown(path)} cannot be read now: {why}") from error
