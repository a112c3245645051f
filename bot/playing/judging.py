"""What a rehearsal expects beside what happened: one judgement for each expectation, and the standing ones.

Pure. Whatever a rehearsal says, nothing may be done without an approval that was granted before, and every
press must come to what it was meant to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain.durations import format_duration, rough_duration
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.domain.events import Event
    from bot.playing.performances import Performance
    from bot.rehearsal.scenarios.loading import Scenario

_ACTING: Final = frozenset(
    {
        EventKind.REMEDIATION_APPLIED,
        EventKind.REMEDIATION_SUCCEEDED,
        EventKind.REMEDIATION_NO_EFFECT,
        EventKind.REMEDIATION_NEEDS_HUMAN,
        EventKind.REMEDIATION_REHEARSED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """One expectation: what it is about, what was expected, what happened, and whether that fits.

    `message` is what people saw, where that helps to understand a failure.
    """

    what: str
    expected: str
    happened: str
    held: bool
    message: str = ""


def judge(scenario: Scenario, performance: Performance) -> tuple[Judgement, ...]:
    """Every judgement, in the order in which people would ask."""
    return tuple(_judgements(scenario, performance))


def _judgements(scenario: Scenario, performance: Performance) -> Iterator[Judgement]:
    expect = scenario.file.expect
    alert = expect.alert or scenario.file.runbook
    incident = performance.incident
    seen = incident is not None
    title = f"of {alert}" if alert else "of any alert"
    yield Judgement(
        what="incident",
        expected=f"one {title}" if expect.incident else f"none {title}",
        happened=f"#{incident.id} {incident.title}" if incident else "none came",
        held=seen is expect.incident,
    )
    if incident is not None and scenario.file.runbook is not None:
        yield _same("runbook", scenario.file.runbook, incident.runbook or "none", performance)
    if incident is not None and expect.severity is not None:
        yield _same("severity", expect.severity.value, incident.severity.value, performance)
    if expect.causes:
        yield _causes(expect.causes, performance)
    for words in expect.messages:
        yield _said(words, performance)
    for words in expect.never:
        yield _not_said(words, performance)
    yield _actions("approvals", expect.approvals, performance.asked, performance)
    yield _actions("actions", expect.actions, performance.done, performance)
    yield _nothing_without_approval(performance)
    yield from _presses(performance)
    if expect.resolved_within is not None:
        yield _resolved(scenario, performance)


def _same(what: str, expected: str, happened: str, performance: Performance) -> Judgement:
    held = expected == happened
    return Judgement(
        what=what,
        expected=expected,
        happened=happened,
        held=held,
        message="" if held else performance.incident_message,
    )


def _causes(expected: tuple[str, ...], performance: Performance) -> Judgement:
    held = performance.causes[: len(expected)] == expected
    return Judgement(
        what="causes",
        expected=", then ".join(expected),
        happened=", then ".join(performance.causes) or "none was found likely",
        held=held,
        message="" if held else performance.incident_message,
    )


def _said(words: str, performance: Performance) -> Judgement:
    found = performance.holding(words)
    happened = f"said at {performance.since_beginning(found[0].at)}" if found else "no message says so"
    return Judgement(
        what="message",
        expected=f"“{words}”",
        happened=happened,
        held=bool(found),
        message="" if found else performance.incident_message,
    )


def _not_said(words: str, performance: Performance) -> Judgement:
    found = performance.holding(words)
    return Judgement(
        what="never",
        expected=f"nobody says “{words}”",
        happened=f"said at {performance.since_beginning(found[0].at)}" if found else "nobody did",
        held=not found,
        message=found[0].words if found else "",
    )


def _actions(
    what: str, expected: tuple[str, ...], happened: tuple[str, ...], performance: Performance
) -> Judgement:
    held = expected == happened
    words = {"approvals": "asked for", "actions": "done"}[what]
    return Judgement(
        what=what,
        expected=", ".join(expected) or "none",
        happened=f"{', '.join(happened)} {words}" if happened else f"none {words}",
        held=held,
        message="" if held else performance.thread,
    )


def _nothing_without_approval(performance: Performance) -> Judgement:
    granted: set[str] = set()
    without: list[Event] = []
    for event in performance.events:
        approval = str(event.detail.get("approval", ""))
        if event.kind is EventKind.APPROVAL_GRANTED:
            granted.add(approval)
        elif event.kind in _ACTING and approval not in granted:
            without.append(event)
    unbidden = tuple(one for one in performance.written if one not in granted)
    return Judgement(
        what="approved",
        expected="nothing is done without approval",
        happened=f"{len(without) + len(unbidden)} done without" if without or unbidden else "nothing was",
        held=not without and not unbidden,
    )


def _presses(performance: Performance) -> Iterator[Judgement]:
    for one in performance.presses:
        name = f"{one.press.who} presses {one.press.press}"
        if one.refused is one.press.refused:
            continue
        yield Judgement(
            what="press",
            expected=f"{name}, and it is {'refused' if one.press.refused else 'taken'}",
            happened=one.answer or "nothing was answered",
            held=False,
            message=performance.thread,
        )


def _resolved(scenario: Scenario, performance: Performance) -> Judgement:
    within = scenario.file.expect.resolved_within
    assert within is not None  # noqa: S101 - asked by the only caller
    incident = performance.incident
    took = None
    if incident is not None and incident.state is IncidentState.RESOLVED and incident.resolved_at is not None:
        took = incident.resolved_at - incident.opened_at
    open_for = performance.ended - incident.opened_at if incident is not None else None
    happened = (
        f"after {rough_duration(took)}"
        if took is not None
        else f"still {incident.state.value} after {rough_duration(open_for)}"
        if incident is not None and open_for is not None
        else "there was none"
    )
    held = took is not None and took <= within
    return Judgement(
        what="resolved",
        expected=f"within {format_duration(within)}",
        happened=happened,
        held=held,
        message="" if held else performance.incident_message,
    )
