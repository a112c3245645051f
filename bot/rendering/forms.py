"""The contract between the modals that are drawn and the doors that receive what was filled in.

`modals` draws with these ids; the doors read a submitted view with `read_form`. Nothing here raises on what
Slack or somebody else sends: a fault in a field is shown beside it, anything else is a refusal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from bot.domain.actions import ACTIONS
from bot.domain.durations import DurationError, parse_duration
from bot.rendering.buttons import LONGEST_NAME
from bot.rendering.remedy_forms import RemedyForm, action_of, read_arguments

VERSION: Final = 1
LONGEST_METADATA: Final = 3_000
LONGEST_REASON: Final = 500
MOST_REPLICAS: Final = 10_000
DURATION: Final = "duration"
REASON: Final = "reason"
REPLICAS: Final = "replicas"
INPUT: Final = "input"
"""The action id inside each input block; the block ids above tell the inputs apart."""


class FormWord(StrEnum):
    """A modal's callback id."""

    SILENCE = "silence"
    SCALE = "scale"
    REMEDY = "remedy"
    DENY = "deny"
    BREAK_GLASS = "break_glass"


@dataclass(frozen=True, kw_only=True, slots=True)
class FormTarget:
    """What a modal is about, carried in its private_metadata. `channel` is where it was opened from."""

    service: str
    channel: str
    incident_id: int | None = None
    approval_id: str = ""
    digest: str = ""
    remediation: str = ""
    action: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SilenceForm:
    """A wish to silence an incident."""

    target: FormTarget
    duration: timedelta
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleForm:
    """A wish to scale; the reason is never empty."""

    target: FormTarget
    replicas: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DenyForm:
    """A denial; the reason is never empty."""

    target: FormTarget
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GlassForm:
    """A requester approves alone in an emergency; the reason is never empty."""

    target: FormTarget
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldFaults:
    """What to show beside the fields: Slack's `errors`, block id → words."""

    errors: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class FormRefusal:
    """A submission that cannot be understood at all; `sentence` is for the person."""

    sentence: str


Form = SilenceForm | ScaleForm | RemedyForm | DenyForm | GlassForm


def encode_target(target: FormTarget) -> str:
    """The private_metadata. Raises ValueError where it would be longer than Slack allows."""
    content = {key: value for key, value in asdict(target).items() if value not in (None, "")}
    text = json.dumps({"v": VERSION, **content}, separators=(",", ":"), ensure_ascii=False)
    if len(text) > LONGEST_METADATA or decode_target(text) != target:
        raise ValueError(f"a modal cannot carry {target!r:.200}")
    return text


def decode_target(text: object) -> FormTarget | None:
    """What a modal was about; None where that cannot be read."""
    if not isinstance(text, str) or len(text) > LONGEST_METADATA:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not isinstance(content.get("v"), int):
        return None
    words = {
        key: content.get(key, "")
        for key in ("service", "channel", "approval_id", "digest", "remediation", "action")
    }
    incident = content.get("incident_id")
    if not all(_is_name(word) for word in words.values()) or not words["service"]:
        return None
    if incident is not None and (type(incident) is not int or not 0 < incident < 2**53):
        return None
    return FormTarget(incident_id=incident, **words)


def read_form(view: Mapping[str, object]) -> Form | FieldFaults | FormRefusal:
    """A submitted view (`payload["view"]`) as what was wished for."""
    target = decode_target(view.get("private_metadata"))
    callback = view.get("callback_id")
    known = {word.value: word for word in FormWord}
    if target is None or not isinstance(callback, str) or callback not in known:
        return FormRefusal(sentence="This form cannot be read any more. Open it again.")
    match known[callback]:
        case FormWord.SILENCE:
            return _silence(target, view)
        case FormWord.SCALE:
            return _scale(target, view)
        case FormWord.REMEDY:
            return _remedy(target, view)
        case FormWord.DENY:
            reason = _filled(view, REASON)
            return DenyForm(target=target, reason=reason) if reason else _no_reason()
        case FormWord.BREAK_GLASS:
            reason = _filled(view, REASON)
            return GlassForm(target=target, reason=reason) if reason else _no_reason()


def _silence(target: FormTarget, view: Mapping[str, object]) -> SilenceForm | FieldFaults:
    try:
        duration = parse_duration(_filled(view, DURATION))
    except DurationError as error:
        return FieldFaults(errors={DURATION: str(error)[:150]})
    if duration <= timedelta(0):
        return FieldFaults(errors={DURATION: "Choose how long."})
    return SilenceForm(target=target, duration=duration, reason=_filled(view, REASON))


def _scale(target: FormTarget, view: Mapping[str, object]) -> ScaleForm | FieldFaults:
    text, reason = _filled(view, REPLICAS), _filled(view, REASON)
    errors = {}
    whole = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_REPLICAS))
    if not whole or int(text) > MOST_REPLICAS:
        errors[REPLICAS] = f"Write a whole number from 0 to {MOST_REPLICAS}."
    if not reason:
        errors.update(_no_reason().errors)
    return (
        FieldFaults(errors=errors) if errors else ScaleForm(target=target, replicas=int(text), reason=reason)
    )


def _remedy(target: FormTarget, view: Mapping[str, object]) -> RemedyForm | FieldFaults | FormRefusal:
    action, reason = action_of(target.action), _filled(view, REASON)
    if action is None:
        return FormRefusal(sentence="This version of Lightship does not know that action.")
    filled = {argument.name: _filled(view, argument.name) for argument in ACTIONS[action].arguments}
    arguments, errors = read_arguments(action, filled)
    if not reason:
        errors.update(_no_reason().errors)
    if errors:
        return FieldFaults(errors=errors)
    return RemedyForm(target=target, action=action, arguments=arguments, reason=reason)


def _no_reason() -> FieldFaults:
    return FieldFaults(errors={REASON: "Say why, in a few words."})


def _filled(view: Mapping[str, object], block: str) -> str:
    found: object = view
    for key in ("state", "values", block, INPUT):
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        return ""
    chosen = found.get("selected_option")
    value = chosen.get("value") if isinstance(chosen, Mapping) else found.get("value")
    return value.strip()[:LONGEST_REASON] if isinstance(value, str) else ""


def _is_name(word: object) -> bool:
    return isinstance(word, str) and len(word) <= LONGEST_NAME and word.isprintable()
