"""Slack's external upload in its three steps: an address, the bytes, and the sharing into a thread.

Under `bot.adapters.slack`. The bytes alone show nothing, so those two steps may be repeated; the sharing
posts a message, so it is never repeated before Slack was asked whether it has happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.domain.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.adapters.slack_calls import SlackCalls


class SlackFiles:
    """The part of `bot.ports.notifier.Notifier` that is about files."""

    def __init__(self, calls: SlackCalls) -> None:
        self._calls = calls

    async def upload(self, *, name: str, content: bytes, alt_text: str) -> str:
        """Bring the content to Slack, where nobody sees it yet; the file's id."""
        asked: dict[str, Any] = {"filename": name, "length": str(len(content))}
        if alt_text:
            asked["alt_txt"] = alt_text[:1_000]
        answer = await self._calls.call("files.getUploadURLExternal", asked, form=True)
        await self._calls.send_bytes(str(answer["upload_url"]), content)
        return str(answer["file_id"])

    async def share(self, *, file_id: str, channel: str, thread: str | None, title: str, text: str) -> None:
        """Show an uploaded file in a channel or thread, once. Raises Ambiguous where it may be shown."""
        asked: dict[str, Any] = {
            "files": [{"id": file_id, "title": title}],
            "channel_id": channel,
        }
        if text:
            asked["initial_comment"] = text
        if thread is not None:
            asked["thread_ts"] = thread
        await self._calls.call("files.completeUploadExternal", asked, repeatable=False)

    async def is_shared(self, *, file_id: str, channel: str) -> bool:
        """Whether the channel shows it. Raises NotFound where Slack has no such file any more."""
        answer = await self._calls.call("files.info", {"file": file_id}, form=True)
        file = answer.get("file") or {}
        if file.get("mode") == "tombstone":
            raise NotFound("Slack: the file was deleted (files.info)")
        shares = file.get("shares") or {}
        places = [*(file.get("channels") or ()), *(file.get("groups") or ()), *(file.get("ims") or ())]
        return channel in places or any(channel in _mapping(of) for of in shares.values())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
