"""The buttons under an incident: what one can do about it in its state. Called by `incidents`.

Whatever acts at once asks first; whatever needs an approval says that nothing changes before it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.incidents import IncidentState
from bot.rendering.blocks import actions, button, confirm, section
from bot.rendering.buttons import (
    UNDO_SILENCE,
    ActionWord,
    IncidentButton,
    RemediationButton,
    RunbookButton,
)
from bot.rendering.freezes import frozen_line

if TYPE_CHECKING:
    from bot.ports.notifier import Block
    from bot.rendering.views import IncidentView, OfferedRemediation

_REMEDIATIONS: Final = 6
_RUNBOOKS: Final = 4


def response_row(view: IncidentView) -> tuple[Block, ...]:
    """What responders do with the incident itself."""
    return actions([*_taking(view), *_silencing(view), *_ending(view), *_looking(view)])


def offer_row(view: IncidentView) -> tuple[Block, ...]:
    """What the runbook offers, and the runbooks of the other alerts; nothing once it is resolved."""
    if view.incident.state is IncidentState.RESOLVED:
        return ()
    offers = _distinct(view.runbook.remediations) if view.runbook else []
    if view.frozen is not None and offers:
        return (section(frozen_line(view.frozen)), *actions(_other_runbooks(view)))
    return actions([*(_remediation(view, offer) for offer in offers), *_other_runbooks(view)])


def _other_runbooks(view: IncidentView) -> list[Block | None]:
    names = dict.fromkeys(view.other_runbooks[:_RUNBOOKS])
    return [_other_runbook(view, name) for name in names]


def _taking(view: IncidentView) -> list[Block | None]:
    if view.incident.state is not IncidentState.TRIGGERED:
        return []
    return [button(ActionWord.ACKNOWLEDGE, "Acknowledge", _this(view), style="primary")]


def _silencing(view: IncidentView) -> list[Block | None]:
    silence = view.incident.silence
    if silence is not None and silence.ends_at > view.now:
        sure = confirm(
            f"Lift the silence of #{view.incident.id}?",
            "Alertmanager notifies of these alerts again at once.",
            yes="Lift silence",
        )
        label = "Lift silence"
        return [button(ActionWord.UNDO, label, _this(view), suffix=UNDO_SILENCE, confirm=sure)]
    if view.incident.state is IncidentState.RESOLVED:
        return []
    return [button(ActionWord.SILENCE, "Silence…", _this(view))]


def _ending(view: IncidentView) -> list[Block | None]:
    if view.incident.state is IncidentState.RESOLVED:
        return []
    count = len(view.firing)
    what = "Its alert still fires. " if count == 1 else f"{count} alerts still fire. " if count else ""
    sure = confirm(
        f"Resolve #{view.incident.id}?",
        f"{what}Repeats do not open it again, only a new alert or a new start does.",
        yes="Resolve",
        danger=count > 0,
    )
    return [button(ActionWord.RESOLVE, "Resolve", _this(view), confirm=sure)]


def _looking(view: IncidentView) -> list[Block | None]:
    buttons: list[Block | None] = []
    open_still = view.incident.state is not IncidentState.RESOLVED
    named = view.runbook is not None and any(step.check for step in view.runbook.steps)
    if open_still and (named or view.findings):
        buttons.append(button(ActionWord.RUN_ALL_CHECKS, "Run all checks", _this(view)))
    return [*buttons, button(ActionWord.TIMELINE, "Timeline", _this(view))]


def _distinct(offers: tuple[OfferedRemediation, ...]) -> list[OfferedRemediation]:
    return list({offer.name: offer for offer in offers}.values())[:_REMEDIATIONS]


def _remediation(view: IncidentView, offer: OfferedRemediation) -> Block | None:
    # No confirm dialog: the press opens a form, and its submission only asks.
    value = RemediationButton(incident_id=view.incident.id, remediation=offer.name)
    label = f"{'👉' if offer.fits else '🔧'} {offer.label or offer.name}…"
    style = "primary" if offer.fits else None
    return button(ActionWord.REQUEST_REMEDIATION, label, value, suffix=offer.name, style=style)


def _other_runbook(view: IncidentView, name: str) -> Block | None:
    value = RunbookButton(incident_id=view.incident.id, runbook=name)
    return button(ActionWord.RUNBOOK, f"📖 {name}", value, suffix=name)


def _this(view: IncidentView) -> IncidentButton:
    return IncidentButton(incident_id=view.incident.id)
