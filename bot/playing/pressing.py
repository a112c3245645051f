"""People of a rehearsal, who press buttons that are shown, through the doors, and fill forms that open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.playing.chat import TEAM, PrivateChat
from bot.playing.doors import engines_of
from bot.rendering.forms import INPUT
from handlers.actions import ActionDoor
from handlers.answering import Answers
from handlers.authorizing import Gate
from handlers.services import Services
from handlers.views import ViewDoor
from handlers.working import Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from bot.bootstrap.assembly import Lightship
    from bot.playing.chat import RecordedChat, Showing
    from bot.rehearsal.scenarios.models import PressFile

_DEFAULTS: Final = {"reason": "rehearsed"}
_REFUSED: Final = ("🚫", "⚠️", "❓")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pressed:
    """What came of a press: the answer's words, and whether it was refused."""

    press: PressFile
    answer: str
    refused: bool


class People:
    """Everybody who presses."""

    def __init__(self, lightship: Lightship, chat: RecordedChat) -> None:
        self._chat = chat
        self._private = PrivateChat(chat)
        self._work = Work()
        engines = engines_of(lightship)
        outside = lightship.outside
        services = Services(lightship.services.values())
        gate, answers = Gate(outside.directory), Answers(self._private)
        self._actions = ActionDoor(
            engines=engines,
            services=services,
            gate=gate,
            answers=answers,
            work=self._work,
            clock=outside.clock,
        )
        self._views = ViewDoor(
            engines=engines, services=services, gate=gate, answers=answers, work=self._work
        )

    async def press(self, press: PressFile, *, about: str) -> Pressed:
        """Press a button of the newest message that has it; fill and submit the form that opens.

        Messages whose alert is the one that the rehearsal is `about` go first.
        """
        found = self._find(press.press, about)
        if found is None:
            return Pressed(press=press, answer=f"no message has a button {press.press}", refused=True)
        showing, element = found
        known, opened = len(self._chat.history), set(self._private.views)
        self._actions.take(
            {
                "user": {"id": press.who, "team_id": TEAM},
                "container": {
                    "channel_id": showing.channel,
                    "message_ts": showing.ts,
                    "thread_ts": showing.thread,
                },
                "actions": [{"action_id": element["action_id"], "value": element.get("value")}],
                "response_url": f"rehearsal:/{press.who}",
                "trigger_id": "rehearsal",
            }
        )
        await self._work.settled()
        for view_id in self._private.views.keys() - opened:
            refusal = await self._submit(press, self._private.views[view_id])
            if refusal:
                return Pressed(press=press, answer=refusal, refused=True)
        return self._answered(press, known)

    def _answered(self, press: PressFile, known: int) -> Pressed:
        told = [one.message.text for one in self._chat.history[known:] if one.to == press.who]
        answer = told[-1] if told else ""
        return Pressed(press=press, answer=answer, refused=answer.startswith(_REFUSED))

    async def _submit(self, press: PressFile, view: Mapping[str, Any]) -> str:
        """Fill the form with what the rehearsal says, else with what it proposes; why it could not be."""
        inputs = [block for block in view.get("blocks", ()) if block.get("type") == "input"]
        if not inputs:
            return " ".join(_texts(view.get("blocks", ())))
        values = {block["block_id"]: {INPUT: _filled(block, press.fill)} for block in inputs}
        payload = {"user": {"id": press.who, "team_id": TEAM}, "view": {**view, "state": {"values": values}}}
        answer = self._views.take(payload)
        await self._work.settled()
        if "errors" in answer:
            return "; ".join(f"{field}: {words}" for field, words in answer["errors"].items())
        return " ".join(_texts(answer["view"]["blocks"])) if "view" in answer else ""

    def _find(self, press: str, about: str) -> tuple[Showing, Mapping[str, Any]] | None:
        """The newest state of each message is what can be pressed; threads before the channel."""
        newest = {one.ts: one for one in self._chat.history if one.ts}
        heads = {one.ts for one in newest.values() if one.thread is None and about in one.message.text}

        def rank(one: Showing) -> tuple[bool, bool, datetime]:
            return ((one.thread or one.ts) in heads, one.thread is not None, one.at)

        for showing in sorted(newest.values(), key=rank, reverse=True):
            for element in _buttons(showing.message.blocks):
                action = str(element.get("action_id", ""))
                if action == press or action.partition(":")[0] == press:
                    return showing, element
        return None


def _buttons(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") == "button":
            yield value
        else:
            for inner in value.values():
                yield from _buttons(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _buttons(inner)


def _texts(blocks: Any) -> Iterator[str]:
    for block in blocks:
        text = block.get("text")
        if isinstance(text, dict):
            yield str(text.get("text", ""))


def _filled(block: Mapping[str, Any], fill: Mapping[str, str]) -> dict[str, Any]:
    element, name = block["element"], str(block["block_id"])
    proposed = element.get("initial_option")
    if proposed is not None or element.get("options"):
        options = element.get("options", ())
        chosen = next((one for one in options if one["value"] == fill.get(name)), proposed)
        return {"type": element["type"], "selected_option": chosen}
    value = fill.get(name) or element.get("initial_value") or _DEFAULTS.get(name, "")
    return {"type": element["type"], "value": value}
