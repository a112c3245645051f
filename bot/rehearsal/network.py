"""The rehearsal's network: everything that is asked for is there, until a scenario takes it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.errors import Temporary
from bot.domain.services import Way
from bot.ports.readers import ProbeAnswer

if TYPE_CHECKING:
    from bot.domain.services import ProbeTarget
    from bot.rehearsal.faults import Faults


class RehearsalNetwork:
    """`bot.ports.readers.NetworkProber` in memory."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._down: dict[str, str] = {}
        self._statuses: dict[str, int] = {}

    def take_down(self, address: str, reason: str = "connection refused") -> None:
        """Let nothing reach this address any more."""
        self._down[address] = reason

    def bring_back(self, address: str) -> None:
        """Let it be reached again."""
        self._down.pop(address, None)

    def answer(self, address: str, status: int) -> None:
        """Let an HTTP address answer with this status; 200 before."""
        self._statuses[address] = status

    async def probe(self, target: ProbeTarget) -> ProbeAnswer:
        """Try to reach it. Raises Temporary where it cannot be reached."""
        if await self._faults.meet(f"network.probe.{target.way}"):
            raise Temporary("no answer in time")
        if target.address in self._down:
            raise Temporary(self._down[target.address])
        said = {
            Way.TCP: "connected",
            Way.DNS: "10.0.0.7",
            Way.HTTP: str(self._statuses.get(target.address, 200)),
        }
        return ProbeAnswer(seconds=0.003, said=said[target.way])
