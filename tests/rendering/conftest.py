"""The switch that rewrites the golden files: `pytest tests/rendering --update-goldens`."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch."""
    parser.addoption("--update-goldens", action="store_true", help="rewrite tests/rendering/goldens")


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    """Whether to write what is drawn in place of comparing it."""
    return bool(request.config.getoption("--update-goldens", default=False))
