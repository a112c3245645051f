"""Files that go into an incident's thread beside a message: what a check attaches, and one as it is kept.

Made by checks and other engines, kept by `bot.engines.attaching`, shown by the publisher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.pictures import Picture


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file to be: a picture to draw, or else a text, which holds no secret any more.

    `name` has the ending that says what it is; `alt_text` is for who cannot see a picture.
    """

    name: str
    title: str
    alt_text: str = ""
    picture: Picture | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file on its way, into an incident's thread or into that of the message `thread_of`.

    `content` is None until it is drawn, and a text's again once the chat has it. `remote_id` is the chat's id
    of the uploaded content, which nobody sees before it is shared; it is kept before the sharing, so that
    after a crash the chat can be asked what became of it.
    """

    id: str
    incident_id: int | None = None
    thread_of: str = ""
    name: str
    title: str
    alt_text: str = ""
    picture: Picture | None = None
    content: bytes | None = None
    remote_id: str = ""
    attempts: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptPicture:
    """A drawn picture of an incident, kept for its review: PNG, and when it was asked for."""

    name: str
    title: str
    alt_text: str
    content: bytes
    at: datetime
