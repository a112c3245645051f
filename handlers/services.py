"""The watched services as the doors look them up: by slash command, and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.remedies import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def deployment_of(service: WatchedService) -> Target | None:
    """What a remediation of the service's deployment would change; None where none is configured."""
    if not service.namespace or not service.deployment:
        return None
    return Target(kind="Deployment", namespace=service.namespace, name=service.deployment)
