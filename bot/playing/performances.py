"""What happened in a rehearsal, as it is judged and printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.durations import format_duration
from bot.domain.events import EventKind

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.events import Event
    from bot.domain.incidents import Incident
    from bot.playing.chat import Showing
    from bot.playing.pressing import Pressed


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """What happened, in virtual times: the world began, and in the end nothing more was waited for.

    `causes` are the names of the likely ones, the likeliest first; `written` the ids of the approvals with
    which the cluster was changed, as the cluster itself tells.
    """

    began: datetime
    ended: datetime
    incident: Incident | None
    events: tuple[Event, ...]
    causes: tuple[str, ...]
    shown: tuple[Showing, ...]
    presses: tuple[Pressed, ...]
    written: tuple[str, ...]

    def since_beginning(self, moment: datetime) -> str:
        """A time counted from the beginning of the world, to the second."""
        return format_duration(timedelta(seconds=round((moment - self.began).total_seconds())))

    @property
    def asked(self) -> tuple[str, ...]:
        """The actions that approval was asked for, in order."""
        return self._actions(EventKind.REMEDIATION_REQUESTED)

    @property
    def done(self) -> tuple[str, ...]:
        """The actions that were done with success, in order."""
        return self._actions(EventKind.REMEDIATION_SUCCEEDED)

    @property
    def incident_message(self) -> str:
        """The incident's own message as it was shown last; else whatever was shown."""
        in_channel = [one for one in self.shown if one.ts and one.thread is None]
        return in_channel[-1].words if in_channel else "nothing was shown"

    @property
    def thread(self) -> str:
        """The newest state of each message of the incident's thread, oldest first."""
        newest = {one.ts: one for one in self.shown if one.ts and one.thread is not None}
        return "\n".join(one.words for one in newest.values()) or self.incident_message

    def holding(self, words: str) -> tuple[Showing, ...]:
        """Everything shown that holds those words, private answers among it, oldest first."""
        return tuple(one for one in self.shown if words in one.words)

    def _actions(self, kind: EventKind) -> tuple[str, ...]:
        return tuple(str(event.detail.get("action", "?")) for event in self.events if event.kind is kind)
