"""The contract between the buttons that are drawn and the doors that are pressed.

Renderers make an action id and a value for each button; the doors in `handlers/` read both back with
`read_press`. A value may have been written by an older or a newer Lightship, or by nobody of ours: reading
never raises, it answers with a refusal that can be shown.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = 1
LONGEST_VALUE: Final = 2_000
LONGEST_ACTION_ID: Final = 255
LONGEST_NAME: Final = 200
_LARGEST_ID: Final = 2**53 - 1
_DIGEST_LENGTH: Final = 64

_NOT_OURS: Final = "This button is not one of Lightship's."
_NEWER: Final = "A newer Lightship drew this button and this one cannot read it. Try again in a minute."
_TOO_LITTLE: Final = "This button says too little. Use the newest message, or the command."


class ActionWord(StrEnum):
    """The word of an action id before its colon."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    RESOLVE = "resolve"
    RUN_CHECK = "run_check"
    RUN_ALL_CHECKS = "run_all_checks"
    REQUEST_REMEDIATION = "request_remediation"
    APPROVE = "approve"
    DENY = "deny"
    UNDO = "undo"
    TIMELINE = "timeline"
    RUNBOOK = "runbook"
    OPEN = "open_incident"


BREAK_GLASS: Final = "break_glass"
"""The suffix of the `approve` button that opens the form for approving one's own request alone."""

UNDO_ACTION: Final = "action"
"""The suffix of the `undo` button that asks for an action to be taken back; its value is that approval's."""

UNDO_SILENCE: Final = "silence"
"""The suffix of the `undo` button that lifts an incident's silence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentButton:
    """Value of acknowledge, silence, resolve, run_all_checks, timeline and undo:silence."""

    incident_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckButton:
    """Value of run_check."""

    incident_id: int
    check: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RemediationButton:
    """Value of request_remediation: the name that the incident's runbook gives the remediation."""

    incident_id: int
    remediation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunbookButton:
    """Value of runbook: show this runbook, rendered for this incident, to the one who presses."""

    incident_id: int
    runbook: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalButton:
    """Value of approve and deny: the approval, and the digest of the plan that was shown above the button."""

    approval_id: str
    digest: str


ButtonValue = IncidentButton | CheckButton | RemediationButton | RunbookButton | ApprovalButton

_VALUE_OF: Final[dict[ActionWord, type[ButtonValue]]] = {
    ActionWord.ACKNOWLEDGE: IncidentButton,
    ActionWord.SILENCE: IncidentButton,
    ActionWord.RESOLVE: IncidentButton,
    ActionWord.RUN_ALL_CHECKS: IncidentButton,
    ActionWord.TIMELINE: IncidentButton,
    ActionWord.OPEN: IncidentButton,
    ActionWord.UNDO: IncidentButton,
    ActionWord.RUN_CHECK: CheckButton,
    ActionWord.REQUEST_REMEDIATION: RemediationButton,
    ActionWord.RUNBOOK: RunbookButton,
    ActionWord.APPROVE: ApprovalButton,
    ActionWord.DENY: ApprovalButton,
}


class ButtonRefusalReason(StrEnum):
    """Why a press cannot be understood."""

    UNKNOWN_ACTION = "unknown_action"
    MISSING = "missing"
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    NEWER_VERSION = "newer_version"
    OTHER_KIND = "other_kind"


@dataclass(frozen=True, kw_only=True, slots=True)
class ButtonRefusal:
    """A press that cannot be understood; `sentence` is for the person who pressed."""

    reason: ButtonRefusalReason
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Press:
    """A press that was understood. `value` has the type that the word promises; trust it, not the suffix."""

    word: ActionWord
    suffix: str
    value: ButtonValue


def action_id(word: ActionWord, suffix: str = "") -> str:
    """`run_check:pods`. A suffix too long for Slack is cut and told apart by a hash of the whole."""
    whole = f"{word.value}:{suffix}" if suffix else word.value
    if len(whole.encode()) <= LONGEST_ACTION_ID:
        return whole
    mark = hashlib.sha256(suffix.encode()).hexdigest()[:16]
    return f"{word.value}:{mark}"


def encode_value(value: ButtonValue) -> str:
    """The text that a button carries. Raises ValueError for a name or number that no button can carry."""
    match value:
        case IncidentButton():
            content: dict[str, str | int] = {"i": value.incident_id}
        case CheckButton():
            content = {"i": value.incident_id, "check": value.check}
        case RemediationButton():
            content = {"i": value.incident_id, "remediation": value.remediation}
        case RunbookButton():
            content = {"i": value.incident_id, "runbook": value.runbook}
        case ApprovalButton():
            content = {"a": value.approval_id, "d": value.digest}
    if _read(type(value), content) != value:
        raise ValueError(f"a button cannot carry {value!r:.200}")
    return json.dumps({"v": VERSION, **content}, separators=(",", ":"), ensure_ascii=False)


def decode_value(word: ActionWord, text: object) -> ButtonValue | ButtonRefusal:
    """What the value under a `word` button says. Keys that a later version added are passed over."""
    if not isinstance(text, str) or not text:
        return _refuse(ButtonRefusalReason.MISSING, "This button carries nothing.")
    if len(text) > LONGEST_VALUE:
        return _refuse(ButtonRefusalReason.TOO_LONG, _NOT_OURS)
    content = _object(text)
    version = _number(content.get("v"))
    if version is None:
        return _refuse(ButtonRefusalReason.UNREADABLE, _NOT_OURS)
    undoes_action = word is ActionWord.UNDO and "a" in content
    value = _read(ApprovalButton if undoes_action else _VALUE_OF[word], content)
    if value is None:
        newer = version > VERSION
        reason = ButtonRefusalReason.NEWER_VERSION if newer else ButtonRefusalReason.OTHER_KIND
        return _refuse(reason, _NEWER if newer else _TOO_LITTLE)
    return value


def read_press(action: object, text: object) -> Press | ButtonRefusal:
    """What a press means, from Slack's `action_id` and `value`, whatever they hold."""
    word, _, suffix = action.partition(":") if isinstance(action, str) else ("", "", "")
    try:
        known = ActionWord(word)
    except ValueError:
        return _refuse(ButtonRefusalReason.UNKNOWN_ACTION, "Lightship has no such button any more.")
    value = decode_value(known, text)
    if isinstance(value, ButtonRefusal):
        return value
    return Press(word=known, suffix=suffix[:LONGEST_ACTION_ID], value=value)


def _read(kind: type[ButtonValue], content: Mapping[str, object]) -> ButtonValue | None:
    incident = _number(content.get("i"))
    value: ButtonValue | None = None
    if kind is ApprovalButton:
        approval, digest = _name(content.get("a")), _name(content.get("d"))
        if approval and digest and len(digest) == _DIGEST_LENGTH:
            value = ApprovalButton(approval_id=approval, digest=digest)
    elif not incident:
        value = None
    elif kind is IncidentButton:
        value = IncidentButton(incident_id=incident)
    elif kind is CheckButton and (name := _name(content.get("check"))):
        value = CheckButton(incident_id=incident, check=name)
    elif kind is RemediationButton and (name := _name(content.get("remediation"))):
        value = RemediationButton(incident_id=incident, remediation=name)
    elif kind is RunbookButton and (name := _name(content.get("runbook"))):
        value = RunbookButton(incident_id=incident, runbook=name)
    return value


def _object(text: str) -> Mapping[str, object]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _name(value: object) -> str | None:
    # isprintable also keeps lone surrogates out, which no database takes.
    if isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable():
        return value
    return None


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_ID:
        return value
    return None


def _refuse(reason: ButtonRefusalReason, sentence: str) -> ButtonRefusal:
    return ButtonRefusal(reason=reason, sentence=sentence)
