"""The fingerprint that Prometheus gives a label set; the webhook door calls it where an alert has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_OFFSET: Final = 14695981039346656037
_PRIME: Final = 1099511628211
_MASK: Final = 2**64 - 1
_SEPARATOR: Final = b"\xff"


def fingerprint(labels: Mapping[str, str]) -> str:
    """FNV-1a over the sorted labels, as `model.LabelSet.Fingerprint` does it; sixteen hexadecimal digits."""
    content = bytearray()
    for name in sorted(labels, key=lambda label: label.encode("utf-8", "surrogatepass")):
        for text in (name, labels[name]):
            content += text.encode("utf-8", "surrogatepass") + _SEPARATOR
    digest = _OFFSET
    for byte in content:
        digest = ((digest ^ byte) * _PRIME) & _MASK
    return f"{digest:016x}"
