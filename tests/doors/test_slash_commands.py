"""What people get for what they type behind /churn."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks.registry import CHECKS
from bot.cli.demonstrating import completions
from bot.console.faults import Fault
from bot.domain.actors import user
from bot.domain.commands import (
    AcknowledgeIncident,
    RequestRemediation,
    ResolveIncident,
    SilenceIncident,
)
from bot.domain.errors import Permanent
from handlers.check_words import CHECK_WORDS, CheckWordsError, read_arguments
from handlers.command_words import BUILT, WORDS, Typed, Unknown, plain_words, read_command
from tests.doors.engine_bench import make_incident

if TYPE_CHECKING:
    from tests.doors.conftest import Bot

ALICE = user("U0ALICE", team="T0LOCAL")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "can do"),
        ("help", "can do"),
        ("status", "1 open incident"),
        ("pods", "3 of 3 pods are ready"),
        ("model", "model"),
        ("alerts", "1 firing alert"),
        ("incidents", "1 open incident"),
        ("runbook", "High latency"),
        ("runbook HIGH-LATENCY", "High latency"),
        ("runbook nonsense", "These are the runbooks"),
        ("statsu", "Did you mean `/churn status`"),
        ("drift one two", "`drift` does not take `two`; it takes FEATURE."),
        ("hpa", "3 of 3 pods are ready"),
        ("hpa now", "`hpa` does not take `now`; it takes nothing."),
        ("logs --tial 5", "`logs` has no `--tial`"),
        ("logs --tail", "`--tail` needs a value"),
        ("logs one two", "`logs` does not take `two`"),
        ("scale", "To how many replicas?"),
        ("scale many", "To how many replicas?"),
        ("silence", "For how long?"),
        ("silence soon", "is not a duration"),
        ("ack 99", "has no incident 99"),
        ("ack seven", "has no incident seven"),
    ],
)
async def test_each_word_has_its_private_answer(bot: Bot, text: str, expected: str) -> None:
    """Only the one who asked sees it, and the engines are not asked for more."""
    answer = await bot.ask(text)
    assert expected in answer
    assert bot.whispered("U0BOB") == ""


async def test_ack_means_the_only_open_incident(bot: Bot) -> None:
    """Without a number the one open incident is taken."""
    assert "It was done." in await bot.ask("ack")
    assert bot.engines.asked == [AcknowledgeIncident(incident_id=7, actor=ALICE)]


@pytest.mark.parametrize("text", ["resolve 8", "resolve #8", "RESOLVE  8"])
async def test_an_incident_is_named_by_its_number(bot: Bot, text: str) -> None:
    """With or without the sign, in any case."""
    bot.engines.incidents_known[8] = make_incident(8)
    await bot.ask(text)
    assert bot.engines.asked == [ResolveIncident(incident_id=8, actor=ALICE)]


async def test_with_several_open_the_bot_asks_which(bot: Bot) -> None:
    """The answer lists them with what to type; nothing is done."""
    bot.engines.incidents_known[8] = make_incident(8)
    answer = await bot.ask("ack")
    assert "/churn ack 7" in answer
    assert "/churn ack 8" in answer
    assert bot.engines.asked == []


async def test_with_none_open_the_bot_says_so(bot: Bot) -> None:
    """There is nothing to take."""
    bot.engines.incidents_known.clear()
    assert "No incident is open" in await bot.ask("ack")


async def test_an_incident_of_another_service_is_not_this_one_s(bot: Bot) -> None:
    """A number is looked up within the command's service."""
    key = make_incident(8).key
    bot.engines.incidents_known[8] = make_incident(8, key=type(key)(**_fields(key, service="other")))
    assert "has no incident 8" in await bot.ask("ack 8")


def _fields(key: object, **changes: str) -> dict[str, str]:
    names = ("source", "receiver", "group_key", "service")
    return {name: getattr(key, name) for name in names} | changes


@pytest.mark.parametrize(
    ("text", "incident", "reason"),
    [
        ("silence 2h deploying a fix", 7, "deploying a fix"),
        ("silence 2h “deploying a fix”", 7, "deploying a fix"),
        ("silence 2h", 7, ""),
        ("silence 2h #7 known", 7, "known"),
        ("silence 2h 7 known", 7, "known"),
        ("silence 2h 12 pods flap", 7, "12 pods flap"),
        ("silence 2h R&D <load> test, ask @bob", 7, "R&D <load> test, ask @bob"),
    ],
)
async def test_silence_takes_a_duration_an_incident_and_a_reason(
    bot: Bot, text: str, incident: int, reason: str
) -> None:
    """Smart quotes and Slack's escapes are undone, and a number that is no open incident is a reason."""
    await bot.ask(text)
    assert bot.engines.asked == [
        SilenceIncident(incident_id=incident, duration=timedelta(hours=2), reason=reason, actor=ALICE)
    ]


async def test_scale_asks_for_an_approval_of_the_configured_deployment(bot: Bot) -> None:
    """The request names deployment, replicas, reason and the only open incident."""
    await bot.ask("scale 6 traffic doubled")
    (command,) = bot.engines.asked
    assert isinstance(command, RequestRemediation)
    assert str(command.request.target) == "deployment churn/churn-api"
    assert command.request.arguments == {"replicas": 6}
    assert (command.request.incident_id, command.request.reason) == (7, "traffic doubled")
    assert command.actor == ALICE


@pytest.mark.parametrize(
    ("who", "channel", "words"),
    [
        ("U0GUEST", "C0CHURN", "Only full members"),
        ("U0OTHER", "C0CHURN", "Only full members"),
        ("U0ALICE", "C0OPS", "own channel only"),
    ],
)
async def test_guests_strangers_and_other_channels_get_nothing(
    bot: Bot, who: str, channel: str, words: str
) -> None:
    """The refusal is private and says why; no engine is asked; a try to scale is kept."""
    for text in ("status", "scale 6"):
        assert words in await bot.ask(text, user=who, channel=channel)
    assert bot.engines.asked == []
    assert [(refusal[1], refusal[2]) for refusal in bot.engines.refused] == [(who, "scale")]


async def test_nobody_may_do_anything_while_slack_cannot_say_who_they_are(bot: Bot) -> None:
    """With nothing remembered the door stays shut; it opens again with the directory."""
    bot.slack.faults.add(Fault.unavailable("users.info"))
    assert "cannot say right now" in await bot.ask("ack")
    assert bot.engines.asked == []
    assert "It was done." in await bot.ask("ack")


async def test_a_hanging_engine_does_not_delay_the_acknowledgement(bot: Bot) -> None:
    """Slack gets its answer while the engine waits for an event that has not come."""
    bot.engines.hanging = asyncio.Event()
    ack = await bot.slack.people.command("U0ALICE", "C0CHURN", "/churn", "pods")
    assert ack.ok
    assert not bot.engines.hanging.is_set()
    assert bot.whispered("U0ALICE") == ""
    bot.engines.hanging.set()
    await bot.work.settled()
    assert "3 of 3 pods are ready" in bot.whispered("U0ALICE")


async def test_work_beyond_the_bound_is_refused_in_the_acknowledgement(bot: Bot) -> None:
    """With all places taken by hanging work the next one is told so, at once."""
    bot.engines.hanging = asyncio.Event()
    for _ in range(8):
        assert (await bot.slack.people.command("U0ALICE", "C0CHURN", "/churn", "pods")).ok
    ack = await bot.slack.people.command("U0BOB", "C0CHURN", "/churn", "pods")
    assert ack.ok
    assert "too much to do" in bot.whispered("U0BOB")


async def test_an_engine_s_error_is_told_and_a_bug_is_not_shown(bot: Bot) -> None:
    """Our own words are for people; anything else is in the log, under a mark."""
    bot.engines.error = Permanent("Alertmanager is not configured")
    assert "Alertmanager is not configured" in await bot.ask("pods")
    bot.engines.error = RuntimeError("secret detail")
    answer = await bot.ask("pods")
    assert "wrong inside Lightship" in answer
    assert "secret detail" not in answer


async def test_the_answer_takes_another_way_when_the_response_address_fails(bot: Bot) -> None:
    """A lost response_url is replaced by a private message in the channel."""
    bot.slack.faults.add(Fault.unavailable("response_url"))
    assert "1 open incident" in await bot.ask("status")
    assert len(bot.slack.recording.of("chat.postEphemeral")) == 1


def test_every_word_is_read_as_itself() -> None:
    """What is built is known, among it each check of its own name."""
    assert all(isinstance(read_command(word), Typed) for word in BUILT)
    assert set(CHECK_WORDS) <= set(BUILT)
    assert set(CHECK_WORDS) <= set(CHECKS)


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Whatever is typed has a word, and what is kept of it is printable and on one line."""
    assert isinstance(read_command(text), Typed | Unknown)
    assert plain_words(text) == "" or plain_words(text).isprintable()


@pytest.mark.parametrize(
    ("text", "check", "arguments"),
    [
        ("hpa", "hpa", {}),
        ("logs", "logs", {}),
        ("log api-1 —tail 50 --previous", "logs", {"pod": "api-1", "tail": "50", "previous": True}),
        ("logs --tail=5 --since 10m", "logs", {"tail": "5", "since": "10m"}),
        ("metrics p95_latency --range 1h", "metrics", {"name": "p95_latency", "range": "1h"}),
        ("events --since 2h", "events", {"since": "2h"}),
        ("jobs", "jobs", {}),
        ("rollouts", "rollouts", {}),
    ],
)
async def test_a_check_is_run_with_what_was_typed(
    bot: Bot, text: str, check: str, arguments: dict[str, object]
) -> None:
    """The first word and the options reach the check under the names that it knows."""
    await bot.ask(text)
    assert bot.engines.asked == [("churn", check, arguments)]


def test_every_option_is_an_argument_of_its_check() -> None:
    """What the slash command passes on is what the check, and so a runbook, takes too."""
    for word, grammar in CHECK_WORDS.items():
        passed = {*grammar.options, *grammar.flags} | ({grammar.first} if grammar.first else set())
        assert passed <= CHECKS[word].arguments, word


def test_the_demo_completes_the_words_that_the_bot_has() -> None:
    """The console of the demo offers every built word with its hint, and no other."""
    assert [(one.word, one.hint) for one in completions()] == [
        (word.word, word.usage.removeprefix(word.word).strip()) for word in WORDS
    ]
    assert CHECK_WORDS.keys() <= {one.word for one in completions()}


@given(st.lists(st.text(max_size=20), max_size=6), st.sampled_from(sorted(CHECK_WORDS)))
def test_any_words_behind_a_check_are_read_or_refused(typed: list[str], word: str) -> None:
    """Whatever follows a check's word is its arguments or one sentence, and nothing else raises."""
    with contextlib.suppress(CheckWordsError):
        assert set(read_arguments(word, tuple(typed))) <= CHECKS[word].arguments
