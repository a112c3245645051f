"""conversations.*: what was said where, and who is there."""

from collections.abc import Sequence
from dataclasses import replace

from bot.console.values import Json, Message
from bot.console.web_api.arguments import Arguments
from bot.console.web_api.context import (
    Context,
    Method,
    channel_of,
    page_of,
    readable_channel,
    writable_channel,
)
from bot.console.web_api.errors import ApiError, missing


def _within(messages: Sequence[Message], arguments: Arguments) -> list[Message]:
    oldest, latest = arguments.text("oldest") or "0", arguments.text("latest")
    inclusive = arguments.flag("inclusive")
    try:
        low, high = float(oldest), float(latest) if latest else float("inf")
    except ValueError:
        raise ApiError("invalid_ts_oldest") from None
    return [m for m in messages if low < float(m.ts) < high or (inclusive and float(m.ts) in (low, high))]


def _messages(context: Context, found: Sequence[Message], arguments: Arguments) -> Json:
    shown, cursor = page_of(found, arguments, default=100, most=999)
    with_metadata = arguments.flag("include_all_metadata")
    answer: Json = {
        "messages": [context.shown(m, with_metadata=with_metadata) for m in shown],
        "has_more": bool(cursor),
    }
    if cursor:
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


def history(context: Context, arguments: Arguments) -> Json:
    """conversations.history: newest first, without replies."""
    channel = readable_channel(context, arguments)
    found = _within(context.workspace.history(channel.id), arguments)[::-1]
    return {**_messages(context, found, arguments), "pin_count": 0}


def replies(context: Context, arguments: Arguments) -> Json:
    """conversations.replies: a thread, its parent first."""
    channel = readable_channel(context, arguments)
    ts = arguments.required("ts")
    found = context.workspace.replies(channel.id, ts)
    if not found:
        raise ApiError("thread_not_found")
    parents = [m for m in found if m.ts == ts]
    return _messages(context, [*parents, *_within([m for m in found if m.ts != ts], arguments)], arguments)


def conversation(context: Context, arguments: Arguments) -> Json:
    """conversations.info."""
    if not arguments.given("channel"):
        raise missing("channel")
    return {"channel": channel_of(context, arguments).as_json(context.bot)}


def listing(context: Context, arguments: Arguments) -> Json:
    """conversations.list."""
    types = (arguments.text("types") or "public_channel").split(",")
    found = []
    for channel in context.workspace.channels.values():
        kind = "im" if channel.is_direct else "private_channel" if channel.is_private else "public_channel"
        hidden = kind != "public_channel" and context.bot not in channel.members
        if kind in types and not hidden and not (channel.is_archived and arguments.flag("exclude_archived")):
            found.append(channel.as_json(context.bot))
    shown, cursor = page_of(found, arguments, default=100, most=999)
    return {"channels": list(shown), "response_metadata": {"next_cursor": cursor}}


def members(context: Context, arguments: Arguments) -> Json:
    """conversations.members."""
    channel = channel_of(context, arguments)
    shown, cursor = page_of(sorted(channel.members), arguments, default=100, most=999)
    return {"members": list(shown), "response_metadata": {"next_cursor": cursor}}


def join(context: Context, arguments: Arguments) -> Json:
    """conversations.join."""
    channel = channel_of(context, arguments)
    if channel.is_private or channel.is_direct:
        raise ApiError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise ApiError("is_archived")
    context.workspace.join(channel.id, context.bot)
    return {"channel": context.workspace.channels[channel.id].as_json(context.bot)}


def opened(context: Context, arguments: Arguments) -> Json:
    """conversations.open: the direct conversation with the users."""
    users = [user for user in arguments.required("users").split(",") if user]
    if any(user not in context.workspace.users for user in users):
        raise ApiError("user_not_found")
    channel = context.workspace.direct_channel(users)
    return {"channel": channel.as_json(context.bot)}


def set_topic(context: Context, arguments: Arguments) -> Json:
    """conversations.setTopic."""
    channel = writable_channel(context, arguments)
    topic = arguments.text("topic")
    if len(topic) > 250:  # noqa: PLR2004 (Slack's limit on a topic, used here only)
        raise ApiError("too_long")
    context.workspace.put_channel(replace(channel, topic=topic))
    return {"channel": context.workspace.channels[channel.id].as_json(context.bot)}


METHODS: dict[str, Method] = {
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.info": conversation,
    "conversations.list": listing,
    "conversations.members": members,
    "conversations.join": join,
    "conversations.open": opened,
    "conversations.setTopic": set_topic,
}
