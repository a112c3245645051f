"""A bench of its own for each test."""

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
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """The engines over a store in a file."""
    clock = FrozenClock(auto=True)
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        yield make_bench(store, clock)
