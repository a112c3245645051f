"""An incident's message, for somebody half asleep: how bad, what, since when, who has it, what to press.

Called by the composing engine for every revision; the blocks stay within Slack's limits for any alert group.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bot.domain.incidents import IncidentState, Resolution, Suppression
from bot.rendering.blocks import TEXT, context, divider, header, message, section
from bot.rendering.cause_words import first_words
from bot.rendering.causes import cause_blocks
from bot.rendering.dates import moment, since, since_utc, span
from bot.rendering.escaping import bold, code, link, mrkdwn, plain
from bot.rendering.firing import COLOURS, alert_texts, folded_text, summary_of
from bot.rendering.people import called, person
from bot.rendering.procedures import other_findings, runbook_blocks
from bot.rendering.responses import offer_row, response_row

if TYPE_CHECKING:
    from bot.ports.notifier import Block, RenderedMessage
    from bot.rendering.views import IncidentView

_OTHERS_SHOWN: Final = 5
_LINKS_SHOWN: Final = 8
_ENDED_NAMES: Final = 8


def incident_message(view: IncidentView) -> RenderedMessage:
    """The whole message. It calls people only where `view.mention` says whom."""
    return message(
        _story(view),
        (
            *_top(view),
            *_firing(view),
            *_causes(view),
            *response_row(view),
            *offer_row(view),
            *_runbook(view),
            *_bottom(view),
        ),
    )


def incident_headline(view: IncidentView) -> str:
    """`🔴 P1 firing · HighLatency · #12`, raw and at most 150 characters."""
    incident = view.incident
    mark = COLOURS[incident.severity]
    if incident.state is IncidentState.RESOLVED:
        mark = "⚠️" if view.firing else "✅"
    start, end = f"{mark} {incident.severity.value} {_state_words(view)} · ", f" · #{incident.id}"
    return f"{start}{plain(incident.title, 148 - len(start) - len(end))}{end}"


def _state_words(view: IncidentView) -> str:
    incident = view.incident
    match incident.state:
        case IncidentState.TRIGGERED:
            return _firing_words(view) if view.firing else "open"
        case IncidentState.ACKNOWLEDGED:
            return "acknowledged"
        case IncidentState.RESOLVED:
            return "resolved, still firing" if view.firing else "resolved"


def _firing_words(view: IncidentView) -> str:
    """`firing`, or `silenced` and `inhibited` where Alertmanager notifies of none of the alerts."""
    how = _suppressed(view)
    if how.total() < len(view.firing):
        return "firing"
    return Suppression.SILENCED.value if how[Suppression.SILENCED] else Suppression.INHIBITED.value


def _suppressed(view: IncidentView) -> Counter[Suppression]:
    """How many of the firing alerts Alertmanager keeps to itself, and why."""
    known = view.incident.suppressed
    names = (line.alert.fingerprint for line in view.firing)
    return Counter(known[name] for name in names if name in known)


def _suppressed_words(view: IncidentView) -> str:
    """`Of 3 alerts 1 silenced and 1 inhibited in Alertmanager`; empty where all are heard."""
    how = _suppressed(view)
    parts = [f"{how[word]} {word.value}" for word in Suppression if how[word]]
    if not parts:
        return ""
    if len(view.firing) == 1:
        return f"🔕 {next(iter(how)).value.capitalize()} in Alertmanager"
    if len(parts) == 1 and how.total() == len(view.firing):
        return f"🔕 All {len(view.firing)} alerts are {next(iter(how)).value} in Alertmanager"
    return f"🔕 Of {len(view.firing)} alerts {' and '.join(parts)} in Alertmanager"


def _top(view: IncidentView) -> tuple[Block, ...]:
    incident = view.incident
    open_still = incident.state is not IncidentState.RESOLVED
    began = since(incident.opened_at, view.now) if open_still else f"opened {moment(incident.opened_at)}"
    parts = [bold(incident.key.service, 120), began, *_standing(view)]
    lines = [" · ".join(parts)]
    if incident.silence is not None and incident.silence.ends_at > view.now:
        mark = incident.silence
        why = f": {mrkdwn(mark.reason, 200)}" if mark.reason.strip() else ""
        lines.append(f"🔕 Silenced until {moment(mark.ends_at)} by {person(mark.by)}{why}")
    elif words := _suppressed_words(view):
        lines.append(words)
    if view.other_open:
        named = [
            f"{COLOURS[other.severity]} #{other.id} {mrkdwn(other.title, 80)}"
            for other in view.other_open[:_OTHERS_SHOWN]
        ]
        rest = len(view.other_open) - _OTHERS_SHOWN
        lines.append(f"Also open: {', '.join(named)}{f' and {rest} more' if rest > 0 else ''}")
    call = (section(f"{called(view.mention)} {_call_words(view)}"),) if view.mention else ()
    return (header(incident_headline(view)), *call, context("\n".join(lines)))


def _call_words(view: IncidentView) -> str:
    again = "again " if view.incident.reopened else ""
    return f"{view.incident.severity.value} {again}in {code(view.incident.key.service, 120)}"


def _standing(view: IncidentView) -> list[str]:
    """Who has it or how it ended, and how often it came back."""
    incident = view.incident
    said = []
    if incident.state is IncidentState.RESOLVED:
        ended = incident.resolved_at or incident.updated_at
        at = f"{moment(ended)} after {span(ended - incident.opened_at)}"
        match incident.resolution:
            case Resolution.GONE:
                said.append(f"*no longer in Alertmanager, resolve not received*, closed {at}")
            case Resolution.BY_HAND:
                still = ", still firing" if view.firing else ""
                said.append(f"*resolved by {person(incident.resolved_by)}{still}*, {at}")
            case _:
                said.append(f"resolved {at}")
    elif incident.acknowledged_by is not None:
        at = f" {moment(incident.acknowledged_at)}" if incident.acknowledged_at else ""
        said.append(f"👀 acknowledged by {person(incident.acknowledged_by)}{at}")
    else:
        said.append("*nobody has it yet*")
    if incident.reopened:
        said.append(f"reopened {'once' if incident.reopened == 1 else f'{incident.reopened} times'}")
    return said


def _firing(view: IncidentView) -> tuple[Block, ...]:
    texts = alert_texts(view.firing, group_labels=view.incident.group_labels, now=view.now)
    folded = folded_text(view.firing, truncated=view.incident.truncated)
    blocks = [section(text) for text in texts or (_nothing_fires(view),)]
    return (*blocks, context(folded)) if folded else tuple(blocks)


def _causes(view: IncidentView) -> tuple[Block, ...]:
    return () if view.incident.state is IncidentState.RESOLVED else cause_blocks(view)


def _runbook(view: IncidentView) -> tuple[Block, ...]:
    if view.incident.state is IncidentState.RESOLVED:
        return ()
    others = other_findings(view.runbook, view.findings, now=view.now)
    if view.runbook is None:
        return (context("No runbook matches this alert"), *others)
    return (divider(), *runbook_blocks(view.runbook, incident_id=view.incident.id, now=view.now), *others)


def _nothing_fires(view: IncidentView) -> str:
    names = Counter(tracked.alert.name for tracked in view.incident.alerts)
    named = [f"{count} {bold(name, 120)}" for name, count in list(names.items())[:_ENDED_NAMES]]
    rest = len(names) - _ENDED_NAMES
    ended = f"{', '.join(named)}{f' and {rest} more' if rest > 0 else ''}"
    if view.incident.state is IncidentState.RESOLVED:
        return f"Was firing: {ended}" if named else "Nothing fires any more."
    return f"Nothing of it fires now. Was firing: {ended}" if named else "Nothing of it fires now."


def _bottom(view: IncidentView) -> tuple[Block, ...]:
    links = [link(found.url, found.label, 2_900 // _LINKS_SHOWN) for found in view.links[:_LINKS_SHOWN]]
    shown = (context(" · ".join(links)),) if links else ()
    return (*shown, context(f"#{view.incident.id} · as of {moment(view.now)}"))


def _story(view: IncidentView) -> str:
    """The whole story in one line, for notifications and screen readers."""
    incident = view.incident
    words = [mrkdwn(incident_headline(view), 400), code(incident.key.service, 120)]
    if incident.state is not IncidentState.RESOLVED:
        words.append(since_utc(incident.opened_at, view.now))
    words += _standing(view)
    count = len(view.firing) + incident.truncated
    if count > 1:
        words.append(f"{count} alerts fire")
    if incident.silence is not None and incident.silence.ends_at > view.now:
        words.append("silenced")
    elif quiet := _suppressed_words(view):
        words.append(quiet)
    said = summary_of(view.firing[0].alert) if view.firing else ""
    if said.strip():
        words.append(mrkdwn(said, 1_000))
    if view.ranking is not None and view.ranking.first and incident.state is not IncidentState.RESOLVED:
        words.append(mrkdwn(first_words(view.ranking, with_evidence=False), 300))
    call = f"{called(view.mention)} " if view.mention else ""
    story = f"{call}{' · '.join(words)}"
    return story if len(story) <= TEXT else f"{call}{words[0]}"
