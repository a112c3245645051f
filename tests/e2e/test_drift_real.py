"""Drift reports as they are deployed: two replicas, a missed tick, one id in Slack, metrics and MLflow."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.adapters.clock import SystemClock
from bot.adapters.database import open_store
from bot.console import SlackStandIn
from bot.console.demo import demo_commands, demo_workspace
from tests.drift.tables import churn_columns, write
from tests.drift_runs.making import keep_success, make_run
from tests.drift_runs.test_manifest import manifest
from tests.e2e.servers.chat import Chat
from tests.e2e.servers.eventually import PATIENCE_SECONDS, eventually
from tests.e2e.servers.lightship import LIGHTSHIP, Lightship

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.e2e.servers.cluster import Cluster
    from tests.e2e.servers.mlflow import Mlflow
    from tests.e2e.servers.postgres import Postgres

pytestmark = pytest.mark.timeout(1200)

SECRET, ALICE = "signing-secret", "U0ALICE"
RUN_SECONDS = 180.0
CONFIGURATION = """
default_channel: C0OPS
services:
  churn:
    channel: C0CHURN
    command: /churn
    match: ['service="churn"']
    model: {{name: churn-model}}
    drift: {{reference: reference.parquet, current: current, schedule: "{schedule}", memory: 600MiB}}
"""
FAMILY = "churn_model_drift_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Two bots over one database, their chat, and what a CronJob would run beside them."""

    bots: tuple[Lightship, Lightship]
    chat: Chat
    environment: Mapping[str, str]

    async def run(self) -> str:
        """`lightship drift run`; the id of the run that it names."""
        made = await asyncio.create_subprocess_exec(
            LIGHTSHIP, "drift", "run", env=dict(self.environment), stdout=-1, stderr=-1
        )
        async with asyncio.timeout(RUN_SECONDS):
            out, err = await made.communicate()
        assert made.returncode == 0, err.decode()
        found = re.search(r"churn: score \S+ \(run (\S+)\)", out.decode())
        assert found, out.decode()
        return found[1]

    async def metrics(self, place: int) -> dict[str, float]:
        """The published family as one replica shows it."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.bots[place].url}/metrics") as answer,
        ):
            text = await answer.text()
        return {
            f"{sample.name}{sorted(sample.labels.items())}": sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.startswith(FAMILY)
        }

    async def published(
        self, place: int, words: str, *, seconds: float = PATIENCE_SECONDS
    ) -> dict[str, float]:
        """The same, once something with these words is in it."""
        return await eventually(
            lambda: self.metrics(place),
            lambda found: any(words in name for name in found),
            words,
            seconds=seconds,
        )


@asynccontextmanager
async def site(folder: Path, database: str, mlflow: Mlflow, schedule: str) -> AsyncIterator[Site]:
    """Start it; the bots must end well."""
    (folder / "lightship.yaml").write_text(CONFIGURATION.format(schedule=schedule))
    slack = SlackStandIn(demo_workspace(), signing_secret=SECRET, commands=demo_commands())
    async with slack, AsyncExitStack() as ending:
        environment = {
            "LIGHTSHIP_CONFIG": str(folder / "lightship.yaml"),
            "LIGHTSHIP_DATABASE_URL": database,
            "SLACK_BOT_TOKEN": slack.workspace.app.bot_token,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": slack.api_url,
            **mlflow.environment,
        }
        bots = tuple(Lightship(_folder(folder / f"bot-{place}"), environment) for place in range(2))
        for bot in bots:
            ending.push_async_callback(asyncio.to_thread, bot.stop)
        await asyncio.gather(*(asyncio.to_thread(bot.start) for bot in bots))
        slack.delivery.events_url = f"{bots[0].url}/slack/events"
        yield Site(bots=(bots[0], bots[1]), chat=Chat(slack), environment=environment)
    assert [bot.log_lines("error") for bot in bots] == [[], []]


async def test_a_missed_tick_runs_once_and_is_told_everywhere_by_one_id(
    tmp_path: Path, postgres: Postgres, mlflow: Mlflow
) -> None:
    """Both replicas start after a tick that nobody was there for; then MLflow is away: nothing is lost."""
    database = postgres.create_database()
    moved = churn_columns(1500, 2)
    write(churn_columns(1500, 1), tmp_path / "reference.parquet")
    write({**moved, "charges": moved["charges"] * 3}, tmp_path / "current" / "part.parquet")
    now = datetime.now(UTC)
    missed = (now - timedelta(minutes=5)).replace(second=0, microsecond=0)
    async with open_store(database, clock=SystemClock()) as store:
        await keep_success(store, make_run("seeded", started_at=now - timedelta(hours=30)), score=0.1)
    async with site(tmp_path, database, mlflow, f"{missed.minute} {missed.hour} * * *") as running:
        message = await running.chat.message("severe drift", seconds=RUN_SECONDS)
        first = await running.published(0, "verdict', 'severe'")
        second = await running.published(1, "verdict', 'severe'")
        (info,) = (name for name in first if "report_info" in name)
        (run_id,) = re.findall(r"'run_id', '([^']+)'", info)
        assert {name: first[name] for name in first if "mlflow" not in name} == {
            name: second[name] for name in second if "mlflow" not in name
        }
        assert first[f"{FAMILY}score[]"] > 0.5

        await running.chat.shows(message, run_id, "MLflow run", seconds=RUN_SECONDS)
        (told,) = await asyncio.to_thread(mlflow.runs, "drift_detection")
        assert told["id"] in await running.chat.shows(message, run_id)
        assert told["tags"]["lightship.run_id"] == run_id
        assert told["params"]["trigger"] == "missed"
        assert told["metrics"]["overall_drift_score"] == pytest.approx(first[f"{FAMILY}score[]"])
        assert told["status"] == "FINISHED"
        listed = await asyncio.to_thread(mlflow.get, "artifacts/list", run_id=told["id"])
        names = {file["path"]: file["file_size"] for file in listed["files"]}
        assert set(names) == {"drift-report.html", "drift-report.json", "reference.profile"}
        assert all(int(size) > 1_000 for size in names.values())

        replies = running.chat.slack.workspace.replies(message.channel, message.ts)[1:]
        await running.chat.until(
            lambda: len(running.chat.slack.workspace.replies(message.channel, message.ts)) == 3,
            f"picture and page in the thread, beside {replies}",
            seconds=RUN_SECONDS,
        )
        jobs = await running.chat.ask(ALICE, "jobs", "drift-churn", run_id)
        assert "made up for a tick that nobody was there for" in jobs
        feature = await running.chat.ask(ALICE, "drift charges", "charges moved")
        assert "drift-charges.png: follows in the thread of the newest drift report" in feature
        assert "lowest" in feature
        await running.chat.until(
            lambda: len(running.chat.slack.workspace.replies(message.channel, message.ts)) == 4,
            "the picture of that feature in the report's thread",
            seconds=RUN_SECONDS,
        )

        await _without_mlflow(running, mlflow)


async def _without_mlflow(running: Site, mlflow: Mlflow) -> None:
    """A run while MLflow is away is in Slack and in the metrics at once, and in MLflow when it is back."""
    await asyncio.to_thread(mlflow.stop)
    run_id = await running.run()
    message = await running.chat.message("severe drift", run_id, seconds=RUN_SECONDS)
    await running.published(1, run_id)
    await eventually(
        lambda: running.metrics(1), lambda found: found[f"{FAMILY}mlflow_waiting_runs[]"] == 1, "it waits"
    )
    await asyncio.to_thread(mlflow.start)
    await running.chat.shows(message, "MLflow run", seconds=RUN_SECONDS)
    told = await asyncio.to_thread(mlflow.runs, "drift_detection")
    assert [run["tags"]["lightship.run_id"] for run in told].count(run_id) == 1
    assert len(told) == 2


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


async def test_the_cluster_takes_the_cronjob(cluster: Cluster, namespace: str) -> None:
    """The API server finds no field in it that it does not know."""
    cronjob = manifest()
    cronjob["metadata"]["namespace"] = namespace
    path = f"/apis/batch/v1/namespaces/{namespace}/cronjobs?dryRun=All&fieldValidation=Strict"
    made = await asyncio.to_thread(cluster.api.call, path, "POST", cronjob)
    (container,) = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["drift", "run"]
