"""Who did it, and who is called: mentions are made here and nowhere else, from ids that look like ids.

Used by all renderers. Showing a person's name with `person` notifies nobody when a message is edited; the
renderers call `called` only where the view says that somebody is to be called.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bot.domain.actors import ActorKind
from bot.rendering.escaping import code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.actors import Actor

_USER: Final = re.compile(r"[UW][A-Z0-9]{1,30}", re.ASCII)
_GROUP: Final = re.compile(r"S[A-Z0-9]{1,30}", re.ASCII)
_MOST_CALLED: Final = 20
_ESCAPED_USER: Final = re.compile(r"&lt;@([UW][A-Z0-9]{1,30})&gt;", re.ASCII)


def person(actor: Actor | None) -> str:
    """A person as Slack shows them, Lightship by its name."""
    if actor is None:
        return "somebody"
    return "Lightship" if actor.kind is ActorKind.BOT else called(actor.id)


def called(chat_id: str) -> str:
    """A user or a user group as a mention; anything else as the text it is."""
    if _USER.fullmatch(chat_id):
        return f"<@{chat_id}>"
    if _GROUP.fullmatch(chat_id):
        return f"<!subteam^{chat_id}>"
    return code(chat_id, 60)


def all_called(chat_ids: Sequence[str]) -> str:
    """Several mentions in a row, a bounded number of them."""
    shown = " ".join(called(chat_id) for chat_id in chat_ids[:_MOST_CALLED])
    rest = len(chat_ids) - _MOST_CALLED
    return f"{shown} and {rest} more" if rest > 0 else shown


def with_people(escaped: str) -> str:
    """An escaped sentence of an engine, its `<@U…>` alive again; for private answers, which notify nobody."""
    return _ESCAPED_USER.sub(r"<@\1>", escaped)
