"""Notices about Lightship itself, for a channel. Called by the composing engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.rendering.blocks import TEXT, context, header, message, section
from bot.rendering.dates import moment
from bot.rendering.escaping import mrkdwn, paragraph
from bot.rendering.people import person

if TYPE_CHECKING:
    from bot.ports.notifier import RenderedMessage
    from bot.rendering.views import NoticeView

_MARK: Final = "\N{INFORMATION SOURCE}\ufe0f"


def notice_message(view: NoticeView) -> RenderedMessage:
    """A title, the text in full as far as Slack takes it, and as of when."""
    title = mrkdwn(view.title, 300)
    return message(
        f"{_MARK} {title}: {mrkdwn(view.text, TEXT - 400)}",
        (
            header(f"{_MARK} {view.title}"),
            section(paragraph(view.text, 2_900)),
            context(f"{person(view.by)}, {moment(view.now)}"),
        ),
    )
