"""chat.*: posting, updating, deleting, whispering, linking."""

import re

from bot.console.limits import POST_TEXT, update_text_violations
from bot.console.values import Json
from bot.console.web_api.arguments import Arguments
from bot.console.web_api.context import (
    Context,
    Method,
    blocks_of,
    channel_of,
    message_at,
    writable_channel,
)
from bot.console.web_api.errors import ApiError, missing

TIMESTAMP = re.compile(r"\d{10,}\.\d{6}")
METADATA_LONGEST = 8_000


def metadata_of(arguments: Arguments) -> Json | None:
    """The message's metadata, refused when it has not the form of an event."""
    found = arguments.structure("metadata", otherwise="invalid_metadata_format")
    if not found:
        return None
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("event_payload"), dict)
        or not found.get("event_type")
    ):
        raise ApiError("invalid_metadata_format")
    if len(str(found)) > METADATA_LONGEST:
        raise ApiError("metadata_too_large")
    return found


def thread_of(arguments: Arguments) -> str | None:
    """The thread's timestamp if one is given."""
    found = arguments.text("thread_ts")
    if found and not TIMESTAMP.fullmatch(found):
        raise ApiError("invalid_thread_ts")
    return found or None


def content_of(context: Context, arguments: Arguments) -> Json:
    """Text, blocks and attachments of a new message; refuses one without any."""
    blocks = blocks_of(context, arguments)
    attachments = arguments.structure("attachments", otherwise="invalid_attachments") or []
    text = arguments.text("text")
    if not text and not blocks and not attachments:
        raise ApiError("no_text")
    return {"text": text[:POST_TEXT], "blocks": blocks or (), "attachments": tuple(attachments)}


def post_message(context: Context, arguments: Arguments) -> Json:
    """chat.postMessage."""
    if not arguments.given("channel"):
        raise missing("channel")
    channel = writable_channel(context, arguments)
    message = context.workspace.post(
        channel.id,
        user=context.bot,
        thread_ts=thread_of(arguments),
        metadata=metadata_of(arguments),
        is_broadcast=arguments.flag("reply_broadcast"),
        **content_of(context, arguments),
    )
    answer: Json = {"channel": channel.id, "ts": message.ts, "message": context.shown(message)}
    if len(arguments.text("text")) > POST_TEXT:
        answer |= {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
    return answer


def update(context: Context, arguments: Arguments) -> Json:
    """chat.update; text without blocks takes the blocks away."""
    channel = writable_channel(context, arguments)
    message = message_at(context, channel.id, arguments.required("ts"))
    if message.user != context.bot:
        raise ApiError("cant_update_message")
    blocks = blocks_of(context, arguments)
    attachments = arguments.structure("attachments", otherwise="invalid_attachments")
    if not arguments.text("text") and not blocks and not attachments:
        raise ApiError("no_text")
    if update_text_violations(arguments.text("text")):
        raise ApiError("msg_too_long")
    fields: Json = {"text": arguments.text("text"), "blocks": blocks or ()}
    if attachments is not None:
        fields["attachments"] = tuple(attachments)
    if arguments.given("metadata"):
        fields["metadata"] = metadata_of(arguments)
    fields["edited_ts"] = context.workspace.next_ts()
    altered = context.workspace.edit(channel.id, message.ts, **fields)
    return {"channel": channel.id, "ts": altered.ts, "text": altered.text, "message": context.shown(altered)}


def delete(context: Context, arguments: Arguments) -> Json:
    """chat.delete."""
    channel = channel_of(context, arguments)
    message = message_at(context, channel.id, arguments.required("ts"))
    if message.user != context.bot:
        raise ApiError("cant_delete_message")
    if channel.is_archived:
        raise ApiError("is_archived")
    context.workspace.remove(channel.id, message.ts)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(context: Context, arguments: Arguments) -> Json:
    """chat.postEphemeral."""
    channel = writable_channel(context, arguments)
    user = arguments.required("user")
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    message = context.workspace.post(
        channel.id,
        user=context.bot,
        only_for=user,
        thread_ts=thread_of(arguments),
        **content_of(context, arguments),
    )
    return {"message_ts": message.ts}


def get_permalink(context: Context, arguments: Arguments) -> Json:
    """chat.getPermalink."""
    channel = channel_of(context, arguments)
    message = message_at(context, channel.id, arguments.required("message_ts"))
    link = f"{context.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts not in (None, message.ts):
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


METHODS: dict[str, Method] = {
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
    "chat.getPermalink": get_permalink,
}
