"""Which rights the configured services need, on which objects: for `lightship rbac`, `lightship doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.checks.registry import CHECKS
from bot.domain.actions import ACTIONS, About
from bot.domain.roles import Need
from bot.remediations.registry import REMEDIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.domain.rights import Right
    from bot.domain.services import WatchedService
    from bot.settings import Settings

_CHECKS_OF_CRON_JOBS: Final = frozenset({"jobs", "retraining"})


def needs_of(settings: Settings, services: Iterable[WatchedService]) -> tuple[Need, ...]:
    """Every right that the checks and the remediations of these services need or can use.

    Remediations that are switched off, for all or for a service that is looked at only, need none; what is
    about CronJobs is left out of services without one.
    """
    return tuple(need for service in services for need in _needs(settings, service))


def _needs(settings: Settings, service: WatchedService) -> Iterator[Need]:
    if not service.deployment:
        return
    for check in CHECKS.values():
        if check.name not in _CHECKS_OF_CRON_JOBS or service.cronjob:
            for right in (*check.rights, *check.optional_rights):
                yield _need(service, right, f"check {check.name}")
    if not settings.remediations.enabled or service.is_looked_at_only:
        return
    for action, remedy in REMEDIES.items():
        if ACTIONS[action].about is not About.CRON_JOB or service.cronjob:
            for right in (*remedy.rights, *remedy.optional_rights):
                yield _need(service, right, f"remediation {action.value}")


def _need(service: WatchedService, right: Right, needed_by: str) -> Need:
    return Need(namespace=service.namespace, right=right, names=_names(service, right), needed_by=needed_by)


def _names(service: WatchedService, right: Right) -> tuple[str, ...]:
    """The one object that a service's configuration names for such a resource, else nothing."""
    resource = right.resource.partition("/")[0]
    named = {"deployments": service.deployment, "horizontalpodautoscalers": service.hpa}.get(resource, "")
    return (named,) if named else ()
