"""A drift run outside of the bot: through a real Pushgateway into a real Prometheus, as the bot says it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import generate_latest
from ruamel.yaml import YAML

from bot.adapters.clock import SystemClock
from bot.adapters.database import open_store
from bot.adapters.pushgateway import Pushgateway as Gateway
from bot.drift_metrics import drift_registry, read_drift
from tests.drift.tables import churn_columns, write
from tests.drift_runs.gateway import samples
from tests.e2e.servers.lightship import LIGHTSHIP
from tests.e2e.servers.programs import REPOSITORY, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.servers.prometheus import Prometheus
    from tests.e2e.servers.pushgateway import Pushgateway

RUN_SECONDS = 180
GROUP = {"job": "lightship_drift", "service": "churn"}
CONFIGURATION = """
services:
  churn:
    channel: C0CHURN
    match: ['service="churn"']
    drift: {{reference: reference.parquet, current: {current}, schedule: null, pushgateway: "{gateway}"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the model was trained on, and what it is asked about: one column a thousand times as large."""
    write(churn_columns(1_000, 1), tmp_path / "reference.parquet")
    current = churn_columns(1_000, 2)
    write({**current, "charges": current["charges"] * 1_000}, tmp_path / "current.parquet")
    return tmp_path


def run(
    folder: Path, gateway: Pushgateway, current: str = "current.parquet"
) -> tuple[int, dict[str, Any], str]:
    """`lightship drift run` with its own store: exit code, what it printed, what it complained of."""
    (folder / "lightship.yaml").write_text(CONFIGURATION.format(current=current, gateway=gateway.url))
    done = subprocess.run(
        [LIGHTSHIP, "drift", "run", "--json", "--config", str(folder / "lightship.yaml")],
        env={"LIGHTSHIP_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/lightship.db"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


async def said_by_a_bot(folder: Path) -> dict[Any, float]:
    """What `/metrics` of a bot on that store would say; Prometheus keeps no label that is empty."""
    url = f"sqlite+aiosqlite:///{folder}/lightship.db"
    async with open_store(url, clock=SystemClock()) as store, store.transaction() as tx:
        reading = await read_drift(tx, "churn")
    said = samples(generate_latest(drift_registry("churn", reading)).decode())
    return {(name, tuple(one for one in labels if one[1])): value for (name, labels), value in said.items()}


def in_prometheus(server: Prometheus) -> dict[Any, float]:
    """The family as it was scraped, without the labels of the group, which every sample has to have."""
    found = {}
    for one in server.query('{__name__=~"churn_model_drift_.*"}'):
        labels = dict(one["metric"])
        assert {name: labels.pop(name) for name in GROUP} == GROUP
        found[labels.pop("__name__"), tuple(sorted(labels.items()))] = float(one["value"][1])
    return found


def stale_rule() -> str:
    """The expression of the shipped rule on a stale score."""
    rules = YAML(typ="safe", pure=True).load((REPOSITORY / "k8s/monitoring/rules.yaml").read_text())
    (expr,) = [
        rule["expr"]
        for group in rules["groups"]
        for rule in group["rules"]
        if rule["alert"] == "DriftScoreStale"
    ]
    return str(expr)


def test_a_run_outside_of_the_bot_reaches_prometheus(
    folder: Path, pushgateway: Pushgateway, start_prometheus: Callable[..., Prometheus]
) -> None:
    """Every sample, the run's id too; the stale rule sees it; a failed run keeps the score; none is lost."""
    asyncio.run(Gateway().ask(pushgateway.url))  # as `lightship doctor` asks
    code, told, _ = run(folder, pushgateway)
    assert (code, told["pushed"]) == (0, True)
    scrape = {
        "job_name": "pushgateway",
        "honor_labels": True,
        "static_configs": [{"targets": [pushgateway.address]}],
    }
    server = start_prometheus(scrape=[scrape])
    expected = asyncio.run(said_by_a_bot(folder))
    until(lambda: in_prometheus(server) == expected, "the pushed family is scraped")
    assert expected["churn_model_drift_score", ()] > 0.5
    info = next(labels for name, labels in expected if name == "churn_model_drift_report_info")
    assert dict(info)["run_id"] == told["run"]

    stale = stale_rule()
    assert server.query(stale) == []
    (late,) = server.query(stale.replace("time()", "(time() + 4 * 3600)"))
    assert float(late["value"][1]) > 3 * 3600

    (
        folder / "lightship.db"
    ).unlink()  # the next run starts with an empty store, as in a pod without a volume
    code, told, _ = run(folder, pushgateway, "nowhere")
    assert (code, told["state"], told["pushed"]) == (1, "failed", True)
    failed = ("churn_model_drift_last_run_failed", ())
    until(lambda: in_prometheus(server)[failed] == 1, "the failure is scraped")
    kept = in_prometheus(server)
    for name in ("churn_model_drift_score", "churn_model_drift_last_success_timestamp_seconds"):
        assert kept[name, ()] == expected[name, ()]

    pushgateway.stop()
    code, told, complained = run(folder, pushgateway)
    assert (code, told["state"], told["pushed"]) == (1, "succeeded", False)
    assert f"its scores were not pushed: the Pushgateway at {pushgateway.url} cannot be reached" in complained
    assert asyncio.run(said_by_a_bot(folder))["churn_model_drift_score", ()] == told["score"]
