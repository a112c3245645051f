"""The escalating job, put together from the settings. Called by `bot.bootstrap.assembly`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.escalation import ReminderRules
from bot.engines.escalating import Escalating, EscalationLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.bootstrap.outside import Outside
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.engines.noticing import Noticing
    from bot.settings import Settings


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
