"""The kill switch where it matters: a line in every message that offers or asks for an action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.rendering.dates import moment
from bot.rendering.escaping import mrkdwn
from bot.rendering.people import person

if TYPE_CHECKING:
    from bot.domain.freezing import Freeze


def frozen_line(freeze: Freeze) -> str:
    """`🧊 All actions are frozen by @bob since 03:12: deploy freeze`, escaped mrkdwn."""
    if freeze.configured:
        return "🧊 *All actions are switched off* in the configuration (`remediations.enabled` is false)"
    why = f": {mrkdwn(freeze.reason, 300)}" if freeze.reason.strip() else ""
    return f"🧊 *All actions are frozen* by {person(freeze.by)} since {moment(freeze.at)}{why}"
