"""A configured comparison from its paths to the report and the reference's profile.

Called in the process beside the bot (`bot.adapters.drift_worker`) and by nothing in the bot itself: it loads
numpy and Arrow, and reads files.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bot.domain.comparisons import Compared
from bot.domain.errors import Permanent
from bot.drift.columns import Selection
from bot.drift.locations import location
from bot.drift.predictions import PredictionSides, reference_predictions
from bot.drift.profile import with_hashed_levels
from bot.drift.profile_files import is_profile, load_profile, profile_bytes
from bot.drift.profiling import make_profile
from bot.drift.report import Options, compare
from bot.drift.sources import open_source
from bot.drift.verdicts import relative_weights
from bot.drift.windows import Window

if TYPE_CHECKING:
    from pathlib import Path

    from bot.domain.comparisons import DriftComparison, PredictionPaths
    from bot.domain.drift_runs import DriftWindow
    from bot.drift.profile import Profile
    from bot.drift.sources import Source

LARGEST_PROFILE: Final = 4_000_000
"""Bytes; a larger one is no artifact of the run: the store would have to keep it until MLflow has it."""


def run_comparison(comparison: DriftComparison) -> Compared:
    """The report and the profile. Raises LightshipError with words for people, and MemoryError."""
    selection = Selection(
        exclude=frozenset(comparison.exclude),
        targets=frozenset({comparison.target} if comparison.target else ()),
        features=frozenset(comparison.features) or None,
    )
    window = _window(comparison.window)
    current = open_source(location(comparison.current), window=window)
    reference = _reference(location(comparison.reference), selection)
    report = compare(
        reference,
        current,
        options=Options(
            selection=selection,
            weights=relative_weights(comparison.weights),
            prediction=comparison.predictions.column if comparison.predictions else "",
        ),
        predictions=_predictions(comparison.predictions, window) if comparison.predictions else None,
    )
    return Compared(report=report, profile=_as_file(reference))


def _reference(path: Path, selection: Selection) -> Profile:
    if is_profile(path):
        return load_profile(path)
    return make_profile(open_source(path), selection, with_sample=True)


def _predictions(paths: PredictionPaths, window: Window | None) -> PredictionSides:
    path = location(paths.reference)
    reference = (
        load_profile(path) if is_profile(path) else reference_predictions(open_source(path), paths.column)
    )
    return PredictionSides(
        reference=reference, current=_cut(location(paths.current), window), column=paths.column
    )


def _cut(path: Path, window: Window | None) -> Source:
    """Predictions in the window where they have its times, else all of them: often they have none."""
    try:
        return open_source(path, window=window)
    except Permanent:
        if window is None:
            raise
        return open_source(path)


def _window(window: DriftWindow | None) -> Window | None:
    return Window(column=window.column, start=window.start, end=window.end) if window else None


def _as_file(profile: Profile) -> bytes | None:
    """The profile as it is saved, without a sample: rows of the training run leave it only when asked."""
    saved = with_hashed_levels(replace(profile, sample=None), secrets.token_bytes(16))
    content = profile_bytes(saved)
    return content if len(content) <= LARGEST_PROFILE else None
