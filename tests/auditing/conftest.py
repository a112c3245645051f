"""The bench of the approving engines, over a store whose audit is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.testing import FrozenClock
from tests.acting import Bench, make_bench
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where the store is."""
    return f"sqlite+aiosqlite:///{tmp_path}/lightship.db"


@pytest.fixture
async def bench(url: str) -> AsyncIterator[Bench]:
    """The engines over a store in a file."""
    clock = FrozenClock(auto=True)
    async with open_store(url, clock=clock, audit_key=b"a key") as store:
        yield make_bench(store, clock)
