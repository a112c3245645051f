"""`lightship test-alert` against the running bot: what people see, and that nothing is changed."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from bot.cli import lightship
from bot.domain.drills import LABEL
from bot.shipped import shipped
from tests.embedded.test_people_and_the_bot import CHANNEL, TOKEN, Embedded, bot

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bot"]


async def drill(bot: Embedded, folder: Path, *arguments: str, **environ: str) -> Result:
    """The command, in a thread, with the running bot's store, port and token."""
    env = {
        "LIGHTSHIP_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'lightship.db'}",
        "LIGHTSHIP_HTTP_PORT": str(bot.port),
        "LIGHTSHIP_WEBHOOK_TOKEN": TOKEN,
        "LIGHTSHIP_CONFIG": str(shipped("lightship.yaml")),
        **environ,
    }
    return await asyncio.to_thread(CliRunner().invoke, lightship, ["test-alert", *arguments], env=env)


def in_channel(bot: Embedded) -> list[str]:
    """Everything that is shown to all, as one text each."""
    shown = bot.slack.workspace.messages.values()
    return [f"{one.text} {one.blocks}" for one in shown if one.only_for is None and one.channel == CHANNEL]


async def test_a_drill_is_marked_everywhere_and_changes_nothing(bot: Embedded, tmp_path: Path) -> None:
    """Its incident, its thread and its approval say that it is one; the approved scaling is only tried."""
    result = await drill(bot, tmp_path, "HighAPILatency")
    assert result.exit_code == 0, result.output
    assert re.search(r"Drill [0-9a-f]{12} is incident #1 in C0CHURN", result.stdout)
    incident = await bot.message("Drill: HighAPILatency")
    await bot.press("U0ALICE", incident, "acknowledge")
    await bot.message("acknowledged")
    assert (await bot.slack.people.command("U0ALICE", CHANNEL, "/churn", "scale 6 practice")).ok
    request = await bot.message("Approval needed")
    await bot.press("U0BOB", request, "approve")
    await bot.message("Only tried, as this is a drill")
    assert await bot.replicas() == 3
    assert len(in_channel(bot)) >= 4
    for shown in in_channel(bot):
        assert "This is a drill" in shown or "Drill: " in shown, shown


async def test_a_drill_silences_nothing(bot: Embedded, tmp_path: Path) -> None:
    """The group's labels are those of real alerts, so the wish is refused with its reason."""
    await drill(bot, tmp_path, "HighAPILatency")
    await bot.message("Drill: HighAPILatency")
    assert (await bot.slack.people.command("U0ALICE", CHANNEL, "/churn", "silence 1h practice")).ok
    await bot.message("nothing is silenced", only_for="U0ALICE")
    assert await bot.world.alertmanager.silences() == ()


async def test_a_drill_is_ended_by_its_id(bot: Embedded, tmp_path: Path) -> None:
    """`--end` resolves its alert, and so its incident."""
    begun = await drill(bot, tmp_path, "HighAPILatency")
    (drill_id,) = re.findall(r"--end ([0-9a-f]{12})", begun.stdout)
    incident = await bot.message("Drill: HighAPILatency")
    ended = await drill(bot, tmp_path, "--end", drill_id)
    assert (ended.exit_code, ended.stdout) == (0, f"Drill {drill_id} ends.\n")
    await bot.slack.recording.until(lambda: "resolved" in _shown(bot, incident))


async def test_an_alert_that_calls_itself_a_drill_is_real(bot: Embedded) -> None:
    """With the label and without a registered drill the scaling is done."""
    await bot.alert(labels={LABEL: "5f2c61d09b7a"})
    await bot.message("HighAPILatency")
    assert (await bot.slack.people.command("U0ALICE", CHANNEL, "/churn", "scale 6 real")).ok
    request = await bot.message("Approval needed")
    await bot.press("U0BOB", request, "approve")
    await bot.message("3 → 6")
    async with asyncio.timeout(10.0):
        while await bot.replicas() != 6:  # noqa: ASYNC110 - the world has no event for it
            await asyncio.sleep(0.05)
    assert not [shown for shown in in_channel(bot) if "This is a drill" in shown]


async def test_what_a_person_gets_wrong_is_told(bot: Embedded, tmp_path: Path) -> None:
    """A runbook or a drill that is not, a wrong token, a bot that is not there, another store."""
    none = await drill(bot, tmp_path, "HighAPILatenzy")
    assert (none.exit_code, "did you mean `HighAPILatency`?" in none.stderr) == (1, True)
    assert "there is no drill `x`" in (await drill(bot, tmp_path, "--end", "x")).stderr
    token = await drill(bot, tmp_path, "HighAPILatency", LIGHTSHIP_WEBHOOK_TOKEN="other")
    assert "set LIGHTSHIP_WEBHOOK_TOKEN as the bot has it" in token.stderr
    away = await drill(bot, tmp_path, "HighAPILatency", "--url", "http://127.0.0.1:9")
    assert "the bot cannot be reached at http://127.0.0.1:9" in away.stderr
    both = await drill(bot, tmp_path)
    assert (both.exit_code, "name a runbook, or --end" in both.stderr) == (2, True)
    without = await drill(bot, tmp_path, "HighAPILatency", "--send")
    assert "set ALERTMANAGER_URL" in without.stderr


def _shown(bot: Embedded, message: Any) -> str:
    now = bot.slack.workspace.messages[CHANNEL, message.ts]
    return f"{now.text} {now.blocks}"
