"""Buttons that should no longer be there, or never were: refused with a sentence, kept, nothing happens."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

from bot.adapters.clock import SystemClock
from bot.adapters.database import connect
from bot.domain.approvals import ApprovalState
from tests.embedded.test_people_and_the_bot import CHANNEL, Embedded, bot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.console.values import Message

__all__ = ["bot"]

ALICE, BOB = "U0ALICE", "U0BOB"


@dataclass(frozen=True, kw_only=True)
class Drawer:
    """Messages as they were, in clients that have not heard of anything since."""

    bot: Embedded
    folder: Path

    async def request(self, words: str = "scale 6 traffic doubled") -> Message:
        """Alice's request, as it waits."""
        before = set(self.bot.slack.workspace.messages)
        assert (await self.bot.slack.people.command(ALICE, CHANNEL, "/churn", words)).ok
        return await self._fresh_request(before)

    async def request_for(self, incident: Message) -> Message:
        """Alice's request for an incident, by its own button and form."""
        before, views = set(self.bot.slack.workspace.messages), self.bot.slack.workspace.views
        await self.bot.slack.recording.until(
            lambda: "request_remediation" in str(self.bot.slack.workspace.messages[CHANNEL, incident.ts])
        )
        await self.bot.press(ALICE, incident, "request_remediation")
        await self.bot.slack.recording.until(
            lambda: views.of_user(ALICE) and views.of_user(ALICE)[-1].body.get("callback_id") == "scale",
            timeout=60.0,
        )
        answers = {"replicas": {"input": "6"}, "reason": {"input": "traffic"}}
        assert (await self.bot.slack.people.submit(ALICE, answers=answers)).ok
        return await self._fresh_request(before)

    async def _fresh_request(self, before: set[tuple[str, str]]) -> Message:
        def fresh() -> Message | None:
            found = [
                message
                for key, message in self.bot.slack.workspace.messages.items()
                if key not in before and message.only_for is None and "Approval needed" in str(message.blocks)
            ]
            return found[-1] if found else None

        return await self.bot.slack.recording.until(fresh, timeout=60.0)

    async def press_as_it_was(
        self, who: str, old: Message, word: str, change: Callable[[dict[str, Any]], None] | None = None
    ) -> str:
        """Press a button that is not there any more; what was said privately."""
        workspace = self.bot.slack.workspace
        blocks = json.loads(json.dumps(old.blocks))
        buttons = [part for block in blocks for part in _buttons(block)]
        button = next(one for one in buttons if one["action_id"].partition(":")[0] == word)
        if change is not None:
            change(button)
        key, before = (CHANNEL, old.ts), set(workspace.messages)
        workspace.messages[key] = replace(workspace.messages[key], blocks=tuple(blocks))
        assert (await self.bot.slack.people.press(who, CHANNEL, old.ts, button["action_id"])).ok

        def told() -> str | None:
            found = [m for k, m in workspace.messages.items() if k not in before and m.only_for == who]
            return f"{found[-1].text} {found[-1].blocks}" if found else None

        def answer() -> str | None:
            bodies = [str(view.body) for view in workspace.views.of_user(who)[-1:]]
            return told() or next((body for body in bodies if "One moment" not in body), None)

        said = await self.bot.slack.recording.until(answer, timeout=60.0)
        if "'callback_id': 'deny'" not in said:
            return said
        assert (await self.bot.slack.people.submit(who, answers={"reason": {"input": "no"}})).ok
        return await self.bot.slack.recording.until(told, timeout=60.0)

    def refused(self) -> list[tuple[str, str]]:
        """What the record says of presses that counted for nothing: by whom, and why."""
        engine = create_engine(f"sqlite:///{self.folder / 'lightship.db'}")
        with engine.connect() as link:
            rows = link.execute(text("SELECT body FROM events WHERE kind = 'press_refused' ORDER BY at, id"))
            bodies = [json.loads(row.body) for row in rows]
        engine.dispose()
        return [(body["actor"]["id"], body["detail"]["why"]) for body in bodies]

    async def expire(self) -> None:
        """Let the requests that wait have expired, before any tick sees it."""
        store = connect(f"sqlite+aiosqlite:///{self.folder / 'lightship.db'}", clock=SystemClock())
        async with store.transaction() as tx:
            for approval in await tx.approvals.requested():
                past = replace(
                    approval, expires_at=tx.now - timedelta(seconds=1), revision=approval.revision + 1
                )
                assert await tx.approvals.replace(past)
        await store.close()

    async def states(self) -> list[ApprovalState]:
        """Where the requests stand, oldest first."""
        engine = create_engine(f"sqlite:///{self.folder / 'lightship.db'}")
        with engine.connect() as link:
            rows = link.execute(text("SELECT state FROM approvals ORDER BY requested_at, id"))
            states = [ApprovalState(row.state) for row in rows]
        engine.dispose()
        return states

    def executions(self) -> int:
        """How many intents were ever committed."""
        engine = create_engine(f"sqlite:///{self.folder / 'lightship.db'}")
        with engine.connect() as link:
            number = int(link.execute(text("SELECT count(*) FROM executions")).scalar_one())
        engine.dispose()
        return number


def _buttons(block: dict[str, Any]) -> list[dict[str, Any]]:
    elements = [*block.get("elements", ()), block.get("accessory") or {}]
    return [element for element in elements if "action_id" in element]


@pytest.fixture
async def drawer(bot: Embedded, tmp_path: Path) -> Drawer:
    """An incident is open."""
    await bot.alert()
    await bot.message("HighAPILatency")
    return Drawer(bot=bot, folder=tmp_path)


async def test_an_expired_request_is_not_granted(drawer: Drawer) -> None:
    """The press closes it, and is refused."""
    request = await drawer.request()
    await drawer.expire()
    assert "expired" in await drawer.press_as_it_was(BOB, request, "approve")
    assert "expired" in await drawer.press_as_it_was(BOB, request, "approve")
    assert await drawer.states() == [ApprovalState.EXPIRED]
    assert drawer.refused() == [(BOB, "expired"), (BOB, "already_decided")]
    assert (drawer.executions(), await drawer.bot.replicas()) == (0, 3)


async def test_a_superseded_request_is_not_granted(drawer: Drawer) -> None:
    """A newer one for the same deployment waits in its place."""
    older = await drawer.request("scale 5 a bit")
    await drawer.request("scale 6 more")
    assert "superseded already" in await drawer.press_as_it_was(BOB, older, "approve")
    assert drawer.refused() == [(BOB, "already_decided")]
    assert (drawer.executions(), await drawer.bot.replicas()) == (0, 3)


async def test_a_withdrawn_request_is_not_granted(drawer: Drawer) -> None:
    """Whoever asked took it back; nobody can press it open again."""
    request = await drawer.request()
    assert "Withdrawn" in await drawer.press_as_it_was(ALICE, request, "deny")
    assert "withdrawn already by <@U0ALICE>" in await drawer.press_as_it_was(BOB, request, "approve")
    assert drawer.refused() == [(BOB, "already_decided")]
    assert (drawer.executions(), await drawer.bot.replicas()) == (0, 3)


async def test_a_finished_request_is_not_done_again(drawer: Drawer) -> None:
    """A replayed press, in an old client or of the same request, changes nothing more."""
    request = await drawer.request()
    assert "Approved" in await drawer.press_as_it_was(BOB, request, "approve")
    await drawer.bot.message("3 → 6")
    for word in ("approve", "deny"):
        said = await drawer.press_as_it_was(BOB, request, word)
        assert "granted already" in said
    assert drawer.refused() == [(BOB, "already_decided")] * 2
    assert (drawer.executions(), await drawer.states()) == (1, [ApprovalState.GRANTED])


async def test_the_buttons_of_a_closed_incident_do_nothing(drawer: Drawer) -> None:
    """Neither its request nor its own buttons, nor a form that was open, after it has ended."""
    incident = await drawer.bot.message("HighAPILatency")
    request = await drawer.request_for(incident)
    assert request.thread_ts == incident.ts
    assert "is resolved" in await drawer.press_as_it_was(ALICE, incident, "resolve")
    for word in ("acknowledge", "resolve"):
        assert "is resolved already" in await drawer.press_as_it_was(BOB, incident, word)
    assert "is resolved" in await drawer.press_as_it_was(BOB, request, "approve")
    assert (drawer.executions(), await drawer.bot.replicas()) == (0, 3)
    assert drawer.refused() == [(BOB, "incident_resolved")] * 3


def _value(button: dict[str, Any], **changes: object) -> None:
    value = {**json.loads(button["value"]), **changes}
    button["value"] = json.dumps({key: each for key, each in value.items() if each is not None})


@pytest.mark.parametrize(
    ("change", "words", "why"),
    [
        (lambda one: _value(one, d="f" * 64), "does not belong to the plan", "digest_differs"),
        (lambda one: _value(one, a="somebody-elses"), "no such request", "unknown_request"),
        (lambda one: _value(one, v=2, a=None, d=None, x=1), "newer Lightship", "newer_version"),
        (lambda one: _value(one, v=0, a=None, d=None), "says too little", "other_kind"),
        (lambda one: one.update(value="approve"), "not one of Lightship's", "unreadable"),
        (lambda one: one.update(value=json.dumps({"v": 1, "i": 1})), "says too little", "other_kind"),
        (lambda one: one.update(value="[" * 1_900), "not one of Lightship's", "unreadable"),
    ],
)
async def test_forged_values_and_those_of_other_versions_grant_nothing(
    drawer: Drawer, change: Callable[[dict[str, Any]], None], words: str, why: str
) -> None:
    """A button's value alone decides nothing: it must name a request and fit the plan that was shown."""
    request = await drawer.request()
    assert words in await drawer.press_as_it_was(BOB, request, "approve", change)
    assert drawer.refused() == [(BOB, why)]
    assert (drawer.executions(), await drawer.states()) == (0, [ApprovalState.REQUESTED])
    assert await drawer.bot.replicas() == 3


async def test_a_request_s_button_under_another_message_grants_nothing(drawer: Drawer) -> None:
    """The newer request's value, put under the older one's plan."""
    older = await drawer.request("scale 5 a bit")
    newer = await drawer.request("scale 6 more")
    buttons = [part for block in newer.blocks for part in _buttons(block)]
    value = next(one["value"] for one in buttons if one["action_id"] == "approve")
    said = await drawer.press_as_it_was(BOB, older, "approve", lambda one: one.update(value=value))
    assert "does not belong to this message" in said
    assert drawer.refused() == [(BOB, "other_message")]
    assert (drawer.executions(), await drawer.bot.replicas()) == (0, 3)


async def test_a_button_of_a_later_version_that_only_adds_is_understood(drawer: Drawer) -> None:
    """Keys that a newer replica added are passed over while a rollout is under way."""
    request = await drawer.request()
    said = await drawer.press_as_it_was(BOB, request, "approve", lambda one: _value(one, v=2, extra="x"))
    assert "Approved" in said
    assert drawer.refused() == []
