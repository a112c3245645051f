"""The escalating and the gathering job, put together. Called by `bot.bootstrap.assembly`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.escalation import ReminderRules
from bot.domain.storms import StormRules
from bot.engines.escalating import Escalating, EscalationLimits
from bot.engines.gathering import Gathering

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.bootstrap.outside import Outside
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.engines.noticing import Noticing
    from bot.settings import Settings


def make_gathering(
    settings: Settings, outside: Outside, *, on_opened: Callable[[Sequence[int]], None]
) -> Gathering:
    """Put the storms' job together."""
    storms = settings.storms
    return Gathering(
        store=outside.store,
        ids=outside.ids,
        rules=StormRules(
            begins_above=storms.begins_above,
            ends_at=min(storms.ends_at, storms.begins_above),
            calm=storms.calm,
            own_critical=storms.own_critical,
        ),
        on_opened=on_opened,
    )


def make_escalating(
    settings: Settings,
    outside: Outside,
    *,
    services: Mapping[str, WatchedService],
    runbook: Callable[[str], Runbook | None],
    noticing: Noticing,
) -> Escalating:
    """Put it together."""
    escalation, reminders = settings.escalation, settings.escalation.reminders
    return Escalating(
        store=outside.store,
        ids=outside.ids,
        metrics=outside.readers.metrics,
        services=services,
        runbook=runbook,
        limits=EscalationLimits(
            held_by=frozenset(escalation.held_by),
            reminders=ReminderRules(
                after=reminders.after, at_most=reminders.at_most, backoff=float(reminders.backoff)
            ),
            settle=settings.intake.resolve_settle,
        ),
        noticing=noticing,
    )
