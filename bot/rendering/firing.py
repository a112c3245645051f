"""What is firing, worst first, folded where there is much of it. Called by `incidents` and `answers`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bot.domain.severity import Severity
from bot.rendering.dates import since
from bot.rendering.escaping import bold, code, mrkdwn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.domain.alerts import Alert
    from bot.rendering.views import AlertLine

COLOURS: Final = {Severity.P1: "🔴", Severity.P2: "🟠", Severity.P3: "🟡", Severity.P4: "🔵"}
SHOWN: Final = 5
_NAMES_SHOWN: Final = 8
_LABELS_SHOWN: Final = 6
_SAID_ELSEWHERE: Final = frozenset({"alertname", "severity"})


def alert_texts(
    lines: Sequence[AlertLine], *, group_labels: Mapping[str, str], now: datetime, shown: int = SHOWN
) -> tuple[str, ...]:
    """Each of the first alerts as escaped mrkdwn below 2,500 characters."""
    hidden = _labels_of_all(lines) if len(lines) > 1 else dict(group_labels)
    return tuple(_alert_text(line, hidden, now) for line in lines[:shown])


def folded_text(lines: Sequence[AlertLine], *, truncated: int, shown: int = SHOWN) -> str:
    """What is not shown, counted by alert name, and what Alertmanager left out; empty where all is shown."""
    parts = []
    rest = lines[shown:]
    if rest:
        names = Counter(line.alert.name for line in rest)
        counts = [f"{count} {bold(name, 120)}" for name, count in list(names.items())[:_NAMES_SHOWN]]
        others = len(names) - _NAMES_SHOWN
        if others > 0:
            counts.append(f"{others} other {'name' if others == 1 else 'names'}")
        parts.append(f"and {len(rest)} more: {', '.join(counts)}")
    if truncated > 0:
        parts.append(f"Alertmanager left {truncated} more out of its message")
    return " · ".join(parts)


def _alert_text(line: AlertLine, hidden: Mapping[str, str], now: datetime) -> str:
    alert = line.alert
    rows = [f"{COLOURS[line.severity]} {bold(alert.name, 200)} · {since(alert.starts_at, now)}"]
    rows += [
        mrkdwn(text, limit)
        for text, limit in ((_summary(alert), 300), (alert.annotations.get("description", ""), 400))
        if text.strip()
    ]
    values = _values(alert)
    labels = _labels(alert, hidden)
    rows += [" · ".join(part for part in (values, labels) if part)] if values or labels else []
    return "\n".join(rows)


def _summary(alert: Alert) -> str:
    return alert.annotations.get("summary") or alert.annotations.get("message") or ""


def summary_of(alert: Alert) -> str:
    """The one line that the alert says of itself, raw; empty where it says nothing."""
    return _summary(alert) or alert.annotations.get("description") or ""


def _values(alert: Alert) -> str:
    said = [(word, alert.annotations.get(word, "")) for word in ("value", "threshold")]
    return " · ".join(f"{word} {bold(text, 80)}" for word, text in said if text.strip())


def _labels(alert: Alert, hidden: Mapping[str, str]) -> str:
    differing = [
        (name, value)
        for name, value in sorted(alert.labels.items())
        if name not in _SAID_ELSEWHERE and hidden.get(name) != value
    ]
    shown = [code(f"{name}={value}", 120) for name, value in differing[:_LABELS_SHOWN]]
    rest = len(differing) - _LABELS_SHOWN
    return " ".join([*shown, f"+{rest}"] if rest > 0 else shown)


def _labels_of_all(lines: Sequence[AlertLine]) -> dict[str, str]:
    common = dict(lines[0].alert.labels)
    for line in lines[1:]:
        labels = line.alert.labels
        common = {name: value for name, value in common.items() if labels.get(name) == value}
    return common
