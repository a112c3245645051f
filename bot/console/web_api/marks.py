"""reactions.* and pins.*: marks on a message."""

from bot.console.values import Json
from bot.console.web_api.arguments import Arguments
from bot.console.web_api.context import Context, Method, message_at, readable_channel, writable_channel
from bot.console.web_api.errors import ApiError


def add_reaction(context: Context, arguments: Arguments) -> Json:
    """reactions.add."""
    name = arguments.required("name").strip(":")
    channel = writable_channel(context, arguments)
    message = message_at(context, channel.id, arguments.required("timestamp"))
    users = message.reactions.get(name, ())
    if context.bot in users:
        raise ApiError("already_reacted")
    context.workspace.edit(
        channel.id, message.ts, reactions={**message.reactions, name: (*users, context.bot)}
    )
    return {}


def remove_reaction(context: Context, arguments: Arguments) -> Json:
    """reactions.remove."""
    name = arguments.required("name").strip(":")
    channel = writable_channel(context, arguments)
    message = message_at(context, channel.id, arguments.required("timestamp"))
    users = message.reactions.get(name, ())
    if context.bot not in users:
        raise ApiError("no_reaction")
    left = {**message.reactions, name: tuple(user for user in users if user != context.bot)}
    context.workspace.edit(channel.id, message.ts, reactions={n: u for n, u in left.items() if u})
    return {}


def add_pin(context: Context, arguments: Arguments) -> Json:
    """pins.add."""
    channel = writable_channel(context, arguments)
    message = message_at(context, channel.id, arguments.required("timestamp"))
    if message.is_pinned:
        raise ApiError("already_pinned")
    context.workspace.edit(channel.id, message.ts, is_pinned=True)
    return {}


def remove_pin(context: Context, arguments: Arguments) -> Json:
    """pins.remove."""
    channel = writable_channel(context, arguments)
    message = message_at(context, channel.id, arguments.required("timestamp"))
    if not message.is_pinned:
        raise ApiError("no_pin")
    context.workspace.edit(channel.id, message.ts, is_pinned=False)
    return {}


def pins(context: Context, arguments: Arguments) -> Json:
    """pins.list."""
    channel = readable_channel(context, arguments)
    pinned = [m for m in context.workspace.messages.values() if m.channel == channel.id and m.is_pinned]
    items = [{"type": "message", "channel": channel.id, "message": context.shown(m)} for m in pinned]
    return {"items": items}


METHODS: dict[str, Method] = {
    "reactions.add": add_reaction,
    "reactions.remove": remove_reaction,
    "pins.add": add_pin,
    "pins.remove": remove_pin,
    "pins.list": pins,
}
