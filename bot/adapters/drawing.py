"""Drawing behind `bot.ports.drawing.Drawer`: matplotlib, in a process that comes up on demand and goes."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from bot.adapters.workers import Worker, WorkerFailed
from bot.domain import pictures
from bot.domain.errors import Permanent
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Final[Mapping[str, Any]] = {"datetime": datetime, **vars(pictures)}
_MEMORY: Final = 800_000_000


@cache
def picture_adapter() -> TypeAdapter[pictures.Picture]:
    """Pictures as JSON and back; both sides of the pipe use it."""
    adapter: TypeAdapter[pictures.Picture] = TypeAdapter(pictures.Picture)
    adapter.rebuild(force=True, _types_namespace=_NAMES)
    return adapter


class DrawingProcess:
    """`bot.ports.drawing.Drawer`; a graph takes a fraction of a second once the process is up."""

    def __init__(self, *, timeout: float = 30.0, idle: float = 120.0) -> None:
        self.worker = Worker(
            "bot.adapters.drawing_worker",
            what="the process that draws",
            timeout=timeout,
            idle=idle,
            memory=_MEMORY,
            # Its arithmetic is small, and every thread of a pool would keep memory for itself.
            environment={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"},
        )

    async def draw(self, picture: pictures.Picture) -> bytes:
        """PNG. Raises Temporary where it took too long, Permanent where this picture cannot be drawn."""
        try:
            return await self.worker.ask(picture_adapter().dump_json(picture))
        except WorkerFailed as error:
            raise Permanent(f"the picture cannot be drawn: {one_line(error, limit=200)}") from error

    async def close(self) -> None:
        """End the process."""
        await self.worker.aclose()
