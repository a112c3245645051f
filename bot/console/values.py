"""What a Slack workspace is made of, as frozen values with the JSON that Slack's Web API gives for each.

Used by everything in the console; pure, without clock or I/O.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Clock: TypeAlias = Callable[[], float]
"""Seconds since the epoch; `time.time` in the demo, a hand-moved one in tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or bot; another `team_id` than the workspace's makes a stranger of a shared channel."""

    id: str
    name: str
    real_name: str = ""
    team_id: str = "T0LOCAL"
    is_bot: bool = False
    is_guest: bool = False
    is_deleted: bool = False
    is_admin: bool = False
    tz: str = "Etc/UTC"

    def as_json(self, home_team: str) -> Json:
        """The `user` object of users.info, as seen from the workspace `home_team`."""
        shown = self.real_name or self.name
        found: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.is_deleted,
            "real_name": shown,
            "tz": self.tz,
            "tz_offset": 0,
            "profile": {"real_name": shown, "display_name": self.name, "team": self.team_id},
            "is_bot": self.is_bot,
            "is_app_user": False,
        }
        if not self.is_deleted:
            found |= {
                "is_admin": self.is_admin,
                "is_owner": False,
                "is_restricted": self.is_guest,
                "is_ultra_restricted": False,
            }
        if self.team_id != home_team:
            found["is_stranger"] = True
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroup:
    """A user group such as @oncall; its id is what a mention carries."""

    id: str
    handle: str
    name: str = ""
    users: tuple[str, ...] = ()
    is_disabled: bool = False

    def as_json(self, team_id: str) -> Json:
        """The `usergroup` object of usergroups.list."""
        return {
            "id": self.id,
            "team_id": team_id,
            "is_usergroup": True,
            "name": self.name or self.handle,
            "handle": self.handle,
            "date_delete": 1 if self.is_disabled else 0,
            "users": list(self.users),
            "user_count": len(self.users),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A conversation; `members` holds people's ids and, where it was invited, the bot's."""

    id: str
    name: str
    members: frozenset[str] = frozenset()
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False
    is_direct: bool = False

    def as_json(self, viewer: str) -> Json:
        """The `channel` object of conversations.info, as seen by the user `viewer`."""
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.is_private and not self.is_direct,
            "is_group": self.is_private,
            "is_im": self.is_direct,
            "is_private": self.is_private or self.is_direct,
            "is_archived": self.is_archived,
            "is_member": viewer in self.members,
            "num_members": len(self.members),
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that an app uploaded; it has a place in `channels` once the upload is completed."""

    id: str
    name: str
    title: str = ""
    mimetype: str = "application/octet-stream"
    content: bytes = b""
    alt_text: str = ""
    user: str = ""
    channels: tuple[str, ...] = ()
    is_complete: bool = False

    def as_json(self, base_url: str) -> Json:
        """The `file` object; its addresses ask for the token, as Slack's do."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": self.name.rpartition(".")[2],
            "size": len(self.content),
            "user": self.user,
            "alt_txt": self.alt_text,
            "channels": list(self.channels),
            "shares": {"public": {channel: [{}] for channel in self.channels}},
            "url_private": f"{base_url}/files-pri/{self.id}/{self.name}",
            "url_private_download": f"{base_url}/files-pri/{self.id}/download/{self.name}",
            "permalink": f"{base_url}/files/{self.id}",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it stands now; an edit replaces the value. `only_for` makes it ephemeral."""

    ts: str
    channel: str
    user: str
    text: str = ""
    blocks: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()
    metadata: Json | None = None
    thread_ts: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    subtype: str | None = None
    edited_ts: str | None = None
    is_broadcast: bool = False
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    is_pinned: bool = False
    only_for: str | None = None

    def as_json(self, *, with_metadata: bool = True) -> Json:
        """The `message` object of conversations.history, without files and reply counts."""
        found: Json = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts}
        if self.bot_id is not None:
            found |= {"bot_id": self.bot_id, "app_id": self.app_id}
        optional: tuple[tuple[str, Any], ...] = (
            ("subtype", self.subtype),
            ("thread_ts", self.thread_ts),
            ("blocks", list(self.blocks)),
            ("attachments", list(self.attachments)),
            ("metadata", self.metadata if with_metadata else None),
            ("edited", {"user": self.user, "ts": self.edited_ts} if self.edited_ts else None),
            (
                "reactions",
                [{"name": n, "users": list(u), "count": len(u)} for n, u in self.reactions.items()],
            ),
            ("pinned_to", [self.channel] if self.is_pinned else None),
        )
        return found | {name: value for name, value in optional if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A modal on somebody's stack, or a Home tab; `body` is what the app sent, ids filled in."""

    id: str
    user: str
    body: Json
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    external_id: str = ""

    def as_json(self, app: "App", team_id: str, values: Json | None = None) -> Json:
        """The `view` object of views.open and of a submission, with `values` as its state."""
        return {
            "id": self.id,
            "team_id": team_id,
            "type": self.body["type"],
            "blocks": self.body.get("blocks", []),
            "private_metadata": self.body.get("private_metadata", ""),
            "callback_id": self.body.get("callback_id", ""),
            "state": {"values": values or {}},
            "hash": self.hash,
            "title": self.body.get("title"),
            "clear_on_close": self.body.get("clear_on_close", False),
            "notify_on_close": self.body.get("notify_on_close", False),
            "close": self.body.get("close"),
            "submit": self.body.get("submit"),
            "previous_view_id": self.previous_view_id,
            "root_view_id": self.root_view_id,
            "app_id": app.id,
            "external_id": self.external_id,
            "app_installed_team_id": team_id,
            "bot_id": app.bot_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The installed app, with the tokens it must show; `scopes` of None grants every method."""

    id: str = "A0LOCAL"
    name: str = "Lightship"
    bot_id: str = "B0LOCAL"
    bot_user_id: str = "U0BOT"
    bot_token: str = field(default="xoxb-local", repr=False)
    app_token: str = field(default="xapp-local", repr=False)
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word that a slash command takes, and the hint shown behind it while typing."""

    word: str
    hint: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlashCommand:
    """A slash command of the app as the composer offers it, `name` with its slash."""

    name: str
    description: str = ""
    hint: str = ""
    words: tuple[Word, ...] = ()
    should_escape: bool = True

    def as_json(self) -> Json:
        """What the page needs for completion."""
        words = [{"word": w.word, "hint": w.hint, "description": w.description} for w in self.words]
        return {"name": self.name, "description": self.description, "hint": self.hint, "words": words}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that open pages must hear of; `only_for` names the one user who may see it."""

    kind: str
    payload: Json
    only_for: str | None = None
