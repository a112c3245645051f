"""An incident's timeline in Markdown, for the review: how long things took, what happened, who decided what.

Called by `lightship incident timeline` and by the engine that puts it into the thread as a file.
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from bot.domain.incidents import IncidentState
from bot.rendering.dates import span
from bot.rendering.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from bot.domain.events import Event
    from bot.domain.files import KeptPicture
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident
    from bot.rendering.views import TimelineView

_PERSON: Final = re.compile(r"<@([A-Z0-9]+)>")
_GROUP: Final = re.compile(r"<!subteam\^([A-Z0-9]+)>")
_DATE: Final = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_BOLD: Final = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_MARKS: Final = str.maketrans({sign: f"\\{sign}" for sign in "|[]"})
_CELL: Final = 600
_MOST_EMBEDDED: Final = 1_500_000
"""Bytes of pictures in one document."""


class Graphs(StrEnum):
    """How the document has its graphs.

    Named in words, for a terminal; linked as files beside it, which every viewer of Markdown shows; embedded
    as data URIs at its end, so that one file holds all: many viewers show those, code forges do not.
    """

    NAMED = "named"
    LINKED = "linked"
    EMBEDDED = "embedded"


def timeline_markdown(view: TimelineView, *, graphs: Graphs = Graphs.NAMED) -> str:
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
    if view.pictures:
        lines += ["", "## Graphs", *_graphs(view, graphs)]
    verify = f"`lightship audit verify --head {view.head.short}`"
    lines += ["", f"As of {_time(view.now)}. {verify} tells whether the audit was changed."]
    if graphs is Graphs.EMBEDDED:
        lines += _embedded(view)
    return "\n".join(lines) + "\n"


def incident_markdown(incident: Incident, *, cause: str = "") -> str:
    """One incident in a few lines, with the cause that its message names, if any."""
    named = [f"- Cause: {_plain(cause)}"] if cause else []
    return (
        "\n".join([f"# Incident {incident.id}: {_plain(incident.title)}", "", *_facts(incident), *named])
        + "\n"
    )


def incidents_markdown(incidents: Sequence[Incident]) -> str:
    """A table of incidents, in the order given."""
    rows = [
        f"| #{one.id} | {one.severity.value} | {one.state.value} | {_time(one.opened_at)} "
        f"| {_plain(one.key.service)} | {_plain(one.title)} |"
        for one in incidents
    ]
    head = ["| Incident | Severity | State | Opened | Service | Title |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def plain_sentence(event: Event) -> str:
    """What happened in one sentence without marks, on one line; entities stay, HTML reads them."""
    return _BOLD.sub(r"\1", _unslacked(event)).replace("`", "")[:_CELL]


def harmless(text: str) -> str:
    """Text from outside on one line, without effect in HTML."""
    line = "".join(sign if sign.isprintable() else " " for sign in text[:_CELL])
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def graph_file(view: TimelineView, number: int) -> str:
    """The name of the file of the graph with that number, from one."""
    return f"incident-{view.incident.id}-graph-{number}.png"


def _graphs(view: TimelineView, graphs: Graphs) -> Iterator[str]:
    embedded = _fit(view.pictures) if graphs is Graphs.EMBEDDED else len(view.pictures)
    for number, picture in enumerate(view.pictures, start=1):
        said = f"{_plain(picture.title)}, {_time(picture.at)}"
        alt = _plain(picture.alt_text or picture.title)
        if graphs is Graphs.NAMED or number > embedded:
            yield from ("", f"- {said}")
        elif graphs is Graphs.LINKED:
            yield from ("", f"{said}:", "", f"![{alt}]({graph_file(view, number)})")
        else:
            yield from ("", f"{said}:", "", f"![{alt}][graph-{number}]")
    if graphs is Graphs.NAMED:
        command = f"lightship incident timeline {view.incident.id} --out FOLDER"
        yield from ("", f"`{command}` writes them beside this document.")
    elif number > embedded:
        yield from ("", "The rest is in the thread.")


def _embedded(view: TimelineView) -> Iterator[str]:
    """The definitions behind the references, at the end, where nobody has to read past them."""
    for number, picture in enumerate(view.pictures[: _fit(view.pictures)], start=1):
        yield from ("", f"[graph-{number}]: data:image/png;base64,{b64encode(picture.content).decode()}")


def _fit(pictures: Sequence[KeptPicture]) -> int:
    """How many of the pictures fit into one document."""
    sizes = accumulate(len(picture.content) for picture in pictures)
    return sum(1 for size in sizes if size <= _MOST_EMBEDDED)


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
    text = _BOLD.sub(r"**\1**", _unslacked(event))
    return text.translate(_MARKS)[:_CELL]


def _unslacked(event: Event) -> str:
    """The sentence with people and times as words, on one line."""
    text = _DATE.sub(r"\1", sentence(event))
    text = _GROUP.sub(r"@\1", _PERSON.sub(r"@\1", text))
    return " ".join(text.split())


def _finding(finding: Finding) -> str:
    why = f" ({_plain(finding.reason)})" if finding.reason else ""
    said = f"{finding.verdict.value}, {_plain(finding.summary)}{why}"
    return f"- {_plain(finding.check)}, {_time(finding.observed_at)}: {said}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _plain(text: str) -> str:
    """Text from outside on one line, its marks without effect in Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", harmless(text))
