"""Getting one approved change done: in bounded time, tried again while that is safe, looked at when in doubt.

Called by the executing engine, which keeps the claim and commits what this answers.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.errors import Temporary
from bot.faults import fault
from bot.remediations.applying import apply, recover
from bot.remediations.outcomes import Applied, ApplyState, cannot_tell, not_done
from bot.remediations.watching import progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.domain.approvals import Grant
    from bot.ports.clock import Clock
    from bot.ports.readers import Readers
    from bot.ports.writers import Writers
    from bot.remediations.deployments import RolloutProgress

    Hold = Callable[[], Awaitable[datetime]]
    """Keeps the claim; the store's time."""

ANSWERS_WITHIN: Final = 30.0
_TRIES: Final = 5
_ROUNDS: Final = 2
_FRESH: Final = timedelta(seconds=15)
"""With an answer about the claim that is older, the claim might be over before the call is."""


class Acting:
    """Acts at most once for a grant. `answers_within` (seconds) bounds each call, whatever adapters do."""

    def __init__(
        self,
        *,
        readers: Readers,
        writers: Writers,
        clock: Clock,
        enabled: Callable[[], bool],
        answers_within: float,
    ) -> None:
        self._readers = readers
        self._writers = writers
        self._clock = clock
        self._enabled = enabled
        self._answers_within = answers_within

    async def act(self, grant: Grant, *, resumed: bool, repeat_until: datetime, hold: Hold) -> Applied:
        """What came of it. `resumed` says that an earlier start may have acted; `hold` keeps the claim.

        Until `repeat_until` what left no trace is known not to have been done. Raises what `hold` raises.
        """
        doubt = looked = resumed
        outcome = await (self._recover(grant, hold, repeat_until) if resumed else self._apply(grant, hold))
        for _ in range(_ROUNDS):
            if outcome.state is ApplyState.CANNOT_TELL and not looked:
                outcome, looked, doubt = await self._recover(grant, hold, repeat_until), True, True
            if outcome.state is not ApplyState.NOT_APPLIED or not looked or not self._enabled():
                break
            # A PATCH that may still be on its way and this one carry the same lock: one of them wins.
            outcome, looked = await self._apply(grant, hold), False
        if doubt and not looked and outcome.state is not ApplyState.APPLIED:
            # The last call alone is known to have done nothing; an earlier one may have arrived since, and
            # nobody looks again later: what is not there now proves nothing.
            outcome = await self._recover(grant, hold, None)
        return outcome

    async def progress(self, grant: Grant) -> RolloutProgress:
        """How far the rollout is. Raises what the reader raises, and Temporary where it hangs."""
        try:
            async with asyncio.timeout(self._answers_within):
                return await progress(grant, readers=self._readers)
        except TimeoutError as error:
            raise Temporary(f"{_other_side(grant)} does not answer") from error

    async def _apply(self, grant: Grant, hold: Hold) -> Applied:
        """Try while trying again can help: `apply` is safe to repeat with the same grant."""
        for attempt in range(1, _TRIES + 1):
            thawed = await self._hold_freshly(hold)
            if thawed and not self._enabled():
                outcome = not_done(grant, "all actions were stopped meanwhile", retry_after=None)
            if (thawed or attempt > 1) and not self._enabled():
                break
            fault("before-apply")
            outcome = await self._answered(grant, apply(grant, readers=self._readers, writers=self._writers))
            if outcome.retry_after is None or attempt == _TRIES:
                break
            await self._clock.sleep(max(outcome.retry_after, float(attempt)))
        return outcome

    async def _hold_freshly(self, hold: Hold) -> bool:
        """Keep the claim right before a call; whether more than a moment went by meanwhile.

        A process that was frozen on the way must not act by an answer from before: another one may have done
        it, or has told people that nothing was done. Raises what `hold` raises, and Temporary.
        """
        for attempt in range(_TRIES):
            asked = self._clock.now()
            await hold()
            if self._clock.now() - asked < _FRESH:
                return attempt > 0
        raise Temporary("the store answers too late to act on what it says")

    async def _recover(self, grant: Grant, hold: Hold, repeat_until: datetime | None) -> Applied:
        """Look, again and again while the world does not tell."""
        for attempt in range(1, _TRIES + 1):
            now = await hold()
            repeatable = repeat_until is not None and now < repeat_until
            outcome = await self._answered(
                grant, recover(grant, readers=self._readers, repeatable=repeatable)
            )
            if outcome.state is not ApplyState.CANNOT_TELL or attempt == _TRIES:
                break
            await self._clock.sleep(float(attempt))
        return outcome

    async def _answered(self, grant: Grant, call: Awaitable[Applied]) -> Applied:
        try:
            async with asyncio.timeout(self._answers_within):
                return await call
        except TimeoutError:
            return cannot_tell(grant, f"{_other_side(grant)} does not answer")


def _other_side(grant: Grant) -> str:
    return "Kubernetes" if grant.plan.target.namespace else "MLflow"
