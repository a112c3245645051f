"""The kill switch that people press: while it is on, nothing is asked for, granted or done, by any replica.

Kept in the store, beside `remediations.enabled` of the configuration; asked in the transaction that grants
and again in the one that begins to act.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain.actors import LIGHTSHIP

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.actors import Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """Who stopped all actions, when, and why; `configured` where it was the configuration."""

    by: Actor
    at: datetime
    reason: str = ""
    configured: bool = False


def in_force(freeze: Freeze | None, *, enabled: bool, now: datetime) -> Freeze | None:
    """What stops all actions now: the configuration, which no word in the chat ends, else a freeze."""
    return freeze if enabled else Freeze(by=LIGHTSHIP, at=now, configured=True)


def may_not_act(freeze: Freeze | None, *, enabled: bool) -> str:
    """Why nothing may be done now, for the record of an execution; empty where it may."""
    if not enabled:
        return "remediations are switched off; nothing was done"
    if freeze is None:
        return ""
    why = f" ({freeze.reason})" if freeze.reason.strip() else ""
    return f"all actions were frozen meanwhile{why}; nothing was done"


def frozen_words(freeze: Freeze) -> str:
    """One sentence for whoever wanted something done; the person as the chat marks them."""
    if freeze.configured:
        return "Remediations are switched off (`remediations.enabled` is false). Nothing was done."
    why = f": {freeze.reason}" if freeze.reason.strip() else ""
    return f"All actions are frozen by <@{freeze.by.id}>{why}. Nothing was done."
