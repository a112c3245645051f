"""When something was, so that nobody has to reckon: in the reader's own time zone, with its age.

Slack draws `<!date^…>` in the time zone of whoever reads; notifications and screen readers get UTC. An age is
true at the moment of drawing, so whatever shows one says as of when. Used by all renderers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 2, tzinfo=UTC)
_SPANS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_A_DAY: Final = timedelta(days=1)
_DRAWN: Final = re.compile(r"<!date\^[^|<>]*\|([^<>]*)>")


def span(length: timedelta) -> str:
    """A length of time as people say it, its two largest units: `12 min`, `2 h 5 min`, `3 d`, `40 s`."""
    seconds = max(0, int(length.total_seconds()))
    for place, (unit, size) in enumerate(_SPANS):
        if seconds >= size:
            words = f"{seconds // size} {unit}"
            if unit in {"d", "h"}:
                lesser, lesser_size = _SPANS[place + 1]
                rest = (seconds % size) // lesser_size
                words += f" {rest} {lesser}" if rest else ""
            return words
    return "0 s"


def age(at: datetime, now: datetime) -> str:
    """`3 min ago`, `in 3 min`, `just now`."""
    if abs(now - at) < timedelta(seconds=1):
        return "just now"
    return f"{span(now - at)} ago" if at < now else f"in {span(at - now)}"


def utc(at: datetime, now: datetime | None = None) -> str:
    """`14:05 UTC`, with the date where it is not within a day of `now`; for plain text."""
    there = at.astimezone(UTC)
    near = now is not None and abs(now - at) < _A_DAY
    clock = f"{there.hour:02}:{there.minute:02} UTC"
    return clock if near else f"{there.date().isoformat()} {clock}"


def moment(at: datetime) -> str:
    """Slack's date: `today 14:05` in the reader's time zone, UTC where dates are not drawn."""
    if at < _EPOCH:
        return utc(at)  # the zero time of a broken sender; Slack draws no dates before its epoch
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{utc(at)}>"


def since(at: datetime, now: datetime) -> str:
    """`since today 14:05 (12 min)`, for mrkdwn."""
    return f"since {moment(at)} ({span(now - at)})" if at >= _EPOCH else "since an unknown time"


def since_utc(at: datetime, now: datetime) -> str:
    """`since 14:05 UTC (12 min)`, for plain text."""
    return f"since {utc(at, now)} ({span(now - at)})" if at >= _EPOCH else "since an unknown time"


def spelled_out(text: str) -> str:
    """`text` with UTC in place of Slack's dates, which notifications do not draw."""
    return _DRAWN.sub(r"\1", text)
