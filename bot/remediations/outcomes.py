"""What came of trying to act, said so that the engine knows whether to try again, look, or ask a human."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.errors import Forbidden, LightshipError, Temporary
from bot.domain.outside_text import one_line
from bot.domain.remedies import Failure
from bot.remediations.words import done_words, doubt_words

if TYPE_CHECKING:
    from bot.domain.approvals import Grant


RBAC: Final = "`lightship rbac` prints the Role that has the right."
MLFLOW: Final = "Give MLflow's user of Lightship (MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_TOKEN) the right."


class ApplyState(StrEnum):
    """What came of trying to act."""

    APPLIED = "applied"
    OBJECT_CHANGED = "object_changed"
    NOT_APPLIED = "not_applied"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What came of `apply` or `recover`, with a sentence for the thread.

    `object_changed` and `not_applied` are certain: nothing was done. After `object_changed` a new plan must
    be approved; after `not_applied`, `retry_after` (seconds) says that trying again may help, None that it
    cannot. After `cannot_tell` look again with `recover`, then ask a human. `lacks_right` says that the other
    side gave a missing right as its reason.
    """

    state: ApplyState
    sentence: str
    retry_after: float | None = None
    lacks_right: bool = False

    @property
    def failure(self) -> Failure:
        """As what it is counted where it is the end, and nothing was done or nobody can tell."""
        if self.lacks_right:
            return Failure.MISSING_RIGHT
        if self.state is ApplyState.OBJECT_CHANGED:
            return Failure.OBJECT_CHANGED
        if self.state is ApplyState.CANNOT_TELL:
            return Failure.CANNOT_TELL
        return Failure.REFUSED if self.retry_after is None else Failure.NO_ANSWER


def applied(grant: Grant, *, since: str = "") -> Applied:
    """It was done; `since` is what somebody did to it afterwards."""
    return Applied(state=ApplyState.APPLIED, sentence=f"{done_words(grant)}{since}")


def changed(grant: Grant, what: str) -> Applied:
    """It is no longer what was approved, so nothing was done."""
    return Applied(
        state=ApplyState.OBJECT_CHANGED,
        sentence=f"{grant.plan.target} is not what was approved: {what}; nothing was done",
    )


def gone(grant: Grant) -> Applied:
    """There is nothing left to do it to."""
    return Applied(state=ApplyState.OBJECT_CHANGED, sentence=f"{grant.plan.target} is gone; nothing was done")


def not_done(grant: Grant, why: str, *, retry_after: float | None = 0.0) -> Applied:
    """A look showed that it was not done."""
    sentence = f"{doubt_words(grant.plan, negated=True)}: {why}"
    return Applied(state=ApplyState.NOT_APPLIED, sentence=sentence, retry_after=retry_after)


def refused(error: LightshipError, *, mend: str = RBAC) -> Applied:
    """The other side says that it did not do it. `mend` says how a right that is missing is given."""
    lacks_right = isinstance(error, Forbidden)
    hint = f" {mend}" if lacks_right else ""
    retry_after = (error.delay or 0.0) if isinstance(error, Temporary) else None
    sentence = f"nothing was done: {one_line(error, limit=300)}"
    return Applied(
        state=ApplyState.NOT_APPLIED,
        sentence=sentence + hint,
        retry_after=retry_after,
        lacks_right=lacks_right,
    )


def cannot_tell(grant: Grant, why: str) -> Applied:
    """It may have been done or not."""
    sentence = f"whether {doubt_words(grant.plan)} cannot be told: {why}"
    return Applied(state=ApplyState.CANNOT_TELL, sentence=sentence)
