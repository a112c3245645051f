"""The files that Lightship ships beside its code: the example configuration and the runbooks.

In a checkout they stand at the top; a wheel carries them in `bot/shipped_files`. Asked by the demo and by
`lightship rehearse`.
"""

from __future__ import annotations

from pathlib import Path

_IN_WHEEL = Path(__file__).parent / "shipped_files"
_IN_CHECKOUT = Path(__file__).parents[1]


def shipped(name: str) -> Path:
    """The path of a shipped file or folder, such as `runbooks`. Raises FileNotFoundError where it is not."""
    for root in (_IN_WHEEL, _IN_CHECKOUT):
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(f"{name} was not installed with Lightship")
