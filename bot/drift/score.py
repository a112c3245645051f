"""The score: all columns judged together, each with a reason in words. Pure; called by `bot.drift.report`.

A shape counts when it is significant among all columns and material; content that the reference never held
counts by its share of the rows. The factors make the thresholds 0.3 and 0.5 mean something: for a shift of a
normal mean, 2.5 D is 0.31 at a population stability index of 0.10 and 0.49 at 0.25; 3 % and 5 % of rows with
unseen content reach them too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain.drift import ALERT_ABOVE, UNSEEN_FACTOR, FeatureDrift
from bot.drift.statistics import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.drift.measuring import Measured

SIGNIFICANT_BELOW: Final = 0.01
MATERIAL_FROM: Final = 0.05
SHAPE_FACTOR: Final = 2.5
UNSEEN_FROM: Final = 0.01
_SHOWN_CONTENT: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One column after all were looked at together: d, v and u of the definition."""

    feature: FeatureDrift
    shape: float
    unseen: float


def judge(measured: Sequence[Measured], weights: Mapping[str, float]) -> tuple[Judged, ...]:
    """Decide which columns drifted: Benjamini-Hochberg over those with enough values, then materiality.

    `weights` are in [0, 1] by name; a column without one weighs 1.
    """
    tested = [index for index, one in enumerate(measured) if _takes_part(one)]
    q_values = benjamini_hochberg([p for index in tested if (p := measured[index].p_value) is not None])
    by_index = dict(zip(tested, q_values, strict=True))
    return tuple(
        _judged(one, by_index.get(index), weights.get(one.name, 1.0)) for index, one in enumerate(measured)
    )


def combine(judged: Sequence[Judged]) -> float:
    """The score in [0, 1]: the worst column by itself, or many small ones together, whichever is more."""
    worst = max((one.feature.contribution for one in judged), default=0.0)
    untouched = math.prod(1 - one.feature.weight * max(one.shape, one.unseen) for one in judged)
    return min(1.0, max(worst, 1 - untouched))


def seed_score(measured: Sequence[Measured]) -> float | None:
    """1 - mean(p), as the method this product replaces had it; None when no column has a p-value."""
    p_values = [one.p_value for one in measured if one.p_value is not None]
    return 1 - sum(p_values) / len(p_values) if p_values else None


def shape_of(distance: float | None, q_value: float | None) -> float:
    """d: the distance when it is significant and material, else 0."""
    if distance is None or q_value is None or q_value >= SIGNIFICANT_BELOW or distance < MATERIAL_FROM:
        return 0.0
    return distance


def unseen_of(share: float) -> float:
    """u: ten times the share of rows with unseen content, at most 1; nothing below one row in a hundred."""
    return min(1.0, UNSEEN_FACTOR * share) if share >= UNSEEN_FROM else 0.0


def effect_of(shape: float, unseen: float) -> float:
    """What a column alone gives to the score: max(min(1, 2.5 d), u)."""
    return max(min(1.0, SHAPE_FACTOR * shape), unseen)


def _takes_part(one: Measured) -> bool:
    return one.p_value is not None and not one.too_few and not one.broken


def _judged(one: Measured, q_value: float | None, weight: float) -> Judged:
    shape = shape_of(one.distance, q_value)
    share = min(1.0, math.fsum(content.share for content in one.unseen_content))
    unseen = unseen_of(share)
    return Judged(
        shape=shape,
        unseen=unseen,
        feature=FeatureDrift(
            name=one.name,
            test=one.test,
            statistic=one.statistic,
            p_value=one.p_value,
            q_value=q_value,
            distance=one.distance,
            bracket=one.bracket,
            unseen=share,
            unseen_content=one.unseen_content,
            effect=effect_of(shape, unseen),
            weight=weight,
            reason="; ".join(_reasons(one, q_value, shape, share)),
            reference=one.reference,
            current=one.current,
            histogram=one.histogram,
        ),
    )


def _reasons(one: Measured, q_value: float | None, shape: float, share: float) -> list[str]:
    if one.broken:
        return [one.broken]
    reasons = [_shape_words(one, q_value, shape)]
    if one.unseen_content:
        shown = [f"{content.share:.1%} {content.kind}" for content in one.unseen_content[:_SHOWN_CONTENT]]
        if len(one.unseen_content) > _SHOWN_CONTENT:
            shown.append("…")
        small = "" if share >= UNSEEN_FROM else ", too few to count"
        reasons.append(
            f"{share:.1%} of the rows hold what the reference never held{small} ({', '.join(shown)})"
        )
    return reasons


def _shape_words(one: Measured, q_value: float | None, shape: float) -> str:
    if one.too_few:
        return f"shape not judged: {one.too_few}"
    if one.distance is None or q_value is None:
        return "shape not judged: no values to compare"
    if shape:
        strong = "strongly " if effect_of(shape, 0) > ALERT_ABOVE else ""
        return f"the distribution moved {strong}(D = {one.distance:.3f}, {_q_words(q_value)})"
    if q_value >= SIGNIFICANT_BELOW:
        return f"no significant change (D = {one.distance:.3f}, {_q_words(q_value)})"
    return f"significant but small: D = {one.distance:.3f} is below {MATERIAL_FROM} ({_q_words(q_value)})"


def _q_words(q_value: float) -> str:
    return "q < 0.0001" if q_value < 1e-4 else f"q = {q_value:.4f}"  # noqa: PLR2004 - four digits are shown
