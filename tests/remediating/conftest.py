"""The bench of the approvals: what is done begins with what was granted."""

from __future__ import annotations

from tests.approving.conftest import bench

__all__ = ["bench"]
