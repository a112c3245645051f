"""What varies in a line of text (times, numbers, ids) replaced by a mark, so that equal lines fold into one.

Called by the checks `logs` and `events`, once for each line: half a million lines have to fold in seconds.
"""

from __future__ import annotations

import re
from typing import Final

# A word with a digit in it, and what hangs on it as in a time, an address, a UUID or a pod's name.
_VARYING: Final = re.compile(
    r"\b(?![45]\d\d\b)[^\W\d]*+\d\w*(?:[.:,+-](?:\d\w*|[0-9a-f]{4,12}\b|[0-9a-z]{5}\b))*", re.ASCII
)
_STATUS: Final = re.compile(r"\b([45])\d\d\b", re.ASCII)


def pattern_of(line: str) -> str:
    """The line with `#` for each part that varies.

    Numbers from 400 to 599 keep their first digit: they may be HTTP statuses, and a 500 is no 200.
    """
    masked = _VARYING.sub("#", line)
    return _STATUS.sub(r"\1xx", masked) if "4" in masked or "5" in masked else masked
