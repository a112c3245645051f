"""Dry runs: mutating calls that are sent with `dryRun=All` and can be sent no other way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.domain.remedies import Call
    from bot.ports.readers import KubeObject


class ClusterPlanner(Protocol):
    """Asks the API server what a call would do."""

    async def dry_run(self, call: Call, *, namespace: str, resource_version: str = "") -> KubeObject:
        """The object as it would be; for an eviction an empty one.

        Raises Conflict, DryRunUnsupported (a webhook takes no part in dry runs), Forbidden, NotFound,
        Protected (a PodDisruptionBudget's refusal), another Permanent (refused, the text says why) or
        Temporary.
        """
        ...
