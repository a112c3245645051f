"""Making incidents of accepted webhooks: a loop over the ledger, woken by the intake.

Each batch is one transaction: incidents, events, messages and the ledger change together or not at all. It
takes more webhooks the less they say: holding SQLite's writer for long would hold up the answers. Where
a batch fails its webhooks are tried one by one, so that one that cannot be merged holds up no other; it stays
in the ledger, is tried again later and later, and is visible as undelivered until it is merged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain import drills
from bot.domain.backoff import Backoff
from bot.domain.errors import LightshipError, Temporary
from bot.domain.heartbeats import take_heartbeats
from bot.domain.routing import split
from bot.engines.listening import BEAT
from bot.engines.merge_batches import Batch
from bot.engines.waking import Waker
from bot.faults import fault
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.domain.alerts import Alert
    from bot.domain.deliveries import Delivery
    from bot.domain.incidents import Classification, IntakeRules
    from bot.domain.routing import ServiceRouting
    from bot.ports.clock import Clock, Ids
    from bot.ports.stores import Store, Transaction

_LOG = Log("merging")


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeLimits:
    """What a transaction takes; seconds between looks at the ledger; the waits of a webhook that failed.

    A transaction takes `first` webhooks, twice as many after one that merged all it took, `batch` at most. It
    ends early where what it did weighs `weight`: an alert weighs 1, an incident that changed `change`.
    """

    first: int = 4
    batch: int = 64
    weight: int = 400
    change: int = 100
    poll: float = 1.0
    backoff: Backoff = field(
        default_factory=lambda: Backoff(first=timedelta(seconds=2), longest=timedelta(minutes=5))
    )


class Merging:
    """The loop. `on_opened` is told the numbers of incidents that opened or reopened, after the commit.

    `classify` says what an alert means, `routing` whose it is; what nobody takes goes to `default_channel`,
    or is counted and let go where there is none. Alerts that are heartbeats only beat.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        routing: ServiceRouting,
        classify: Callable[[Alert], Classification],
        rules: IntakeRules,
        default_channel: str | None,
        on_opened: Callable[[Sequence[int]], None],
        is_heartbeat: Callable[[Mapping[str, str]], bool] = lambda _labels: False,
        limits: MergeLimits = MergeLimits(),
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._routing = routing
        self._classify = classify
        self._rules = rules
        self._default_channel = default_channel
        self._on_opened = on_opened
        self._is_heartbeat = is_heartbeat
        self._limits = limits
        self._waker = Waker(clock)
        self._take = limits.first
        self._more = False
        self._stopping = False

    def wake(self) -> None:
        """There is something in the ledger."""
        self._waker.ring()

    def stop(self) -> None:
        """End after the transaction that is under way: what is left stays in the ledger."""
        self._stopping = True
        self._waker.ring()

    async def run(self) -> None:
        """Merge until `stop` is called; errors are counted and outlived."""
        while not self._stopping:
            try:
                await self.step()
            except Exception as error:  # noqa: BLE001 - the loop must survive whatever the store does
                telemetry.LOOP_ERRORS.labels(loop="merging").inc()
                _LOG.warning(LogAction.LOOP_FAILED, loop="merging", error=_words(error))
                self._more = False
                await self._clock.sleep(self._limits.poll)
            if not self._more:
                await self._waker.wait(at_most=self._limits.poll)

    async def step(self) -> int:
        """Merge one batch; how many webhooks there were. Raises Temporary where the store cannot be had."""
        taken = self._take
        try:
            merged = await self._merge_batch(limit=taken)
        except Temporary:
            raise
        except Exception as error:  # noqa: BLE001 - one of them cannot be merged: find out which, and go on
            telemetry.LOOP_ERRORS.labels(loop="merging").inc()
            _LOG.warning(LogAction.LOOP_FAILED, loop="merging", error=_words(error))
            merged = sum([await self._merge_one() for _ in range(taken)])
            self._more = merged == taken
            return merged
        self._take = min(max(merged * 2, self._limits.first), self._limits.batch)
        return merged

    async def _merge_one(self) -> int:
        """Merge the oldest webhook alone, or note that it failed; 0 where there is none."""
        holder: list[Delivery] = []
        try:
            return await self._merge_batch(limit=1, holder=holder)
        except Temporary:
            raise
        except Exception as error:
            if not holder:
                raise
            await self._set_aside(holder[0], error)
            return 1

    async def _merge_batch(self, *, limit: int, holder: list[Delivery] | None = None) -> int:
        async with self._store.transaction() as tx:
            deliveries = await tx.deliveries.take(limit=limit)
            if holder is not None:
                holder.extend(deliveries)
            batch = Batch(tx, ids=self._ids, classify=self._classify, rules=self._rules)
            merged = await self._absorb_all(batch, deliveries)
            if deliveries:  # an idle look at the ledger has nothing that a crash could lose
                fault("before-merge-commit")
        # Looking whether there is nothing more would hold up who shows what was merged.
        self._more = len(deliveries) == limit or merged < len(deliveries)
        if not deliveries:
            return 0
        fault("after-merge-commit")
        batch.measure()
        if batch.burning:
            self._on_opened(tuple(batch.burning))
        return merged

    async def _absorb_all(self, batch: Batch, deliveries: Sequence[Delivery]) -> int:
        """Merge them in their order until that weighs enough; how many it were."""
        if not deliveries:
            return 0
        heard = [take_heartbeats(delivery.group, self._is_heartbeat) for delivery in deliveries]
        known = await _drills(batch.tx, deliveries)
        splits = [
            split(one.group, self._routing, default_channel=self._default_channel, drills=known)
            for one in heard
        ]
        await batch.know([part.key for one in splits for part in one.parts])
        merged: list[str] = []
        for delivery, listened, one in zip(deliveries, heard, splits, strict=True):
            if merged and batch.weight(change=self._limits.change) >= self._limits.weight:
                break
            if listened.beats:
                batch.beats += 1
                await batch.tx.heartbeats.beat(BEAT, delivery.received_at)
            # What goes to the default channel is seen by people and needs no count.
            batch.unmatched += 0 if self._default_channel else len(one.unmatched)
            for part in one.parts:
                await batch.absorb(part, received_at=delivery.received_at)
            merged.append(delivery.id)
        await batch.finish()
        await batch.tx.deliveries.merged(merged)
        return len(merged)

    async def _set_aside(self, delivery: Delivery, error: Exception) -> None:
        _LOG.error(
            LogAction.DELIVERY_FAILED, cause=error, delivery=delivery.id, attempts=delivery.attempts + 1
        )
        async with self._store.transaction() as tx:
            wait = self._limits.backoff.after(delivery.attempts + 1, of=delivery.id)
            await tx.deliveries.failed(delivery.id, error=_words(error), retry_at=tx.now + wait)
        telemetry.MERGE_FAILURES.inc()


async def _drills(tx: Transaction, deliveries: Sequence[Delivery]) -> Mapping[str, str]:
    """The drills among the alerts, by fingerprint. Only what may be one is looked up; the store decides."""
    asked = {
        alert.fingerprint
        for delivery in deliveries
        for alert in delivery.group.alerts
        if drills.LABEL in alert.labels
    }
    return await tx.drills.known(asked) if asked else {}


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, LightshipError) else type(error).__name__
