"""The state of one Slack workspace: who is there, what was said, what is open on whose screen.

Pure state under a clock that is handed in; the Web API, the deliveries and the page all read and write it,
and tests prepare and inspect it directly. Whoever wants to hear of changes adds a listener.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from time import time
from typing import Any

from bot.console.values import App, Change, Channel, Clock, File, Json, Message, User, UserGroup
from bot.console.view_stacks import ViewStacks

Key = tuple[str, str]
MICRO = 1_000_000
KEPT_NOTICES = 1000


class Workspace:
    """Users, user groups, channels, messages, files, views of one team; raises KeyError for unknown ids."""

    def __init__(
        self,
        *,
        users: Iterable[User] = (),
        channels: Iterable[Channel] = (),
        usergroups: Iterable[UserGroup] = (),
        app: App | None = None,
        team_id: str = "T0LOCAL",
        team_name: str = "Local",
        domain: str = "local",
        clock: Clock = time,
    ) -> None:
        self.team_id, self.team_name, self.domain = team_id, team_name, domain
        self.app = app or App()
        self.clock = clock
        self.users: dict[str, User] = {}
        self.usergroups: dict[str, UserGroup] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[Key, Message] = {}
        self._in_channel: dict[str, dict[str, None]] = {}
        self._in_thread: dict[Key, dict[str, None]] = {}
        self.files: dict[str, File] = {}
        self.notices: deque[Change] = deque(maxlen=KEPT_NOTICES)
        self.listeners: list[Callable[[Change], None]] = []
        self.views = ViewStacks(changed=self.changed, new_id=self.new_id)
        self._ids = count(1)
        self._last_micro = 0
        bot = User(
            id=self.app.bot_user_id,
            name=self.app.name.lower(),
            real_name=self.app.name,
            team_id=team_id,
            is_bot=True,
        )
        for user in (bot, *users):
            self.users[user.id] = user
        for group in usergroups:
            self.usergroups[group.id] = group
        for channel in channels:
            self.channels[channel.id] = channel

    def __repr__(self) -> str:
        return f"<Workspace {self.team_id} channels={len(self.channels)} messages={len(self.messages)}>"

    def new_id(self, prefix: str) -> str:
        """A fresh id that begins with `prefix`; counted, so that a test's ids are the same every time."""
        return f"{prefix}{next(self._ids):05d}"

    def next_ts(self) -> str:
        """A message timestamp: the clock's, and later than any given before."""
        self._last_micro = max(self._last_micro + 1, int(self.clock() * MICRO))
        return f"{self._last_micro // MICRO}.{self._last_micro % MICRO:06d}"

    def changed(self, kind: str, payload: Json, *, only_for: str | None = None) -> None:
        """Tells every listener; called by whatever alters the state."""
        change = Change(kind=kind, payload=payload, only_for=only_for)
        if kind == "notice":
            self.notices.append(change)
        for listener in tuple(self.listeners):
            listener(change)

    def notice(self, user: str, channel: str | None, text: str, *, ts: str | None = None) -> None:
        """Slack's own words to one user, such as that the app did not answer in time."""
        self.changed("notice", {"channel": channel, "text": text, "ts": ts, "user": user}, only_for=user)

    def put_channel(self, channel: Channel) -> None:
        """Adds or replaces a channel."""
        self.channels[channel.id] = channel
        self.changed("channel", {"channel": channel.id})

    def archive(self, channel: str) -> None:
        """Archives a channel: reads go on, writes answer `is_archived`."""
        self.put_channel(replace(self.channels[channel], is_archived=True))

    def join(self, channel: str, user: str) -> None:
        """Makes the user a member of the channel."""
        found = self.channels[channel]
        self.put_channel(replace(found, members=found.members | {user}))

    def direct_channel(self, users: Iterable[str]) -> Channel:
        """The direct conversation of exactly these users with the bot, made when it is new."""
        members = frozenset(users) | {self.app.bot_user_id}
        for channel in self.channels.values():
            if channel.is_direct and channel.members == members:
                return channel
        made = Channel(id=self.new_id("D"), name="direct", members=members, is_direct=True)
        self.put_channel(made)
        return made

    def post(
        self,
        channel: str,
        *,
        user: str,
        text: str = "",
        blocks: Iterable[Json] = (),
        thread_ts: str | None = None,
        only_for: str | None = None,
        **more: Any,
    ) -> Message:
        """Adds a message by `user` (the bot's id for the app); `more` are fields of Message."""
        if user == self.app.bot_user_id:
            more |= {"bot_id": self.app.bot_id, "app_id": self.app.id}
        message = Message(
            ts=self.next_ts(),
            channel=self.channels[channel].id,
            user=user,
            text=text,
            blocks=self.with_ids(blocks),
            thread_ts=thread_ts,
            only_for=only_for,
            **more,
        )
        return self.put(message)

    def put(self, message: Message) -> Message:
        """Stores the message in place of the one with its channel and ts."""
        self.messages[message.channel, message.ts] = message
        self._in_channel.setdefault(message.channel, {})[message.ts] = None
        if message.thread_ts not in (None, message.ts):
            self._in_thread.setdefault((message.channel, str(message.thread_ts)), {})[message.ts] = None
        self.changed("message", {"channel": message.channel, "ts": message.ts}, only_for=message.only_for)
        return message

    def edit(self, channel: str, ts: str, **fields: Any) -> Message:
        """Replaces fields of a message; new blocks get the ids that they lack."""
        if "blocks" in fields:
            fields["blocks"] = self.with_ids(fields["blocks"])
        return self.put(replace(self.messages[channel, ts], **fields))

    def remove(self, channel: str, ts: str) -> None:
        """Deletes a message; a thread's replies stay, as in Slack."""
        gone = self.messages.pop((channel, ts))
        del self._in_channel[channel][ts]
        self._in_thread.get((channel, str(gone.thread_ts)), {}).pop(ts, None)
        self.changed(
            "gone", {"channel": channel, "ts": ts, "thread_ts": gone.thread_ts}, only_for=gone.only_for
        )

    def with_ids(self, blocks: Iterable[Json]) -> tuple[Json, ...]:
        """The blocks with a block_id and their elements with an action_id, as Slack fills them in."""
        return tuple(self._with_ids(block) for block in blocks)

    def _with_ids(self, block: Json) -> Json:
        named = {**block, "block_id": block.get("block_id") or self.new_id("blk")}
        if block.get("type") == "actions":
            named["elements"] = [self._with_action_id(element) for element in block["elements"]]
        for key in ("accessory", "element"):
            if isinstance(block.get(key), dict):
                named[key] = self._with_action_id(block[key])
        return named

    def _with_action_id(self, element: Json) -> Json:
        if element.get("type") == "image":
            return element
        return {**element, "action_id": element.get("action_id") or self.new_id("act")}

    def history(self, channel: str, *, viewer: str | None = None) -> list[Message]:
        """The channel's own messages, oldest first; ephemerals only those for `viewer`."""
        return [
            m for m in self.visible(channel, viewer=viewer) if m.thread_ts in (None, m.ts) or m.is_broadcast
        ]

    def replies(self, channel: str, thread_ts: str, *, viewer: str | None = None) -> list[Message]:
        """A thread with its parent first."""
        places = [thread_ts, *self._in_thread.get((channel, thread_ts), ())]
        found = [self.messages[channel, ts] for ts in places if (channel, ts) in self.messages]
        return [m for m in found if m.only_for in (None, viewer)]

    def visible(self, channel: str, *, viewer: str | None = None) -> list[Message]:
        """All that was said in the channel, replies too, oldest first; ephemerals only those for `viewer`."""
        found = (self.messages[channel, ts] for ts in self._in_channel.get(channel, ()))
        return [m for m in found if m.only_for in (None, viewer)]

    def message_json(self, message: Message, base_url: str, *, with_metadata: bool = True) -> Json:
        """The message with its files and, on a thread's parent, its reply counts."""
        found = message.as_json(with_metadata=with_metadata)
        if message.files:
            found["files"] = [self.files[file].as_json(base_url) for file in message.files]
        if message.thread_ts in (None, message.ts) and message.only_for is None:
            replies = [m for m in self.replies(message.channel, message.ts) if m.ts != message.ts]
            if replies:
                found |= {
                    "thread_ts": message.ts,
                    "reply_count": len(replies),
                    "reply_users": sorted({reply.user for reply in replies}),
                    "latest_reply": replies[-1].ts,
                }
        return found
