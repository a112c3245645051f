"""Bringing one claimed message to its latest state; called by the publishing loop.

A first post may have happened although we do not know it: the answer was lost, the process died, or it was
frozen until another took over. So an intent is in the store before the post, the message carries its id, and
whoever finds an earlier intent looks the message up before posting again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.backoff import Backoff
from bot.domain.errors import Ambiguous, ContentRefused, LightshipError, NotFound, Temporary
from bot.domain.messages import MessageKind
from bot.engines.looking_up import LookingUp
from bot.engines.noting import note_shown
from bot.engines.sharing import Sharing
from bot.engines.spacing import Spacing
from bot.faults import fault
from bot.logs import Log, LogAction
from bot.ports.notifier import RenderedMessage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.domain.messages import Message
    from bot.ports.clock import Clock
    from bot.ports.message_stores import Claimed
    from bot.ports.notifier import Notifier
    from bot.ports.stores import Store, Transaction

_LOG = Log("publishing")
_LONGEST_PLAIN = 3_000
_UNKNOWN_REVISION = 0
_SAFE_PART = 0.6
"""The part of a lease in which a call may begin; the rest is for the call itself."""


class Outcome(StrEnum):
    """How an attempt to show a message ended."""

    SHOWN = "shown"
    FOUND = "found"
    LEASE_LOST = "lease_lost"
    UNSURE = "unsure"
    POSTPONED = "postponed"
    GONE = "gone"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waits:
    """How long to wait after failures that may pass, after those that need a person, and around look-ups."""

    temporary: Backoff = field(
        default_factory=lambda: Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=30))
    )
    permanent: Backoff = field(
        default_factory=lambda: Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=5))
    )
    clock_difference: timedelta = timedelta(minutes=10)
    late_post: float = 2.0
    late_share: timedelta = timedelta(seconds=5)
    finish_again: float = 0.5
    finish_tries: int = 4


class Delivering:
    """One attempt at one message. `owner` is the name under which the message was claimed."""

    def __init__(
        self,
        *,
        store: Store,
        notifier: Notifier,
        clock: Clock,
        compose: Callable[[Transaction, Message], Awaitable[RenderedMessage]],
        owner: str,
        lease: timedelta,
        channel_interval: timedelta,
        waits: Waits,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._compose = compose
        self._owner = owner
        self._safe = lease * _SAFE_PART
        self._waits = waits
        self._looking_up = LookingUp(store=store, notifier=notifier, clock_difference=waits.clock_difference)
        self._sharing = Sharing(store=store, notifier=notifier)
        self._spacing = Spacing(clock=clock, interval=channel_interval)

    async def deliver(self, claimed: Claimed) -> Outcome:
        """Show it, or note why not and when to try again. Raises Temporary where the store cannot be had."""
        message = claimed.message
        deadline = self._clock.now() + self._safe
        try:
            if message.kind is MessageKind.FILE:
                outcome = await self._share(claimed, deadline)
            elif message.ts:
                outcome = await self._edit(message, deadline)
            else:
                outcome = await self._post(claimed, deadline)
        except Exception as error:  # noqa: BLE001 - whatever sending does, the message stays due and visible
            outcome = await self._failed(claimed, error)
        telemetry.PUBLISHED.labels(outcome=outcome.value).inc()
        return outcome

    async def _edit(self, message: Message, deadline: datetime) -> Outcome:
        rendered, revision = await self._render(message)
        ts = message.ts or ""
        async with self._spacing.call(message.channel):
            fault("before-update")
            self._check(deadline)
            try:
                await self._notifier.update(channel=message.channel, ts=ts, message=rendered)
            except ContentRefused as error:
                plain = _plain(message, rendered, error)
                await self._notifier.update(channel=message.channel, ts=ts, message=plain)
        fault("after-update")
        return await self._finish(message, revision=revision, ts=ts)

    async def _share(self, claimed: Claimed, deadline: datetime) -> Outcome:
        """A file is shown once and never changes; its `ts` is the chat's id of the file."""
        message, ts = claimed.message, claimed.message.ts
        if ts is None:
            async with self._spacing.call(message.channel):
                ts = await self._sharing.share(claimed, before_share=lambda: self._check(deadline))
        return await self._finish(message, revision=message.desired_revision, ts=ts)

    async def _post(self, claimed: Claimed, deadline: datetime) -> Outcome:
        message = claimed.message
        if claimed.recovering is not None:
            earlier = await self._looking_up.find_one(claimed, since=claimed.recovering)
            if earlier is not None:
                return await self._finish(message, revision=_UNKNOWN_REVISION, ts=earlier, found=True)
        rendered, revision = await self._render(message)
        async with self._spacing.call(message.channel):
            fault("before-post")
            self._check(deadline)
            try:
                ts = await self._post_once(claimed, rendered)
            except ContentRefused as error:
                ts = await self._post_once(claimed, _plain(message, rendered, error))
        fault("after-post")
        if claimed.recovering is not None:
            # The earlier post may have arrived just now, behind our look-up.
            with suppress(LightshipError):
                ts = await self._looking_up.find_one(claimed, since=claimed.recovering) or ts
        return await self._finish(message, revision=revision, ts=ts, posted=True)

    def _check(self, deadline: datetime) -> None:
        """A process that was frozen must not speak for a claim that another one may have by now."""
        if self._clock.now() > deadline:
            raise Temporary("the claim was nearly over before the call could begin")

    async def _post_once(self, claimed: Claimed, rendered: RenderedMessage) -> str:
        message = claimed.message
        metadata = {"message_id": message.id, "kind": message.kind.value, "subject": message.subject}
        return await self._notifier.post(
            channel=message.channel, thread=claimed.thread_ts, message=rendered, metadata=metadata
        )

    async def _render(self, message: Message) -> tuple[RenderedMessage, int]:
        """The latest state, and the revision that it is, read in one transaction."""
        async with self._store.transaction() as tx:
            latest = await tx.messages.find(message.kind, message.subject) or message
            return await self._compose(tx, latest), latest.desired_revision

    async def _finish(
        self, message: Message, *, revision: int, ts: str, posted: bool = False, found: bool = False
    ) -> Outcome:
        fault("before-finish")
        try:
            kept = await self._keep_outcome(message, revision=revision, ts=ts)
        except LightshipError as error:
            # The chat has it, whatever the store says: a post must be looked up before it is made again.
            raise Ambiguous(f"the chat took it, and the store did not keep that: {error}") from error
        fault("after-finish")
        if kept is None:
            return Outcome.FOUND if found else Outcome.SHOWN
        _LOG.warning(LogAction.LEASE_LOST, message=message.id, kind=message.kind.value)
        if posted and kept.ts != ts:
            # Another replica took over and shows it by a message of its own, or is about to.
            with suppress(LightshipError):
                await self._notifier.delete(channel=message.channel, ts=ts)
        return Outcome.LEASE_LOST

    async def _keep_outcome(self, message: Message, *, revision: int, ts: str) -> Message | None:
        """None where the outcome is stored, else the row that another owner has."""
        for attempt in range(1, self._waits.finish_tries + 1):
            try:
                async with self._store.transaction() as tx:
                    first_of_request = message.kind is MessageKind.APPROVAL and message.ts is None
                    if first_of_request and message.incident_id is not None:
                        # What is noted below holds on to the incident, which is locked before any message: a
                        # press in the same moment on another replica has it already.
                        await tx.incidents.get(message.incident_id)
                    ours = await tx.messages.finish(message.id, owner=self._owner, revision=revision, ts=ts)
                    row = None if ours else await tx.messages.find(message.kind, message.subject)
                    waited = tx.now - message.created_at
                    if ours and first_of_request:
                        await note_shown(tx, message, ts)
                    if ours and message.kind is MessageKind.FILE:
                        await tx.files.shown(message.subject)
                break
            except Temporary:
                if attempt == self._waits.finish_tries:
                    raise
                await self._clock.sleep(self._waits.finish_again)
        if (
            ours
            and message.kind is MessageKind.INCIDENT
            and message.ts is None
            and not message.posted_revision
        ):
            telemetry.WEBHOOK_TO_SLACK.observe(waited.total_seconds())
        return None if ours else row or message

    async def _failed(self, claimed: Claimed, error: Exception) -> Outcome:
        message = claimed.message
        if isinstance(error, NotFound) and message.ts is None and claimed.thread_ts is not None:
            with suppress(LightshipError):
                await self._looking_up.forget_lost_parent(claimed)
        async with self._store.transaction() as tx:
            outcome = await self._set_aside(tx, claimed, error)
        log = _LOG.warning if isinstance(error, LightshipError) else _LOG.error
        log(LogAction.MESSAGE_POSTPONED, message=message.id, outcome=outcome.value, error=_words(error))
        if outcome is Outcome.UNSURE and message.ts is None:
            with suppress(LightshipError):
                await self._remove_late(claimed)
        return outcome

    async def _remove_late(self, claimed: Claimed) -> None:
        """A post that arrived behind another owner's look-up, as of a process that was frozen, goes."""
        async with self._store.transaction() as tx:
            row = await tx.messages.get(claimed.message.id)
        if row is not None and row.ts is not None:
            await self._clock.sleep(self._waits.late_post)
            await self._looking_up.remove_others(claimed, keep=row.ts)

    async def _set_aside(self, tx: Transaction, claimed: Claimed, error: Exception) -> Outcome:
        """Give the claim back with what is known of the failure."""
        message = claimed.message
        failures, posting = message.attempts + 1, message.ts is None
        wait, forget, certain = self._waits.temporary.after(failures, of=message.id), False, True
        match error:
            case Ambiguous():
                outcome, certain = Outcome.UNSURE, False
                if message.kind is MessageKind.FILE:
                    wait = max(wait, self._waits.late_share)
            case Temporary():
                outcome = Outcome.POSTPONED
                # Before a look-up has answered, an earlier post is still possible.
                certain = claimed.recovering is None
                if error.delay is not None:
                    wait = timedelta(seconds=error.delay)
                    await tx.messages.hold(channel=message.channel if posting else None, until=tx.now + wait)
            case NotFound() if not posting:
                outcome, forget, wait = Outcome.GONE, True, timedelta(0)
            case LightshipError():
                outcome = Outcome.REFUSED
                certain = claimed.recovering is None
                wait = self._waits.permanent.after(failures, of=message.id)
            case _:
                telemetry.LOOP_ERRORS.labels(loop="publishing").inc()
                outcome, certain = Outcome.FAILED, False
                wait = self._waits.permanent.after(failures, of=message.id)
        if posting and certain:
            await tx.messages.clear_intent(message.id, owner=self._owner)
        await tx.messages.postpone(
            message.id, owner=self._owner, error=_words(error), retry_at=tx.now + wait, forget_ts=forget
        )
        return outcome


def _plain(message: Message, rendered: RenderedMessage, error: Exception) -> RenderedMessage:
    """The text alone, which nothing but its length can be wrong with."""
    telemetry.MESSAGES_PLAIN.inc()
    _LOG.error(LogAction.MESSAGE_REFUSED, message=message.id, kind=message.kind.value, error=_words(error))
    return RenderedMessage(text=rendered.text[:_LONGEST_PLAIN])


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, LightshipError) else type(error).__name__
