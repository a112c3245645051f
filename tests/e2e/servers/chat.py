"""Slack as the people of a test see it: messages read as text, buttons pressed, forms filled in.

Used by `tests/e2e/scenes.py`, over the stand-in for Slack with its limits and rates on. Everything waits for
what it needs, with a bound, and says what was on the screen when that did not come.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from bot.console import SlackStandIn
from bot.console.values import Message
from tests.e2e.servers.eventually import PATIENCE_SECONDS

T = TypeVar("T")

CHANNEL = "C0CHURN"
COMMAND = "/churn"
WAIT_SECONDS = PATIENCE_SECONDS


class Chat:
    """What people do and see in the service's channel."""

    def __init__(self, slack: SlackStandIn) -> None:
        self.slack = slack

    async def until(self, found: Callable[[], T | None], what: str, *, seconds: float = WAIT_SECONDS) -> T:
        """Wait for something to be true of the workspace and return it; AssertionError after `seconds`."""
        try:
            return await self.slack.recording.until(found, timeout=seconds)
        except TimeoutError:
            raise AssertionError(
                f"{what}: not within {seconds:g} s; on the screen:\n{self.screen()}"
            ) from None

    def screen(self) -> str:
        """Everything in every channel, for failures."""
        parts = []
        for message in self.slack.workspace.messages.values():
            whom = f" only for {message.only_for}" if message.only_for else ""
            thread = " (in a thread)" if message.thread_ts else ""
            parts.append(f"--- {message.channel}{thread}{whom}\n{read(message)}")
        return "\n".join(parts)

    def now(self, message: Message) -> Message:
        """The message as it stands now."""
        return self.slack.workspace.messages[message.channel, message.ts]

    async def message(
        self,
        *words: str,
        thread: Message | None = None,
        channel: str = CHANNEL,
        seconds: float = WAIT_SECONDS,
    ) -> Message:
        """The newest public message that holds all these words, in this thread (else: not in one)."""
        where = thread.ts if thread else None
        return await self.until(
            lambda: self._newest(words, lambda m: m.only_for is None and m.thread_ts == where, channel),
            f"a message with {words}",
            seconds=seconds,
        )

    async def anywhere(self, *words: str, seconds: float = WAIT_SECONDS) -> Message:
        """The newest public message of the channel that holds all these words, in a thread or not."""
        return await self.until(
            lambda: self._newest(words, lambda m: m.only_for is None, CHANNEL),
            f"a message with {words}",
            seconds=seconds,
        )

    async def shows(self, message: Message, *words: str, seconds: float = WAIT_SECONDS) -> str:
        """What this message says, once it holds all these words."""

        def found() -> str | None:
            text = read(self.now(message))
            return text if all(word in text for word in words) else None

        return await self.until(found, f"that message with {words}", seconds=seconds)

    async def told(self, user: str, *words: str) -> str:
        """What the user was told privately, once it holds all these words."""
        message = await self.until(
            lambda: self._newest(words, lambda m: m.only_for == user, CHANNEL), f"{user} is told {words}"
        )
        return read(message)

    async def ask(self, user: str, text: str, *words: str) -> str:
        """Give the service's command; its private answer, which holds all these words."""
        before = {key for key, each in self.slack.workspace.messages.items() if each.only_for == user}
        ack = await self.slack.people.command(user, CHANNEL, COMMAND, text)
        assert ack.ok, ack

        def fresh(message: Message) -> bool:
            return message.only_for == user and (message.channel, message.ts) not in before

        answer = await self.until(
            lambda: self._newest(words, fresh, CHANNEL), f"{user} is answered {words} to {text!r}"
        )
        return read(answer)

    async def press(self, user: str, message: Message, action: str) -> None:
        """Press a button of a message by its whole action id, once it is there."""
        await self.until(lambda: action in buttons(self.now(message)), f"a button {action}")
        ack = await self.slack.people.press(user, message.channel, message.ts, action)
        assert ack.ok, ack

    async def press_stale(self, user: str, stale: Message, action: str) -> None:
        """Press a button of a message as it was, as a client does that has not drawn the change yet."""
        workspace = self.slack.workspace
        copy = workspace.post(stale.channel, user=stale.user, text=stale.text, blocks=stale.blocks)
        ack = await self.slack.people.press(user, copy.channel, copy.ts, action)
        workspace.remove(copy.channel, copy.ts)
        assert ack.ok, ack

    async def modal(self, user: str, callback: str) -> Mapping[str, Any]:
        """The user's topmost modal, once it is that form."""

        def found() -> Mapping[str, Any] | None:
            opened = self.slack.workspace.views.of_user(user)
            return opened[-1].body if opened and opened[-1].body.get("callback_id") == callback else None

        return await self.until(found, f"{user} has the form {callback}")

    async def submit(self, user: str, **answers: str) -> None:
        """Fill the user's modal in and send it; the form must close."""
        given = {block: {"input": value} for block, value in answers.items()}
        ack = await self.slack.people.submit(user, answers=given)
        assert ack.ok, ack
        assert not ack.body, ack

    def thread(self, message: Message) -> str:
        """All public entries of a message's thread, oldest first."""
        entries = self.slack.workspace.replies(message.channel, message.ts)[1:]
        return "\n".join(read(entry) for entry in entries)

    def complaints(self) -> list[str]:
        """Everything that Slack refused, and what it told people because the bot was late."""
        refused = [
            f"{call.method}: {call.outcome}" for call in self.slack.recording.calls if call.outcome != "ok"
        ]
        late = [f"{sent.kind}: {sent.ack}" for sent in self.slack.delivery.sent if not sent.ack.ok]
        return [*refused, *late, *(str(notice.payload) for notice in self.slack.workspace.notices)]

    def _newest(
        self, words: tuple[str, ...], fits: Callable[[Message], bool], channel: str
    ) -> Message | None:
        for message in reversed(self.slack.workspace.messages.values()):
            if message.channel != channel or not fits(message):
                continue
            text = read(message)
            if all(word in text for word in words):
                return message
        return None


def read(message: Message) -> str:
    """The message as it is read on the screen, top to bottom, a line for each text in it."""
    return "\n".join(_texts(list(message.blocks))) if message.blocks else message.text


def buttons(message: Message) -> list[str]:
    """The action ids of the message's buttons in their order."""
    return [
        element["action_id"]
        for block in message.blocks
        for element in (*block.get("elements", ()), block.get("accessory") or {})
        if element.get("type") == "button"
    ]


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _texts(each)
    elif isinstance(part, Mapping):
        for key, value in part.items():
            if key == "text" and isinstance(value, str):
                yield value
            elif key != "confirm":
                yield from _texts(value)
