"""The threads that are about something outside of any incident: files and answers go there.

Called by whoever has something to show and no incident to show it in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.messages import MessageKind
from bot.domain.remedies import Action

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.domain.messages import Message
    from bot.ports.stores import Transaction

LOOK_BACK: Final = timedelta(days=7)


async def thread_about(tx: Transaction, service: str, check: str) -> tuple[Message, str] | None:
    """The newest message that a check of a service is about, and what people call it; None without one."""
    look = _THREADS.get(check)
    return await look(tx, service) if look else None


def below(message: Message) -> str:
    """The message whose thread a reply to this one goes into: a thread has no threads of its own."""
    return message.thread_of or message.id


async def _of_report(tx: Transaction, service: str) -> tuple[Message, str] | None:
    published = await tx.drift_reports.latest(service)
    if published is None or published.run is None:
        return None
    message = await tx.messages.find(MessageKind.DRIFT, published.run.shown_with)
    return (message, "the newest drift report") if message else None


async def _of_training(tx: Transaction, service: str) -> tuple[Message, str] | None:
    ended = await tx.executions.ended(Action.RETRAIN, since=tx.now - LOOK_BACK)
    for _, approval in reversed(ended):
        if approval.plan.service == service:
            message = await tx.messages.find(MessageKind.APPROVAL, approval.id)
            return (message, "the last request to retrain") if message else None
    return None


_THREADS: Final[Mapping[str, Callable[[Transaction, str], Awaitable[tuple[Message, str] | None]]]] = {
    "drift": _of_report,
    "candidate": _of_training,
}
