"""For every test: hypothesis does not judge by the clock, because the machine may be busy with other work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

END_TO_END = Path(__file__).parent / "e2e"

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The quick suite does not load what it would deselect: these files bring their clients with them."""
    if collection_path == END_TO_END and config.option.markexpr == "not e2e":
        return True
    return None
