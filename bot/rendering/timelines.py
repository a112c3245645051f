"""An incident's timeline in Markdown, for the review: how long things took, what happened, who decided what.

Called by `lightship incident timeline` and by the engine that puts it into the thread as a file.
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Final

from bot.domain.incidents import IncidentState
from bot.rendering.dates import span
from bot.rendering.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.domain.events import Event
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident
    from bot.rendering.views import TimelineView

_PERSON: Final = re.compile(r"<@([A-Z0-9]+)>")
_GROUP: Final = re.compile(r"<!subteam\^([A-Z0-9]+)>")
_DATE: Final = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_BOLD: Final = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_MARKS: Final = str.maketrans({sign: f"\\{sign}" for sign in "|[]"})
_CELL: Final = 600


def timeline_markdown(view: TimelineView) -> str:
    """The whole document, ending in a line break."""
    incident = view.incident
    lines = [
        f"# Incident {incident.id}: {_plain(incident.title)}",
        "",
        *_facts(incident),
        "",
        "## What happened",
        "",
        "| Time (UTC) | What | Audit |",
        "|---|---|---|",
        *(_row(event, view.audited) for event in view.events),
    ]
    if view.findings:
        lines += ["", "## What the checks found last", "", *map(_finding, view.findings)]
    verify = f"`lightship audit verify --head {view.head.short}`"
    lines += ["", f"As of {_time(view.now)}. {verify} tells whether the audit was changed."]
    return "\n".join(lines) + "\n"


def timings(incident: Incident) -> Mapping[str, float | None]:
    """Seconds to the acknowledgement and to the end; None where it has not come."""
    return {
        "seconds_to_acknowledge": _seconds(incident.opened_at, incident.acknowledged_at),
        "seconds_to_resolve": _seconds(incident.opened_at, incident.resolved_at),
    }


def _seconds(begun: datetime, ended: datetime | None) -> float | None:
    return (ended - begun).total_seconds() if ended is not None else None


def _facts(incident: Incident) -> Sequence[str]:
    facts = [
        f"- Service: {_plain(incident.key.service) or 'none'}",
        f"- Severity: {incident.severity.value}",
        f"- Opened: {_time(incident.opened_at)}",
    ]
    if incident.acknowledged_at is not None:
        took = span(incident.acknowledged_at - incident.opened_at)
        by = f" by @{incident.acknowledged_by.id}" if incident.acknowledged_by else ""
        facts.append(f"- Time to acknowledge (MTTA): {took}{by}")
    else:
        facts.append("- Time to acknowledge (MTTA): nobody acknowledged it")
    if incident.state is IncidentState.RESOLVED and incident.resolved_at is not None:
        took = span(incident.resolved_at - incident.opened_at)
        how = incident.resolution.value.replace("_", " ") if incident.resolution else "resolved"
        facts.append(f"- Time to resolve (MTTR): {took} ({how})")
    else:
        facts.append("- Time to resolve (MTTR): it is open still")
    if incident.runbook:
        facts.append(f"- Runbook: {_plain(incident.runbook)}")
    return facts


def _row(event: Event, audited: Mapping[str, int]) -> str:
    number = audited.get(event.id)
    return f"| {event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} | {_said(event)} | {number or ''} |"


def _said(event: Event) -> str:
    """The sentence of the thread, its Slack marks as Markdown's; entities stay, Markdown reads them."""
    text = _DATE.sub(r"\1", sentence(event))
    text = _GROUP.sub(r"@\1", _PERSON.sub(r"@\1", text))
    text = _BOLD.sub(r"**\1**", " ".join(text.split()))
    return text.translate(_MARKS)[:_CELL]


def _finding(finding: Finding) -> str:
    why = f" ({_plain(finding.reason)})" if finding.reason else ""
    said = f"{finding.verdict.value}, {_plain(finding.summary)}{why}"
    return f"- {_plain(finding.check)}, {_time(finding.observed_at)}: {said}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _plain(text: str) -> str:
    """Text from outside on one line, its marks without effect in Markdown or HTML."""
    line = "".join(sign if sign.isprintable() else " " for sign in text[:_CELL])
    safe = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", safe)
