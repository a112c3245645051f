"""The part of `lightship doctor` that asks Kubernetes: is it there, are the objects, what may the bot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.bootstrap.rights import needs_of
from bot.domain.errors import Forbidden, NotFound
from bot.domain.examinations import Examination, fault, skipped, warning, well
from bot.domain.granted import excessive, missing
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.bootstrap.outside import Outside
    from bot.domain.services import WatchedService
    from bot.settings import Settings

_GRANT: Final = "lightship rbac | kubectl apply -f -"
_SHOWN: Final = 6


async def examine_kubernetes(
    settings: Settings, outside: Outside, services: Mapping[str, WatchedService]
) -> list[Examination]:
    """Each service's objects, and the rights in each namespace."""
    placed = [service for service in services.values() if service.deployment]
    if not placed:
        return [skipped("kubernetes", "no service is in Kubernetes")]
    found = []
    for service in placed:
        found += await _objects(outside, service)
    for namespace in dict.fromkeys(service.namespace for service in placed):
        found += await _rights(settings, outside, services, namespace)
    return found


async def _objects(outside: Outside, service: WatchedService) -> list[Examination]:
    wanted = [(Resource.DEPLOYMENTS, service.deployment)]
    wanted += [(Resource.CRON_JOBS, service.cronjob)] if service.cronjob else []
    found = []
    for resource, name in wanted:
        title = f"{resource.kind.lower()} of {service.name}"
        try:
            await outside.readers.cluster.get(resource, namespace=service.namespace, name=name)
        except NotFound:
            mend = f"mend `services.{service.name}.kubernetes` in the configuration"
            found.append(fault(title, f"there is no {name} in namespace {service.namespace}", mend))
        except Forbidden as error:
            found.append(fault(title, f"the right to {error.right} is missing", _GRANT))
        else:
            found.append(well(title, f"{service.namespace}/{name} is there"))
    return found


async def _rights(
    settings: Settings, outside: Outside, services: Mapping[str, WatchedService], namespace: str
) -> list[Examination]:
    title = f"rights in {namespace}"
    if outside.own_rights is None:
        return [skipped(title, "this world has no accounts")]
    granted = await outside.own_rights.granted(namespace)
    needs = [need for need in needs_of(settings, services.values()) if need.namespace == namespace]
    lacking = sorted({str(need.right) for need in missing(needs, granted)})
    found = []
    if lacking:
        found.append(fault(title, f"missing: {_listed(lacking)}", _GRANT))
    else:
        found.append(well(title, "all that the configuration needs are granted"))
    much = excessive(needs, granted)
    if much:
        said = f"more than needed: {_listed(much)}"
        found.append(
            warning(title, said, "bind the account to what `lightship rbac` prints, and to nothing else")
        )
    return found


def _listed(words: list[str] | tuple[str, ...]) -> str:
    rest = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
