"""The kill switch: stopping all actions at once, on every replica, and letting them go on. For the doors.

The switch is a row of the store. Whoever grants or begins to act reads it in that same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.commands import Outcome, OutcomeReason
from bot.domain.errors import Temporary
from bot.domain.events import EventKind
from bot.domain.freezing import Freeze
from bot.domain.messages import MessageKind
from bot.engines.noticing import put_notice
from bot.engines.noting import append

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.domain.actors import Actor
    from bot.domain.commands import SwitchActions
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction

_FROZEN = "Nothing is asked for, approved or done until somebody who may approve writes `unfreeze`."


class Freezing:
    """Freezes and unfreezes. Each of `channels` is told; waiting requests and incidents are shown anew."""

    def __init__(
        self, *, store: Store, ids: Ids, channels: Sequence[str], enabled: Callable[[], bool]
    ) -> None:
        self._store = store
        self._ids = ids
        self._enabled = enabled
        self._channels = tuple(dict.fromkeys(channels))

    async def freeze(self, command: SwitchActions) -> Outcome:
        """Stop all actions; a second person is told who did it already."""
        async with self._store.transaction() as tx:
            freeze = Freeze(by=command.actor, at=tx.now, reason=command.reason)
            if not await tx.freezes.begin(freeze):
                known = await tx.freezes.current()
                by = f" by <@{known.by.id}>" if known else ""
                return Outcome(reason=OutcomeReason.ALREADY, sentence=f"All actions are frozen already{by}.")
            why = f"{command.reason.rstrip('.')}. " if command.reason.strip() else ""
            await self._keep(tx, command, EventKind.ACTIONS_FROZEN)
            await self._tell(tx, command.actor, "All actions are frozen", f"{why}{_FROZEN}")
        telemetry.ACTIONS_FROZEN.set(1)
        return Outcome(reason=OutcomeReason.DONE, sentence=f"All actions are frozen. {_FROZEN}")

    async def unfreeze(self, command: SwitchActions) -> Outcome:
        """Let actions go on. What was granted before the freeze and not begun has failed meanwhile."""
        async with self._store.transaction() as tx:
            if not await tx.freezes.end():
                return Outcome(reason=OutcomeReason.ALREADY, sentence="Nothing is frozen.")
            await self._keep(tx, command, EventKind.ACTIONS_UNFROZEN)
            words = "The freeze is over. Ask again for what was refused or failed because of it."
            await self._tell(tx, command.actor, "Actions are possible again", words)
        telemetry.ACTIONS_FROZEN.set(0)
        return Outcome(reason=OutcomeReason.DONE, sentence="Actions are possible again.")

    async def show_anew(self) -> None:
        """At a start: what was drawn under another configuration gets the buttons of this one."""
        async with self._store.transaction() as tx:
            for approval in await tx.approvals.requested():
                await tx.messages.touch(MessageKind.APPROVAL, approval.id)
            for incident in () if self._enabled() else await tx.incidents.unresolved():
                await tx.messages.touch(MessageKind.INCIDENT, str(incident.id))

    async def ask(self) -> None:
        """Raise Temporary, with who and why, while everything is stopped: a line of `/readyz`."""
        async with self._store.transaction() as tx:
            freeze = await tx.freezes.current()
        telemetry.ACTIONS_FROZEN.set(1 if freeze or not self._enabled() else 0)
        if not self._enabled():
            raise Temporary("switched off by the configuration: remediations.enabled is false")
        if freeze is not None:
            why = f": {freeze.reason}" if freeze.reason else ""
            raise Temporary(f"frozen by {freeze.by.id} since {freeze.at:%Y-%m-%d %H:%M:%SZ}{why}")

    async def _keep(self, tx: Transaction, command: SwitchActions, kind: EventKind) -> None:
        detail = {"reason": command.reason}
        await append(
            tx,
            self._ids,
            kind,
            service=command.service,
            incident_id=None,
            actor=command.actor,
            detail=detail,
        )
        for approval in await tx.approvals.requested():
            await tx.messages.touch(MessageKind.APPROVAL, approval.id)
        for incident in await tx.incidents.unresolved():
            await tx.messages.touch(MessageKind.INCIDENT, str(incident.id))

    async def _tell(self, tx: Transaction, by: Actor, title: str, text: str) -> None:
        for channel in self._channels:
            event = await append(
                tx,
                self._ids,
                EventKind.NOTICE,
                service="",
                incident_id=None,
                actor=by,
                detail={"name": "freeze", "title": title, "text": text},
            )
            await put_notice(tx, self._ids, event, channel=channel)
