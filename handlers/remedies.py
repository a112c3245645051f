"""The form that the button of a runbook's remediation opens; called by `handlers.actions`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bot.domain.remedies import Action
from bot.domain.runbooks import proposed_replicas
from bot.rendering.modals import remedy_modal, scale_modal, silence_modal
from bot.rendering.remedy_forms import action_of
from handlers.services import target_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.domain.runbooks import RunbookRemediation
    from bot.domain.services import WatchedService
    from bot.rendering.forms import FormTarget
    from bot.rendering.modals import View

SILENCE: Final = "silence"
"""The one remediation of a runbook that needs no approval."""


async def remedy_form(
    target: FormTarget,
    remediation: RunbookRemediation,
    service: WatchedService,
    *,
    about: str,
    present: Callable[[], Awaitable[int | None]],
) -> View | str:
    """The form, filled with what the runbook proposes, or the sentence that says why there is none.

    `about` is the incident's title, raw; `present` says how many replicas are wanted now, if it can.
    """
    given = (
        {"cronjob": service.cronjob, **remediation.arguments} if service.cronjob else remediation.arguments
    )
    if remediation.action == SILENCE:
        return silence_modal(target, title=about, chosen=str(given.get("duration") or ""))
    action = action_of(remediation.action)
    if action is None:
        return f"This version of Lightship cannot {remediation.action}."
    changed = target_of(service, action, given)
    if isinstance(changed, str):
        return changed
    if action is not Action.SCALE:
        return remedy_modal(replace(target, action=action.value), action, subject=str(changed), given=given)
    now = await present()
    asked = proposed_replicas(remediation, current=now) if now is not None else None
    return scale_modal(target, subject=changed.name, present=now, asked=asked)
