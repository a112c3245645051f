"""One sentence for each kind of event: the same words in the thread, in the timeline and in notifications.

Called by `thread` and `answers`. Sentences are escaped mrkdwn.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.events import EventKind
from bot.domain.incidents import Resolution
from bot.domain.measures import format_change
from bot.domain.reconciling import SilenceTurn
from bot.rendering.dates import moment, span
from bot.rendering.escaping import code, mrkdwn
from bot.rendering.people import called, person

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.domain.events import Event

_LONGEST: Final = 500
_APPROVERS: Final = 20
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999, where datetime ends


def sentence(event: Event) -> str:
    """What happened, in one sentence with its mark; escaped mrkdwn below 2,000 characters."""
    return _SENTENCES[event.kind](event)


def _said(event: Event, key: str, prefix: str = "", limit: int = _LONGEST) -> str:
    value = event.detail.get(key)
    text = "" if value is None else str(value)[: limit * 4].rstrip(". ")
    return f"{prefix}{mrkdwn(text, limit)}" if text.strip() else ""


def _who(event: Event) -> str:
    return person(event.actor)


def _opened(event: Event) -> str:
    return f"🔴 Opened{_said(event, 'severity', ' as ', 20)}{_said(event, 'title', ': ', 200)}."


def _reopened(event: Event) -> str:
    return f"🔴 Reopened: it fires again{_said(event, 'why', ', ')}."


def _acknowledged(event: Event) -> str:
    return f"👀 {_who(event)} acknowledged it."


def _resolved(event: Event) -> str:
    resolution = event.detail.get("resolution")
    if resolution == Resolution.GONE.value:
        return "✅ Closed: no longer in Alertmanager, resolve not received."
    if resolution == Resolution.BY_HAND.value:
        firing = event.detail.get("still_firing")
        if isinstance(firing, int) and firing > 0:
            alerts = "1 alert still fires" if firing == 1 else f"{firing} alerts still fire"
            return f"✅ {_who(event)} resolved it. ⚠️ {alerts}; a new alert or a new start opens it again."
        return f"✅ {_who(event)} resolved it."
    return "✅ Resolved: all its alerts have ended."


def _severity_changed(event: Event) -> str:
    before, after = _said(event, "before", "", 20), _said(event, "after", "", 20)
    change = f" {before} → {after}" if before and after else f" {after or 'changed'}"
    mark = "⏬" if before and before < after else "⏫"
    return f"{mark} Severity{change}{_said(event, 'why', ': ')}."


def _escalated(event: Event) -> str:
    change = f"{_said(event, 'before', '', 20)} → {_said(event, 'after', '', 20)}"
    value = event.detail.get("value")
    number = f" (now {value:.4g})" if isinstance(value, int | float) else ""
    return f"⏫ {_calls(event)}Escalated {change}{_said(event, 'reason', ': ')}{number}."


def _reminded(event: Event) -> str:
    which = f"reminder {_said(event, 'number', '', 10)} of {_said(event, 'of', '', 10)}"
    return f"⏰ {_calls(event)}Nobody has acknowledged it{_said(event, 'span', ' for ', 40)} ({which})."


def _calls(event: Event) -> str:
    told = str(event.detail.get("tell") or "").split()
    return f"{' '.join(called(name) for name in told[:_APPROVERS])} " if told else ""


def _silenced(event: Event) -> str:
    return f"🔕 {_who(event)} silenced it{_until(event)}{_said(event, 'reason', ': ')}."


def _until(event: Event) -> str:
    until = event.detail.get("until")
    if isinstance(until, int | float) and 0 < until < _LAST_SECOND:
        return f" until {moment(datetime.fromtimestamp(until, tz=UTC))}"
    return _said(event, "until", " until ", 60)


def _silence_lifted(event: Event) -> str:
    how = event.detail.get("how")
    if how == SilenceTurn.ENDED.value:
        return "🔔 The silence is over."
    if how == SilenceTurn.LIFTED.value:
        return "🔔 The silence was ended in Alertmanager."
    return f"🔔 {_who(event)} lifted the silence."


def _check_run(event: Event) -> str:
    check = event.detail.get("check")
    name = f" {code(str(check), 100)}" if check else ""
    return f"🔎 Check{name} run{_said(event, 'verdict', ': ', 20)}{_said(event, 'summary', ', ')}."


def _causes_ranked(event: Event) -> str:
    words = _said(event, "words")
    return f"🎯 {words}." if words else "🎯 Causes ranked."


def _cause_changed(event: Event) -> str:
    before = _said(event, "before", " Before: ", 150)
    return f"{_causes_ranked(event)}{before}{'.' if before else ''}"


def _notice(event: Event) -> str:
    words = _said(event, "title", "", 200) or "Notice"
    return f"\N{INFORMATION SOURCE}\ufe0f {words}{_said(event, 'text', ': ')}."


def _what(event: Event) -> str:
    action = _said(event, "action", "", 40) or "remediation"
    target = event.detail.get("target")
    on = f" {code(str(target), 200)}" if target else ""
    return f"{action}{on}{_said(event, 'change', ': ', 300)}"


def _requested(event: Event) -> str:
    return f"✋ {_who(event)} asked for {_what(event)}{_said(event, 'reason', '. Reason: ')}."


def _refused(event: Event) -> str:
    why = _said(event, "sentence", ": ") or _said(event, "why", ": ")
    return f"🚫 {_who(event)} asked for {_what(event)}, and was refused{why}"


def _press_refused(event: Event) -> str:
    action = _said(event, "action", "", 40)
    about = f": {_what(event)}" if action else ""
    return (
        f"🚫 {_who(event)} pressed{_said(event, 'what', ' ', 40)}, and nothing was done{about}{_why(event)}."
    )


def _why(event: Event) -> str:
    why = _said(event, "why", "", 40).replace("_", " ")
    return f" ({why})" if why else ""


def _about_approval(mark: str, words: str) -> Callable[[Event], str]:
    def made(event: Event) -> str:
        return f"{mark} {words.format(who=_who(event))}: {_what(event)}."

    return made


def _glass_broken(event: Event) -> str:
    approvers = [called(name) for name in str(event.detail.get("approvers") or "").split()[:_APPROVERS]]
    call = f"{' '.join(approvers)}: " if approvers else ""
    return (
        f"🚨 {call}*break glass*: {_who(event)} approved their own request without anybody else"
        f"{_said(event, 'said', '. Reason: ')}. {_what(event)}."
    )


def _fixed(event: Event) -> str:
    return f"✅ *Fixed after {_took(event)}*{_measured(event)}. {_what(event)}."


def _unfixed(event: Event) -> str:
    still = "the alert's condition still holds"
    return f"⚠️ *No effect after {_took(event)}*{_measured(event)}; {still}. {_what(event)}."


def _unverified(event: Event) -> str:
    why = _said(event, "why", ": ", 200)
    told = f"{why}{_measured(event, ' · ')}"
    return f"❔ *Cannot tell after {_took(event)}* whether it helped{told}. {_what(event)}."


def _took(event: Event) -> str:
    seconds = event.detail.get("seconds")
    return span(timedelta(seconds=seconds)) if isinstance(seconds, int | float) else "a while"


def _measured(event: Event, lead: str = ": ") -> str:
    """`: P95 latency 1.7 s → 400 ms`; empty where there is no number."""
    before, after = event.detail.get("before"), event.detail.get("after")
    name, unit = _said(event, "metric", "", 80), str(event.detail.get("unit") or "")[:30]
    if not name or not isinstance(after, int | float):
        return ""
    was = before if isinstance(before, int | float) else None
    return f"{lead}{name} {mrkdwn(format_change(was, after, unit), 120)}"


def _training_followed(event: Event) -> str:
    mark = "🎓" if event.detail.get("succeeded") else "⚠️"
    next_step = _said(event, "next", ". ")
    return f"{mark} {_said(event, 'summary') or 'The training has ended'}{next_step}."


def _about_doing(mark: str, words: str) -> Callable[[Event], str]:
    def made(event: Event) -> str:
        outcome = _said(event, "outcome", ". ") or _said(event, "why", ". ")
        return f"{mark} {words}: {_what(event)}{outcome}"

    return made


_SENTENCES: Final[dict[EventKind, Callable[[Event], str]]] = {
    EventKind.OPENED: _opened,
    EventKind.REOPENED: _reopened,
    EventKind.ACKNOWLEDGED: _acknowledged,
    EventKind.RESOLVED: _resolved,
    EventKind.SEVERITY_CHANGED: _severity_changed,
    EventKind.ESCALATED: _escalated,
    EventKind.REMINDED: _reminded,
    EventKind.SILENCED: _silenced,
    EventKind.SILENCE_LIFTED: _silence_lifted,
    EventKind.CHECK_RUN: _check_run,
    EventKind.CAUSES_RANKED: _causes_ranked,
    EventKind.CAUSE_CHANGED: _cause_changed,
    EventKind.NOTICE: _notice,
    EventKind.REMEDIATION_REQUESTED: _requested,
    EventKind.REMEDIATION_REFUSED: _refused,
    EventKind.APPROVAL_SHOWN: _about_approval("✋", "The request is shown"),
    EventKind.ACTIONS_FROZEN: lambda event: (
        f"🧊 {_who(event)} froze all actions{_said(event, 'reason', ': ')}."
    ),
    EventKind.ACTIONS_UNFROZEN: lambda event: f"🧊 {_who(event)} ended the freeze.",
    EventKind.AUDIT_BEGUN: lambda _event: "🔗 The audit begins here.",
    EventKind.APPROVAL_GRANTED: _about_approval("✅", "{who} approved"),
    EventKind.APPROVAL_NOT_NEEDED: _about_approval("✅", "The policy asks nobody"),
    EventKind.APPROVAL_COUNTED: _about_approval("☑️", "{who} approved, and others have to as well"),
    EventKind.APPROVAL_GLASS_BROKEN: _glass_broken,
    EventKind.APPROVAL_WITHDRAWN: _about_approval("↪️", "{who} withdrew the request"),
    EventKind.APPROVAL_DENIED: _about_approval("⛔", "{who} denied"),
    EventKind.APPROVAL_EXPIRED: _about_approval("⌛", "Nobody answered in time"),
    EventKind.APPROVAL_SUPERSEDED: _about_approval("↪️", "Superseded"),
    EventKind.PRESS_REFUSED: _press_refused,
    EventKind.REMEDIATION_INTENDED: _about_doing("🔧", "About to do"),
    EventKind.REMEDIATION_APPLIED: _about_doing("🔧", "Applied"),
    EventKind.REMEDIATION_SUCCEEDED: _about_doing("✅", "Done"),
    EventKind.REMEDIATION_FIXED: _fixed,
    EventKind.REMEDIATION_UNFIXED: _unfixed,
    EventKind.REMEDIATION_UNVERIFIED: _unverified,
    EventKind.REMEDIATION_NO_EFFECT: _about_doing("⚠️", "Applied without the wanted effect"),
    EventKind.REMEDIATION_FAILED: _about_doing("❌", "Failed"),
    EventKind.TRAINING_FOLLOWED: _training_followed,
    EventKind.REMEDIATION_NEEDS_HUMAN: _about_doing("🆘", "A human has to look"),
    EventKind.REMEDIATION_REHEARSED: _about_doing("🧪", "Only tried, as this is a drill"),
}


def timeline_line(event: Event) -> str:
    """`14:05 UTC` in the reader's time zone, then the sentence."""
    return f"{moment(event.at)}  {sentence(event)}"
