"""Whether what a rehearsal expects can come of what its people do, and whether they may do it.

Called by `bot.rehearsal.scenarios.reviewing`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.durations import format_duration
from bot.domain.suspects import FailureMode
from bot.domain.words import did_you_mean
from bot.rendering.buttons import ActionWord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bot.documents import Document
    from bot.domain.faults import Fault
    from bot.domain.runbooks import Runbook
    from bot.rehearsal.scenarios.knowing import Knowledge
    from bot.rehearsal.scenarios.models import PressFile, RehearsalFile

_REQUEST: Final = ActionWord.REQUEST_REMEDIATION.value
_APPROVE: Final = ActionWord.APPROVE.value
_DECISIONS: Final = frozenset({_APPROVE, ActionWord.DENY.value})


def people(
    document: Document, file: RehearsalFile, runbook: Runbook | None, knowledge: Knowledge
) -> Iterator[Fault]:
    """Faults of who presses what when."""
    asked: PressFile | None = None
    last = timedelta(0)
    for number, press in enumerate(file.people):
        path = ("people", number)
        word, _, name = press.press.partition(":")
        known = [one.value for one in ActionWord]
        if word not in known:
            yield document.place((*path, "press")).fault(f"there is no button `{word}`{_told(word, known)}")
        if press.at < max(last, file.begin):
            words = "after the press before it" if press.at < last else "after the bot is started"
            yield document.place((*path, "at")).fault(
                f"{format_duration(press.at)} is expected to be {words}"
            )
        elif file.until is not None and press.at > file.until:
            words = f"{format_duration(press.at)} is after the end of the rehearsal"
            yield document.place((*path, "at")).fault(words)
        last = max(last, press.at)
        if word == _REQUEST:
            asked = press
            if runbook is not None and runbook.remediation(name) is None:
                names = [one.name for one in runbook.remediations]
                words = f"the runbook has no remediation `{name}`{_told(name, names)}"
                yield document.place((*path, "press")).fault(words)
        if word in _DECISIONS and not press.refused:
            yield from _decision(document, number, press, asked, knowledge)


def _decision(
    document: Document, number: int, press: PressFile, asked: PressFile | None, knowledge: Knowledge
) -> Iterator[Fault]:
    place = document.place(("people", number, "who"))
    if asked is None:
        yield document.place(("people", number, "press")).fault(
            "nobody has asked for anything yet, so there is nothing to decide"
        )
    elif press.press == _APPROVE and asked.who == press.who and not knowledge.requester_may_approve:
        yield place.fault(f"{press.who} asked for it, so somebody else has to approve it")
    if press.press == _APPROVE and knowledge.approvers and press.who not in knowledge.approvers:
        names = ", ".join(sorted(knowledge.approvers))
        yield place.fault(f"{press.who} may not approve; those who may are {names}")


def expectations(
    document: Document, file: RehearsalFile, runbook: Runbook | None, knowledge: Knowledge
) -> Iterator[Fault]:
    """Faults of what is expected."""
    expect = file.expect
    if runbook is not None:
        names = [*(cause.name for cause in runbook.causes), *(mode.value for mode in FailureMode)]
        for number, name in enumerate(expect.causes):
            if name not in names:
                words = f"the runbook has no cause `{name}`{_told(name, names)}"
                yield document.place(("expect", "causes", number)).fault(words)
    for part in ("approvals", "actions"):
        for number, action in enumerate(getattr(expect, part)):
            if knowledge.actions and action not in knowledge.actions:
                words = f"there is no action `{action}`{_told(action, knowledge.actions)}"
                yield document.place(("expect", part, number)).fault(words)
    yield from _counts(document, file)
    for number, words in enumerate(expect.never):
        if any(words in one for one in expect.messages):
            place = document.place(("expect", "never", number))
            yield place.fault("these words are expected in a message and in none")
    yield from _incident(document, file)


def _counts(document: Document, file: RehearsalFile) -> Iterator[Fault]:
    expect = file.expect
    requests = [p for p in file.people if p.press.startswith(f"{_REQUEST}:") and not p.refused]
    grants = [press for press in file.people if press.press == _APPROVE and not press.refused]
    if len(expect.approvals) > len(requests):
        words = f"{len(expect.approvals)} expected, but people ask for {len(requests) or 'none'}"
        yield document.place(("expect", "approvals")).fault(words)
    if len(expect.actions) > len(grants):
        words = f"{len(expect.actions)} expected, but people approve {len(grants) or 'none'}"
        yield document.place(("expect", "actions")).fault(words)


def _incident(document: Document, file: RehearsalFile) -> Iterator[Fault]:
    expect = file.expect
    if not expect.incident:
        for part in ("causes", "approvals", "actions", "severity", "resolved_within"):
            if getattr(expect, part):
                place = document.key_place(("expect", part))
                yield place.fault("no incident is expected, so none of this can come")
    end = file.until
    if end is not None and expect.resolved_within is not None and expect.resolved_within > end - file.begin:
        place = document.place(("expect", "resolved_within"))
        yield place.fault(f"the rehearsal ends {format_duration(end - file.begin)} after the bot's start")


def _told(word: str, known: Collection[str]) -> str:
    return did_you_mean(word, known) or (f"; known are {', '.join(sorted(known))}" if known else "")
