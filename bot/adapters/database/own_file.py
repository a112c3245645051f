"""Whether SQLite's file is still the one that was opened; asked by the store around its transactions.

SQLite itself does not notice that its file was removed or replaced: it goes on in the one that nobody
else can open any more, and what it commits there is gone with the process.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from bot.adapters.database.opening import parse_url
from bot.domain.errors import Temporary

_IN_MEMORY: Final = ":memory:"


def sqlite_file(url: str) -> str:
    """The file of a SQLite URL, empty where there is none. Raises Permanent for a URL that cannot be used."""
    parsed = parse_url(url)
    path = parsed.database or ""
    named = parsed.get_backend_name() == "sqlite" and path != _IN_MEMORY and not path.startswith("file:")
    return path if named else ""


class OwnFile:
    """The file of a store; nothing is looked at where there is none, as with PostgreSQL."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._known: tuple[int, int] | None = None

    def check(self) -> None:
        """Raises Temporary where it is gone or another one; once it is back, all is well."""
        if self._known is None or not self._path:
            return
        try:
            found = self._path.stat()
        except FileNotFoundError:
            raise Temporary("the store's file was removed: put it back, or restart the bot") from None
        except OSError as error:
            raise Temporary(f"the store's file cannot be looked at: {error.strerror}") from None
        if self._known != (found.st_dev, found.st_ino):
            raise Temporary("the store's file was replaced: put the old one back, or restart the bot")

    def know(self) -> None:
        """It was just written to, so this is the one."""
        if self._path and self._known is None:
            with suppress(OSError):
                found = self._path.stat()
                self._known = found.st_dev, found.st_ino
