"""Short entries of an incident's thread: what was done, by whom. Called by the composing engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.rendering.approvals import undo_button
from bot.rendering.blocks import actions, context, message, section
from bot.rendering.dates import moment
from bot.rendering.people import called
from bot.rendering.sentences import sentence

if TYPE_CHECKING:
    from bot.ports.notifier import RenderedMessage
    from bot.rendering.views import EventView


def event_entry(view: EventView) -> RenderedMessage:
    """One sentence, and when; the user group is called where the view says so."""
    words = sentence(view.event)
    call = f"{called(view.mention)} " if view.mention else ""
    blocks = (
        section(f"{call}{words}"),
        *(actions([undo_button(view.undoable)]) if view.undoable else ()),
        context(f"#{view.incident.id} · {moment(view.event.at)}"),
    )
    return message(f"{call}#{view.incident.id} {words}", blocks)
