"""The engines of an assembled bot as its doors are given them, in a rehearsal as in the real bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.engines import Engines

if TYPE_CHECKING:
    from bot.bootstrap.assembly import Lightship


def engines_of(lightship: Lightship) -> Engines:
    """Everything that a press, a submission or a slash command can reach."""
    return Engines(
        responding=lightship.responding,
        silencing=lightship.silencing,
        diagnosing=lightship.diagnosing,
        gathering=lightship.gathering,
        approving=lightship.approving,
        deciding=lightship.deciding,
        freezing=lightship.freezing,
        recording=lightship.recording,
        reporting=lightship.reporting,
        jobs=lightship.jobs,
        timelines=lightship.timelines,
        runbooks=lightship.runbooks,
    )
