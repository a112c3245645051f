"""A runbook's escalation by the share of slow calls, asked of a real Prometheus, through a crash of the bot.

The product's rule says 15 minutes; here it is 6 seconds, and the rates are over 10. Run by `make e2e`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.settings.loading import load_settings
from tests.e2e.deployed import alert, deployed, webhook
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.exporter import Traffic
from tests.e2e.servers.programs import REPOSITORY
from tests.e2e.servers.prometheus import scraping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.domain.escalation import Watch
    from tests.e2e.deployed import Deployed
    from tests.e2e.servers.exporter import Exporter
    from tests.e2e.servers.prometheus import Prometheus

SLOW, QUICK = Traffic(calls=50, latency=7.0), Traffic(calls=50, latency=0.04)
SHIPPED_SPAN, SHORT_SPAN = "for: 15m", "for: 6s"
LABELS = {"service": "churn", "alertname": "HighAPILatency", "severity": "warning"}


async def test_a_share_of_slow_calls_makes_it_p1_once_through_a_crash(
    tmp_path: Path, database: str, exporter: Exporter, start_prometheus: Callable[..., Prometheus]
) -> None:
    """The shipped rule, shortened: quick calls do not escalate, slow ones do after its time, told once."""
    job = scraping("churn-api", exporter.address, service="churn")
    exporter.turn(QUICK)
    prometheus = await asyncio.to_thread(start_prometheus, scrape=[job])
    config = _shortened(tmp_path)
    settings = {
        "LIGHTSHIP_CONFIG": str(config),
        "PROMETHEUS_URL": prometheus.url,
        "LIGHTSHIP_ESCALATION__EVERY": "1s",
    }
    async with deployed(tmp_path, database, **settings) as world:
        bot = await world.start()
        await world.posted(bot, webhook("g", alert("pod-1", labels=LABELS)))
        message = await world.chat.message("P2 firing · HighAPILatency")
        judged = "lightship_escalation_judgements_total"
        await eventually(lambda: world.counted(bot, judged), lambda n: n >= 3, "three looks")
        assert await _watches(world) == []
        exporter.turn(SLOW)
        (begun,) = await eventually(lambda: _watches(world), bool, "the rule holds")
        await asyncio.to_thread(bot.kill)
        bot = await world.start()
        told = await world.chat.message("Escalated P2 → P1", thread=message)
        await world.chat.shows(message, "P1 firing · HighAPILatency")
        thread = world.chat.thread(message)
        assert "<!subteam^S0ONCALL>" in thread
        assert "have taken longer than 5 s" in thread
        assert "(now 1)" in thread or "(now 0." in thread
        (after,) = await _watches(world)
        assert after.since == begun.since  # the crash did not begin its time anew
        assert after.since is not None
        assert after.told_at is not None
        assert (after.told_at - after.since).total_seconds() >= 6
        looked = await world.counted(bot, judged)
        await eventually(lambda: world.counted(bot, judged), lambda n: n >= looked + 3, "three looks more")
        assert world.chat.thread(message).count("Escalated") == 1
        assert told.ts


def _shortened(directory: Path) -> Path:
    """The shipped configuration and runbook with short times; nothing else differs."""
    folder = directory / "config"
    (folder / "runbooks").mkdir(parents=True)
    shipped = (REPOSITORY / "runbooks" / "high-api-latency.yaml").read_text()
    assert SHIPPED_SPAN in shipped
    short = shipped.replace(SHIPPED_SPAN, SHORT_SPAN).replace("[5m]", "[10s]")
    (folder / "runbooks" / "high-api-latency.yaml").write_text(short)
    config = folder / "lightship.yaml"
    config.write_text((REPOSITORY / "lightship.yaml").read_text())
    assert not load_settings(config, {}).faults
    return config


async def _watches(world: Deployed) -> list[Watch]:
    async with world.store.transaction() as tx:
        known = await tx.escalations.of([1])
    return [watch for watch in known.get(1, {}).values() if watch.since and "/" not in watch.rule]
