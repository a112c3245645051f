"""Slack as the chat that shows messages: posts, edits, finds and removes them for the publishing engine.

Also the private side that the doors use: answers to a press or command, and modals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.adapters.slack_files import SlackFiles
from bot.domain.errors import Ambiguous, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.adapters.slack_calls import SlackCalls
    from bot.ports.notifier import RenderedMessage

EVENT_TYPE: Final = "lightship_message"
MESSAGE_ID: Final = "message_id"
"""The key of the message's id in the metadata that `post` is given and `find` looks for."""

_PAGE: Final = 200
_PAGES: Final = 10
_CLOCK_SLACK: Final = 60.0
"""Seconds by which our clock may be ahead of Slack's when a message is looked for since a time of ours."""


class SlackNotifier(SlackFiles):
    """`bot.ports.notifier.Notifier` over Slack's Web API."""

    async def post(
        self, *, channel: str, thread: str | None, message: RenderedMessage, metadata: Mapping[str, str]
    ) -> str:
        """Post once. Raises Ambiguous where Slack may have taken it."""
        arguments: dict[str, Any] = {
            "channel": channel,
            "text": message.text,
            "blocks": list(message.blocks),
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": dict(metadata)},
        }
        if thread is not None:
            arguments["thread_ts"] = thread
        answer = await self._calls.call("chat.postMessage", arguments, repeatable=False)
        ts = answer.get("ts")
        if not isinstance(ts, str):
            raise Ambiguous("Slack did not say which message it made of it (chat.postMessage)")
        return ts

    async def update(self, *, channel: str, ts: str, message: RenderedMessage) -> None:
        """Replace text and blocks; the metadata stays as it is."""
        await self._calls.call(
            "chat.update",
            {"channel": channel, "ts": ts, "text": message.text, "blocks": list(message.blocks)},
        )

    async def find(
        self, *, channel: str, thread: str | None, message_id: str, since: datetime
    ) -> tuple[str, ...]:
        """The timestamp ids of our messages with that id, oldest first; looks at 2,000 messages at most."""
        method = "conversations.history" if thread is None else "conversations.replies"
        arguments: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{since.timestamp() - _CLOCK_SLACK:.6f}",
            "include_all_metadata": "true",
            "limit": str(_PAGE),
        }
        if thread is not None:
            arguments["ts"] = thread
        found: set[str] = set()
        for _page in range(_PAGES):
            try:
                answer = await self._calls.call(method, arguments, form=True)
            except NotFound:
                break  # the thread is gone, and whatever was in it
            messages = answer.get("messages") or []
            found.update(str(one.get("ts")) for one in messages if _is_ours(one, message_id))
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
            arguments["cursor"] = cursor
        return tuple(sorted(found, key=float))

    async def delete(self, *, channel: str, ts: str) -> None:
        """Remove a message; one that is gone is no error."""
        try:
            await self._calls.call("chat.delete", {"channel": channel, "ts": ts})
        except NotFound:
            return


class SlackChat:
    """What only one person sees: private answers and modals. Made for `handlers.answering.Chat`."""

    def __init__(self, calls: SlackCalls) -> None:
        self._calls = calls

    async def respond(self, *, url: str, thread: str | None, message: RenderedMessage) -> None:
        """Answer through a response_url, once, to the one person. Raises Temporary or Permanent."""
        body: dict[str, Any] = {
            "response_type": "ephemeral",
            "replace_original": False,
            "text": message.text,
            "blocks": list(message.blocks),
        }
        if thread is not None:
            body["thread_ts"] = thread
        await self._calls.post_answer(url, body)

    async def whisper(self, *, channel: str, user: str, thread: str | None, message: RenderedMessage) -> None:
        """Show a message to one member of a channel. Raises Temporary or Permanent."""
        arguments: dict[str, Any] = {
            "channel": channel,
            "user": user,
            "text": message.text,
            "blocks": list(message.blocks),
        }
        if thread is not None:
            arguments["thread_ts"] = thread
        await self._calls.call("chat.postEphemeral", arguments)

    async def open_view(self, *, trigger_id: str, view: Mapping[str, Any]) -> str:
        """Open a modal; its view id. Raises Permanent where the trigger is too old."""
        answer = await self._calls.call("views.open", {"trigger_id": trigger_id, "view": dict(view)})
        return str((answer.get("view") or {}).get("id", ""))

    async def update_view(self, *, view_id: str, view: Mapping[str, Any]) -> None:
        """Replace an open modal's content. Raises NotFound where it was closed."""
        await self._calls.call("views.update", {"view_id": view_id, "view": dict(view)})


def _is_ours(message: Mapping[str, Any], message_id: str) -> bool:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return (
        "bot_id" in message
        and metadata.get("event_type") == EVENT_TYPE
        and payload.get(MESSAGE_ID) == message_id
    )
