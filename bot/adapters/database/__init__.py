"""The store on SQLite or PostgreSQL, one code for both. `bot.bootstrap` and the tests open it; nobody else.

`connect` gives a store, `upgrade` brings its tables to this version, `open_store` does both for one block;
`store_in_memory` is for rehearsals.
"""

from __future__ import annotations

from bot.adapters.database.drift_reports import PublishedReports
from bot.adapters.database.engine import StoreLimits
from bot.adapters.database.opening import missing_file
from bot.adapters.database.store import SqlStore, connect, open_store, store_in_memory
from bot.adapters.database.upgrading import empty_store, upgrade

__all__ = [
    "PublishedReports",
    "SqlStore",
    "StoreLimits",
    "connect",
    "empty_store",
    "missing_file",
    "open_store",
    "store_in_memory",
    "upgrade",
]
