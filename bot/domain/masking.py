"""What varies in a line of text (times, numbers, ids) replaced by a mark, so that equal lines fold into one.

Called by the checks `logs` and `events`.
"""

from __future__ import annotations

import re
from typing import Final

# Every digit is as good as another here: lines that differ only in digits always get the same pattern, which
# is what lets a caller remember a pattern by `skeleton`.
_VARYING: Final = re.compile(
    r"(?P<time>\b\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)"
    r"|(?P<id>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
    r"|(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b)"
    r"|(?P<pod>(?<=-)[0-9a-z]{8,10}-[0-9a-z]{5}\b)"
    r"|(?P<hex>\b0[xX][0-9a-fA-F]{1,64}\b|\b(?=[a-fA-F]{0,63}\d)[0-9a-fA-F]{8,128}\b)"
    r"|(?P<n>(?<![A-Za-z_])\d+(?:[.,]\d+)*)"
    r"|(?P<word>\b(?=[A-Za-z_-]{0,31}\d)[A-Za-z0-9_-]{20,256}\b)"
)
_DIGITS: Final = str.maketrans("123456789", "000000000")


def skeleton(line: str) -> str:
    """The line with every digit the same: cheap, and two lines with one skeleton have one pattern."""
    return line.translate(_DIGITS)


def pattern_of(line: str) -> str:
    """The line with a mark such as `<time>`, `<n>` or `<id>` for each part that varies."""
    return _VARYING.sub(lambda found: f"<{'id' if found.lastgroup == 'word' else found.lastgroup}>", line)
