"""Compressed webhook bodies, unpacked within a bound; the webhook door calls it, in a thread.

The HTTP library would unpack in the event loop, as much as a body unpacks to: two hundred kilobytes can hold
the loop for a second. So the server leaves bodies as they come, and this stops at the limit.
"""

from __future__ import annotations

import zlib
from typing import Final

PLAIN: Final = frozenset({"", "identity"})
PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS


class TooMuchError(ValueError):
    """A body that unpacks to more than is taken."""


def unpacked(body: bytes, *, encoding: str, limit: int) -> bytes:
    """What a body holds; `encoding` is its Content-Encoding in lower case, `limit` counts bytes.

    Raises TooMuchError above the limit, and ValueError where it is not packed as it says.
    """
    if encoding in PLAIN:
        return body
    if encoding not in PACKED:
        raise ValueError("the encoding is unknown")
    unpacking = zlib.decompressobj(_ZLIB_OR_GZIP)
    try:
        plain = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise ValueError("it is not packed as it says") from error
    if len(plain) > limit:
        raise TooMuchError(f"it unpacks to more than {limit} bytes")
    if not unpacking.eof:
        raise ValueError("its end is missing")
    return plain
