"""The watched services as the doors look them up: by slash command, and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.actions import ACTIONS, About
from bot.domain.remedies import Action, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.domain.services import WatchedService


class Services:
    """The configured services. Raises ValueError where two share a name or a command."""

    def __init__(self, services: Iterable[WatchedService]) -> None:
        self._all = tuple(services)
        self._by_name = {service.name: service for service in self._all}
        self._by_command = {service.command: service for service in self._all if service.command}
        with_command = [service for service in self._all if service.command]
        if len(self._by_name) < len(self._all) or len(self._by_command) < len(with_command):
            raise ValueError("two services share a name or a slash command")

    @property
    def commands(self) -> tuple[str, ...]:
        """All slash commands, in the order of the configuration."""
        return tuple(self._by_command)

    def by_command(self, command: str) -> WatchedService | None:
        """The service that a slash command asks about."""
        return self._by_command.get(command)

    def by_name(self, name: str) -> WatchedService | None:
        """The service of that name."""
        return self._by_name.get(name)


def target_of(service: WatchedService, action: Action, arguments: Mapping[str, object]) -> Target | str:
    """What an action on the service would change, or the sentence that says what is not configured."""
    match action:
        case Action.PROMOTE:
            found = Target(kind="Model", namespace="", name=service.model)
            return found if service.model else f"No model is configured for {service.name}."
        case _ if ACTIONS[action].about is About.CRON_JOB:
            named = str(arguments.get("cronjob") or "") if action is Action.RUN else service.cronjob
            found = Target(kind="CronJob", namespace=service.namespace, name=named)
            known = found if service.namespace and named else None
            return known or f"No CronJob is configured for {service.name}."
        case _:
            if not service.namespace or not service.deployment:
                return f"No deployment is configured for {service.name}."
            pod = str(arguments.get("pod") or "") if action is Action.DELETE_POD else ""
            kind, name = ("Pod", pod) if pod else ("Deployment", service.deployment)
            return Target(kind=kind, namespace=service.namespace, name=name)
