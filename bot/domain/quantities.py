"""Kubernetes quantities: `250m`, `1.5Gi`, `2e3`, as numbers and back as people write them.

Called by the pods check, the scaling remediation (quota) and the rehearsal world.
"""

from __future__ import annotations

import math
import re
from typing import Final

_QUANTITY: Final = re.compile(
    r"\s*([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))(?:[eE]([+-]?\d{1,3})|([A-Za-z]{0,2}))\s*"
)
_FACTORS: Final = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}


def parse_quantity(text: object) -> float | None:
    """The number that a quantity stands for, in its base unit; None where it is none."""
    found = _QUANTITY.fullmatch(str(text)) if isinstance(text, str | int | float) else None
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    factor = _FACTORS.get(suffix or "") if exponent is None else 10.0 ** min(int(exponent), 300)
    if factor is None:
        return None
    value = float(number) * factor
    return value if math.isfinite(value) else None


def format_cores(cores: float) -> str:
    """CPU as `kubectl top` writes it: `250m`, from ten cores on `12.5`."""
    return f"{cores:.4g}" if cores >= 10 else f"{round(cores * 1000)}m"  # noqa: PLR2004 - ten cores, as said


def format_bytes(count: float) -> str:
    """Memory in the largest binary unit that leaves at least one: `512Mi`, `1.5Gi`."""
    for suffix in ("Ti", "Gi", "Mi", "Ki"):
        if count >= _FACTORS[suffix]:
            return f"{count / _FACTORS[suffix]:.4g}{suffix}"
    return f"{count:.4g}"
