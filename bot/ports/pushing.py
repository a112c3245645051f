"""Where scores are brought that nothing scrapes. Spoken by `bot.engines.drift_pushing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from prometheus_client.registry import Collector


class ScoreGateway(Protocol):
    """Keeps what was pushed last until Prometheus comes for it."""

    async def push(self, address: str, *, service: str, scores: Collector, whole: bool) -> None:
        """Put a service's scores there.

        `whole` takes the place of all that was pushed for the service before; without it, what is not among
        the scores stays. Raises Temporary, and Permanent where the gateway refuses them.
        """
