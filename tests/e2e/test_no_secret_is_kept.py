"""Who reads the database finds no credential in it: neither the bot's nor one that was tried at a door."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.e2e.deployed import CHURN, alert, deployed, webhook
from tests.e2e.scenes import SECRET, TOKEN

if TYPE_CHECKING:
    from pathlib import Path

KEY = "audit-key-of-the-test"
GRAFANA = "grafana-token-of-the-test"
TRIED = "token-of-somebody-else"


async def test_no_credential_is_in_the_store(tmp_path: Path) -> None:
    """After webhooks, a refused one, a command and a notice, no secret is in its files or in the log."""
    settings = {
        "LIGHTSHIP_AUDIT_KEY": KEY,
        "LIGHTSHIP_GRAFANA__URL": "http://127.0.0.1:9",
        "LIGHTSHIP_GRAFANA__TOKEN": GRAFANA,
    }
    async with deployed(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/lightship.db", **settings) as parts:
        bot = await parts.start()
        parts.slack.delivery.events_url = f"{bot.url}/slack/events"
        await parts.posted(bot, webhook("one", alert("one")))
        headers = {"Authorization": f"Bearer {TRIED}"}
        async with parts.session.post(f"{bot.url}/alerts", json={}, headers=headers) as answer:
            assert answer.status == 401
        await parts.chat.message("#1", seconds=60)
        assert (await parts.slack.people.command("U0ALICE", CHURN, "/churn", "ack")).ok
        await parts.chat.anywhere("acknowledged it")
        await parts.shown_once()
        token = parts.slack.workspace.app.bot_token
        assert await asyncio.to_thread(bot.stop) == 0
        kept = await asyncio.to_thread(files_of, tmp_path)
        assert b"something is wrong with one" in kept, "it is the store"
        written = kept + bot.log.read_bytes()
        assert [one for one in (TOKEN, SECRET, KEY, GRAFANA, TRIED, token) if one.encode() in written] == []


def files_of(folder: Path) -> bytes:
    """The store and what SQLite keeps beside it."""
    return b"".join(path.read_bytes() for path in folder.glob("lightship.db*"))
