"""The digest of a storm: how bad, of what, the worst, the newest, how to open one. Called by composing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bot.domain.incidents import IncidentState
from bot.domain.severity import Severity
from bot.rendering.blocks import button, context, divider, header, message, section
from bot.rendering.buttons import ActionWord, IncidentButton
from bot.rendering.dates import moment, since, span
from bot.rendering.escaping import bold, mrkdwn
from bot.rendering.firing import COLOURS
from bot.rendering.people import called

if TYPE_CHECKING:
    from bot.domain.incidents import Incident
    from bot.ports.notifier import Block, RenderedMessage
    from bot.rendering.views import DigestView

_WORST: Final = 10
_NEWEST: Final = 5
_NAMES: Final = 8
_SKIPPED: Final = (
    "The checks of these incidents are skipped, so that the storm does not become one for the cluster; "
    "opening one runs them"
)


def digest_message(view: DigestView) -> RenderedMessage:
    """The whole message. It calls people only where `view.mention` says whom."""
    title = digest_headline(view)
    call = f"{called(view.mention)} " if view.mention else ""
    open_now = _open(view)
    worst = open_now[:_WORST]
    newest = sorted(open_now, key=lambda one: (one.opened_at, one.id), reverse=True)
    newest = [one for one in newest if one not in worst][:_NEWEST]
    blocks = [
        header(title),
        *((section(f"{call}{_severities(view) or 'many incidents at once'}"),) if call else ()),
        context(_what_it_is(view)),
        section("\n".join(_counts(view))),
        *_listed("*The worst*", worst, view),
        *_listed("*The newest of the others*", newest, view),
        *((context(_SKIPPED),) if open_now else ()),
        context(f"as of {moment(view.now)}"),
    ]
    return message(f"{call}{title} · {_severities(view) or 'all resolved'}", blocks)


def digest_headline(view: DigestView) -> str:
    """`🌊 Storm: 987 incidents in 4 min`, raw."""
    total = len(view.incidents)
    noun = "incident" if total == 1 else "incidents"
    if view.storm.ended_at is None:
        return f"🌊 Storm: {total} {noun} in {span(view.now - view.storm.began_at)}"
    left = len(_open(view))
    lasted = span(view.storm.ended_at - view.storm.began_at)
    if not left:
        return f"✅ Storm over after {lasted}: {total} {noun}, all resolved"
    return f"🌤️ Storm over after {lasted}: {left} of {total} {noun} still open"


def _what_it_is(view: DigestView) -> str:
    if view.storm.ended_at is None:
        return (
            f"{since(view.storm.began_at, view.now)} · so many began at once that they are gathered here; "
            "each keeps its number, and *Open* gives one its own message"
        )
    return "New incidents have their own messages again; these stay here, and *Open* gives one its own"


def _open(view: DigestView) -> list[Incident]:
    return [one for one in view.incidents if one.state is not IncidentState.RESOLVED]


def _severities(view: DigestView) -> str:
    counts = Counter(one.severity for one in _open(view))
    return " · ".join(
        f"{COLOURS[level]} {counts[level]} {level.value}" for level in Severity if counts[level]
    )


def _counts(view: DigestView) -> list[str]:
    open_now = _open(view)
    acknowledged = sum(one.state is IncidentState.ACKNOWLEDGED for one in open_now)
    resolved = len(view.incidents) - len(open_now)
    lines = [
        " · ".join(
            part
            for part in (
                _severities(view) or "Nothing is open any more",
                f"👀 {acknowledged} acknowledged" if acknowledged else "",
                f"✅ {resolved} resolved" if resolved else "",
            )
            if part
        )
    ]
    shown = open_now or list(view.incidents)
    lines.append(f"*Alerts:* {_names(Counter(one.title for one in shown))}")
    lines.append(f"*Services:* {_names(Counter(one.key.service or 'no service' for one in shown))}")
    return lines


def _names(counts: Counter[str]) -> str:
    named = [f"{count} {bold(name, 80)}" for name, count in counts.most_common(_NAMES)]
    rest = len(counts) - _NAMES
    return f"{', '.join(named)}{f' and {rest} more' if rest > 0 else ''}"


def _listed(title: str, found: list[Incident], view: DigestView) -> list[Block]:
    if not found:
        return []
    return [divider(), context(title), *(_line(one, view) for one in found)]


def _line(incident: Incident, view: DigestView) -> Block:
    who = " · 👀 acknowledged" if incident.state is IncidentState.ACKNOWLEDGED else ""
    labels = " ".join(f"{name}={value}" for name, value in sorted(incident.group_labels.items()))
    told = f" · {mrkdwn(labels, 120)}" if labels else ""
    words = (
        f"{COLOURS[incident.severity]} {bold(incident.title, 80)} · #{incident.id} · "
        f"{since(incident.opened_at, view.now)}{told}{who}"
    )
    opens = button(ActionWord.OPEN, "Open", IncidentButton(incident_id=incident.id), suffix=str(incident.id))
    return section(words, accessory=opens)
