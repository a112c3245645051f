"""The sample service needs the group `examples`, which `make e2e` installs and `make test` does without."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("fastapi") else ["test_*.py"]
