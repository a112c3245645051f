"""The sample service needs the group `examples`, which `make e2e` installs and `make test` does without."""

from __future__ import annotations

import importlib.util

# FastAPI alone proves nothing: other packages bring it too.
_NEEDED = ("fastapi", "httpx", "sklearn", "uvicorn")

collect_ignore_glob = [] if all(map(importlib.util.find_spec, _NEEDED)) else ["test_*.py"]
