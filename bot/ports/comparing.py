"""Computing drift reports, and telling an experiment tracker of them. Called by `bot.engines.drifting`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.domain.comparisons import Compared, DriftComparison
    from bot.domain.drift_runs import Tracked


class Comparer(Protocol):
    """Computes reports, away from the bot: they may take long and much memory."""

    async def compare(self, comparison: DriftComparison) -> Compared:
        """Compare, within the comparison's own limits of time and memory.

        Raises Permanent where the data or the limits have to be changed first, Temporary where the next run
        may succeed by itself.
        """
        ...


class Tracker(Protocol):
    """An experiment tracker (MLflow)."""

    async def log(self, tracked: Tracked, *, page: str, report_json: str) -> str:
        """Keep metrics, report and profile as one run of the experiment; the tracker's id of it.

        A run that is there already, by our id, is not made again. `page` is the report for people, as HTML,
        `report_json` the same for programs.
        Raises Temporary or Permanent.
        """
        ...
