"""Statements compiled once for all stores in memory of a process.

SQLAlchemy compiles a statement once an engine. Every rehearsal has a store, and with it an engine, of its
own: the same hundred and fifty statements would be compiled for each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy.engine import Compiled

    Key = tuple[Any, ...]


class Compilations(dict["Key", "Compiled"]):
    """What SQLAlchemy asks for as `compiled_cache`, for engines whose dialects are made alike.

    Its keys begin with the engine's dialect, the one part in which such engines differ. There are as many
    entries as there are different statements in the code.
    """

    def get(self, key: Key, default: Any = None) -> Any:
        """The compiled statement, whichever engine's it was."""
        return super().get(key[1:], default)

    def __setitem__(self, key: Key, compiled: Compiled) -> None:
        super().__setitem__(key[1:], compiled)


IN_MEMORY: Final = Compilations()
"""Those of the stores in memory."""
