"""Webhooks that were answered 200, kept until each has become part of an incident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.alerts import AlertGroup


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One accepted webhook; `id` is ours, `attempts` counts merges of it that failed."""

    id: str
    received_at: datetime
    group: AlertGroup
    attempts: int = 0
