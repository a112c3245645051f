"""Private answers to slash commands and presses: short, and with the next thing to type or press.

Called by the doors. `command` is the slash command with its slash, such as `/shop`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.commands import OutcomeReason
from bot.rendering.approvals import plan_words
from bot.rendering.blocks import SECTION, TEXT, context, divider, header, joined, message, section
from bot.rendering.dates import age, moment, since, span
from bot.rendering.escaping import bold, code, mrkdwn, units
from bot.rendering.findings import finding_line
from bot.rendering.firing import COLOURS, alert_texts, folded_text
from bot.rendering.freezes import frozen_line
from bot.rendering.people import person, with_people
from bot.rendering.procedures import runbook_blocks
from bot.rendering.sentences import timeline_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.domain.commands import Outcome
    from bot.ports.notifier import RenderedMessage
    from bot.rendering.views import (
        AlertsView,
        IncidentLine,
        IncidentsView,
        OpenIncidentLine,
        RunbookView,
        StatusView,
        TimelineView,
    )

_LISTED: Final = 15
_ALERTS: Final = 20
_EVENTS: Final = 100
_TIMELINE_SIZE: Final = 9_000
_RUNBOOK_STEPS: Final = 40
_OUTCOME_MARKS: Final = {
    OutcomeReason.DONE: "✅",
    OutcomeReason.NOT_FOUND: "❔",
    OutcomeReason.ALREADY: "👌",
    OutcomeReason.REFUSED: "🚫",
    OutcomeReason.UNAVAILABLE: "⚠️",
}


def sentence_answer(mark: str, words: str) -> RenderedMessage:
    """One sentence, raw."""
    text = f"{mark} {mrkdwn(words, 2_900)}"
    return message(text, (section(text),))


def outcome_answer(outcome: Outcome) -> RenderedMessage:
    """What became of a command; the people that the engine names show as people."""
    escaped = mrkdwn(outcome.sentence, 2_900)
    # Refusals and failures quote clusters and other programs, whose `<@U…>` is no person of ours.
    ours = outcome.reason in {OutcomeReason.DONE, OutcomeReason.ALREADY}
    text = f"{_OUTCOME_MARKS[outcome.reason]} {with_people(escaped) if ours else escaped}"
    return message(text, (section(text),))


def error_answer(words: str) -> RenderedMessage:
    """Something that could not be done or looked up; `words` are for people and hold no secret."""
    return sentence_answer("⚠️", words)


def help_answer(command: str, words: Sequence[tuple[str, str]]) -> RenderedMessage:
    """All words of a command: how each is written, and what it does."""
    lines = [f"{code(f'{command} {usage}'.strip(), 200)}  {mrkdwn(does, 200)}" for usage, does in words]
    title = f"What {code(command, 60)} can do"
    return message(joined([title, *lines], TEXT), (section(joined([f"*{title}*", *lines])),))


def unknown_word_answer(command: str, word: str, nearest: str | None) -> RenderedMessage:
    """A word that the command does not have, with the nearest one that it has."""
    meant = f" Did you mean {code(f'{command} {nearest}', 120)}?" if nearest else ""
    text = f"❔ There is no {code(word, 80)}.{meant} {code(f'{command} help', 80)} lists all words."
    return message(text, (section(text),))


def which_incident_answer(command: str, word: str, open_ones: Sequence[OpenIncidentLine]) -> RenderedMessage:
    """Several incidents are open, so one has to be named; or none is."""
    if not open_ones:
        return sentence_answer("✅", "No incident is open.")
    lines = [
        f"{code(f'{command} {word} {one.id}', 100)}  {COLOURS[one.severity]} {mrkdwn(one.title, 120)}"
        for one in open_ones[:_LISTED]
    ]
    rest = len(open_ones) - _LISTED
    lines += [f"and {rest} more"] if rest > 0 else []
    text = f"Which one? {_count(len(open_ones), 'open incident')}."
    return message(joined([text, *lines], TEXT), (section(joined([f"*{text}*", *lines])),))


def incidents_answer(view: IncidentsView) -> RenderedMessage:
    """The open incidents of a service."""
    return _listing(view.service, _incident_lines(view.open, view.now), len(view.open), view.now)


def _listing(service: str, lines: list[str], count: int, now: datetime) -> RenderedMessage:
    head = f"{_count(count, 'open incident')} of {bold(service, 120)}"
    return message(
        joined([head, *lines], TEXT),
        (section(joined([head, *lines])), context(f"as of {moment(now)}")),
    )


def _incident_lines(lines: Sequence[IncidentLine], now: datetime) -> list[str]:
    shown = []
    for line in lines[:_LISTED]:
        incident = line.incident
        who = incident.acknowledged_by
        has_it = f"👀 {person(who)}" if who else "nobody has it"
        is_silenced = incident.silence is not None and incident.silence.ends_at > now
        quiet = " · 🔕" if is_silenced or 0 < line.firing <= len(incident.suppressed) else ""
        shown.append(
            f"{COLOURS[incident.severity]} {incident.severity.value} #{incident.id} "
            f"{mrkdwn(incident.title, 80)} · {span(now - incident.opened_at)} · "
            f"{_count(line.firing, 'alert')} · {has_it}{quiet}"
        )
        if line.cause:
            shown.append(f"      🎯 {mrkdwn(line.cause, 250)}")
    rest = len(lines) - _LISTED
    return [*shown, f"and {rest} more"] if rest > 0 else shown


def _count(number: int, noun: str) -> str:
    return f"{number or 'No'} {noun}{'' if number == 1 else 's'}"


def alerts_answer(view: AlertsView) -> RenderedMessage:
    """The firing alerts of a service, worst first."""
    head = f"{_count(len(view.firing), 'firing alert')} of {bold(view.service, 120)}"
    texts = alert_texts(view.firing, group_labels={}, now=view.now, shown=_ALERTS)
    folded = folded_text(view.firing, truncated=0, shown=_ALERTS)
    first = [text.split("\n", 1)[0] for text in texts]
    return message(
        joined([head, *first], TEXT),
        (
            section(head),
            *(section(text) for text in texts),
            *((context(folded),) if folded else ()),
            context(f"as of {moment(view.now)}"),
        ),
    )


def status_answer(view: StatusView) -> RenderedMessage:
    """How a service stands, in one screen."""
    if view.open:
        worst = min(line.incident.severity for line in view.open)
        head = f"{COLOURS[worst]} {bold(view.service, 120)}: {_count(len(view.open), 'open incident')}"
    else:
        head = f"✅ {bold(view.service, 120)}: no open incident"
    blocks = [section(joined([head, *_incident_lines(view.open, view.now)]))]
    if view.findings:
        lines = [
            f"{code(found.check, 60)} {finding_line(found, now=view.now, limit=200)}"
            for found in view.findings[:_LISTED]
        ]
        blocks.append(section(joined(lines)))
    if view.waiting:
        waits = [
            f"✋ {mrkdwn(plan_words(one.plan), 200)}, asked by {person(one.requester)}, "
            f"expires {age(one.expires_at, view.now)}"
            for one in view.waiting[:_LISTED]
        ]
        blocks.append(section(joined(["*Waits for approval*", *waits])))
    if view.frozen is not None:
        blocks.append(section(frozen_line(view.frozen)))
    if view.undelivered:
        old = f", the oldest {since(view.oldest, view.now)}" if view.oldest else ""
        noun = "message has" if view.undelivered == 1 else "messages have"
        blocks.append(section(f"⚠️ {view.undelivered} {noun} not reached Slack{old}"))
    blocks.append(context(f"as of {moment(view.now)}"))
    return message(head, tuple(blocks))


def runbook_answer(runbook: RunbookView, *, incident_id: int | None, now: datetime) -> RenderedMessage:
    """A runbook in full, its steps with what their checks found last."""
    found = runbook_blocks(runbook, incident_id=incident_id, now=now, steps=_RUNBOOK_STEPS, wordy=True)
    about = f"#{incident_id} · " if incident_id else ""
    offers = ", ".join(mrkdwn(offer.label or offer.name, 100) for offer in runbook.remediations[:_LISTED])
    shown = (context(f"Can be asked for: {offers}"),) if offers else ()
    title = mrkdwn(runbook.title or runbook.name, 300)
    return message(
        f"📖 {title}: {mrkdwn(runbook.summary, 2_000)}",
        (*found, *shown, context(f"{about}{code(runbook.name, 220)} · as of {moment(now)}")),
    )


def no_runbook_answer(command: str, known: Sequence[str]) -> RenderedMessage:
    """No runbook was named or none fits: the ones there are."""
    names = [f"• {code(f'{command} runbook {name}', 250)}" for name in known[:_LISTED]]
    rest = len(known) - _LISTED
    head = "These are the runbooks:" if known else "There are no runbooks."
    text = joined([head, *names, *([f"and {rest} more"] if rest > 0 else [])])
    return message(text, (section(text),))


def timeline_answer(view: TimelineView) -> RenderedMessage:
    """What happened to an incident, the newest entries where there are too many."""
    incident = view.incident
    lines: list[str] = []
    room = _TIMELINE_SIZE
    for event in reversed(view.events[-_EVENTS:]):
        line = timeline_line(event)
        room -= len(line.encode()) + 4
        if room < 0:
            break
        lines.insert(0, line)
    left_out = len(view.events) - len(lines)
    blocks = [header(f"Timeline of #{incident.id} {incident.title}")]
    if left_out:
        blocks.append(context(f"{left_out} earlier entries are not shown"))
    together: list[str] = []
    for line, following in zip(lines, [*lines, ""][1:], strict=True):
        together.append(line)
        if not following or units("\n".join([*together, following])) > SECTION - 50:
            blocks.append(section("\n".join(together)))
            together = []
    if not lines:
        blocks.append(section("Nothing is noted."))
    blocks += [divider(), context(f"{len(view.events)} entries · as of {moment(view.now)}")]
    text = f"Timeline of #{incident.id} {mrkdwn(incident.title, 200)}: {len(view.events)} entries"
    return message(text, tuple(blocks))
