"""The kill switch that people press: while it is on, nothing is asked for, granted or done, by any replica.

Kept in the store, beside `remediations.enabled` of the configuration; asked in the transaction that grants
and again in the one that begins to act.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.actors import Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """Who stopped all actions, when, and why."""

    by: Actor
    at: datetime
    reason: str = ""


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
    why = f": {freeze.reason}" if freeze.reason.strip() else ""
    return f"All actions are frozen by <@{freeze.by.id}>{why}. Nothing was done."
