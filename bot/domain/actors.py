"""Who acts: a person in the chat, or Lightship itself; and what a member of the workspace is known to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """A person in the chat, or the bot on its own."""

    USER = "user"
    BOT = "bot"


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who did something. `id` is the chat's user id, or a word for the part of the bot that acted."""

    kind: ActorKind
    id: str
    team: str = ""


LIGHTSHIP = Actor(kind=ActorKind.BOT, id="lightship")


def user(user_id: str, *, team: str = "") -> Actor:
    """A person, by the chat's user id."""
    return Actor(kind=ActorKind.USER, id=user_id, team=team)


class Membership(StrEnum):
    """What a user is to the workspace: only full members may do anything."""

    FULL = "full"
    GUEST = "guest"
    STRANGER = "stranger"
    BOT = "bot"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A user as the chat's directory knows them."""

    id: str
    team: str
    membership: Membership
    name: str = ""
