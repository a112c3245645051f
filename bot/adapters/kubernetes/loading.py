"""Loading the official client's asynchronous half alone; called by `connection` when it is first needed.

The package's own `__init__` brings the synchronous half too, and with that google-auth, requests, oauthlib
and cryptography: 17 MB and most of the time that the import takes, for nothing that the bot uses.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "kubernetes"


def load_client() -> tuple[Any, Any]:
    """The modules `kubernetes.aio.client` and `kubernetes.aio.config`. Slow: call it in a thread."""
    spec = find_spec(_PACKAGE)
    if _PACKAGE not in sys.modules and spec is not None and spec.submodule_search_locations:
        package = ModuleType(_PACKAGE)
        package.__spec__ = spec
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules[_PACKAGE] = package  # its submodules are found through it, as ever
    names = (f"{_PACKAGE}.aio.client", f"{_PACKAGE}.aio.config")
    client, config = (importlib.import_module(name) for name in names)
    return client, config
