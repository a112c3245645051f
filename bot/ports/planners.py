"""Dry runs: mutating calls that are sent with `dryRun=All` and can be sent no other way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.ports.readers import KubeObject


class ScalePlanner(Protocol):
    """Asks the API server what a scaling would do."""

    async def dry_run_scale(
        self, *, namespace: str, name: str, replicas: int, resource_version: str
    ) -> KubeObject:
        """The Scale object as it would be.

        Raises Conflict, DryRunUnsupported (a webhook takes no part in dry runs), Forbidden, NotFound,
        another Permanent (refused, the text says why) or Temporary.
        """
        ...
