"""What a Web API method works on, and the look-ups that many of them share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from bot.console.faultfinding import fault
from bot.console.limits import Surface, Violation, size_violations, violations
from bot.console.tickets import Tickets
from bot.console.values import Channel, Json, Message
from bot.console.web_api.arguments import Arguments
from bot.console.web_api.errors import ApiError, broken_limits
from bot.console.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The workspace with what surrounds it; `socket_url` gives a new Socket Mode address."""

    workspace: Workspace
    tickets: Tickets
    base_url: str
    socket_url: Callable[[], str]

    @property
    def bot(self) -> str:
        """The bot's user id."""
        return self.workspace.app.bot_user_id

    def shown(self, message: Message, *, with_metadata: bool = True) -> Json:
        """The message as the API gives it."""
        return self.workspace.message_json(message, self.base_url, with_metadata=with_metadata)


Method: TypeAlias = Callable[[Context, Arguments], Json]


def channel_of(context: Context, arguments: Arguments, name: str = "channel") -> Channel:
    """The channel named by id, `#name` or a user's id; private ones only for members."""
    asked = arguments.text(name)
    workspace = context.workspace
    if asked in workspace.users:
        return workspace.direct_channel([asked])
    found = workspace.channels.get(asked)
    if found is None:
        named = asked.removeprefix("#")
        found = next((c for c in workspace.channels.values() if c.name == named and not c.is_direct), None)
    if found is None or ((found.is_private or found.is_direct) and context.bot not in found.members):
        raise ApiError("channel_not_found")
    return found


def writable_channel(context: Context, arguments: Arguments, name: str = "channel") -> Channel:
    """The channel, if the bot may write there."""
    found = channel_of(context, arguments, name)
    if found.is_archived:
        raise ApiError("is_archived")
    if context.bot not in found.members:
        raise ApiError("not_in_channel")
    return found


def readable_channel(context: Context, arguments: Arguments) -> Channel:
    """The channel, if the bot may read its history; an archived one may be read."""
    found = channel_of(context, arguments)
    if context.bot not in found.members:
        raise ApiError("not_in_channel")
    return found


def message_at(context: Context, channel: str, ts: str) -> Message:
    """The message that everybody sees there; ephemeral ones cannot be addressed."""
    found = context.workspace.messages.get((channel, ts))
    if found is None or found.only_for is not None:
        raise ApiError("message_not_found")
    return found


def blocks_of(context: Context, arguments: Arguments) -> list[Json] | None:
    """The blocks of a message if any were given, refused when they break a limit."""
    blocks = arguments.structure("blocks", otherwise="invalid_blocks_format")
    if blocks is None:
        return None
    if not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    broken = list(violations(blocks, Surface.MESSAGE)) or missing_files(context, blocks)
    if broken:
        raise broken_limits("invalid_blocks", broken)
    if size_violations(blocks):
        raise ApiError("msg_blocks_too_long")
    return blocks


def missing_files(context: Context, blocks: Sequence[Json], at: str = "/blocks") -> list[Violation]:
    """Images that show a file which Slack does not have; for blocks that break no other limit."""
    found = []
    for index, block in enumerate(blocks):
        inner = [block, block.get("accessory"), *(block.get("elements") or ())]
        for image in inner:
            if isinstance(image, dict) and isinstance(image.get("slack_file"), dict):
                stored = context.workspace.files.get(_file_named(image["slack_file"]))
                if stored is None or not stored.content:
                    found.append(fault(f"{at}/{index}/slack_file", "invalid slack file"))
    return found


def _file_named(slack_file: Json) -> str:
    return str(slack_file.get("id") or str(slack_file.get("url")).rpartition("/files-pri/")[2].split("/")[0])


def page_of(items: Sequence[T], arguments: Arguments, *, default: int, most: int) -> tuple[Sequence[T], str]:
    """One page of a list and the next cursor, empty at the end."""
    limit = arguments.number("limit", default=default, most=most)
    cursor = arguments.text("cursor")
    start = 0
    if cursor:
        head, _, place = cursor.partition(":")
        if head != "next" or not place.isdigit():
            raise ApiError("invalid_cursor")
        start = int(place)
    end = start + limit
    return items[start:end], f"next:{end}" if end < len(items) else ""
