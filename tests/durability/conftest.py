"""Both databases, as the store's own tests have them."""

from __future__ import annotations

from tests.store.conftest import postgres_server, url

__all__ = ["postgres_server", "url"]
