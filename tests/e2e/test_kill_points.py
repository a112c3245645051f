"""SIGKILL at each point of approving, acting and silencing, then a restart: nothing lost, nothing done twice.

The world is a real API server and a real Alertmanager, both databases are used, and with each protection
taken out the same checks fail. (Intake and publishing: `tests/durability`.)
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.clock import SystemClock
from bot.adapters.database import connect
from bot.console import RateLimits, SlackStandIn, demo_workspace
from bot.console.demo import demo_commands
from bot.domain.remedies import ExecutionState
from tests.e2e.scenes import ACCOUNT, DEPLOYMENT, SECRET, SERVICE, TOKEN, declared_rights, rules_of
from tests.e2e.servers.alertmanager import posting_to
from tests.e2e.servers.chat import Chat, buttons, read
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.lightship import Lightship
from tests.e2e.servers.programs import REPOSITORY, Program, answers, until
from tests.e2e.servers.prometheus import alert
from tests.e2e.servers.workloads import cron_job, deployment
from tests.e2e.watched import handed_over
from tests.planning import ALIAS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sqlalchemy import Row

    from bot.console.values import Message
    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.cluster import Cluster
    from tests.e2e.servers.mlflow import Mlflow
    from tests.e2e.servers.prometheus import Prometheus, Rules

pytestmark = pytest.mark.timeout(900)

ALICE, BOB, CHANNEL = "U0ALICE", "U0BOB", "C0CHURN"
DRIVEN = (sys.executable, "-m", "tests.e2e.servers.driven")
ACTING = (
    "before-grant-commit",
    "after-grant-commit",
    "before-apply",
    "after-apply",
    "before-outcome-commit",
    "before-outcome-commit:2",
)
SILENCING = ("after-silence",)
LIFTING = ("after-lift",)
VERDICT = ("before-verdict-commit", "after-verdict-commit")
KILLED = ("before-apply", "after-apply", "before-outcome-commit")
LOST_SECONDS = 240.0
LOSING = frozenset({"intent", "name", "verdict"})
MISSED_SECONDS = 20.0
"""How long is waited for what never comes without one of these protections."""


class Driven(Lightship):
    """The bot with short leases, without some of its protections."""

    def __init__(self, directory: Path, environment: Mapping[str, str], without: tuple[str, ...]) -> None:
        """`without` names the protections."""
        super().__init__(directory, environment)
        self._without = without

    def start(self) -> Driven:
        """Start and wait until it is ready."""
        words = (*DRIVEN, *self._without)
        self._program = Program("lightship", words, log=self.log, environment=self.environment)
        until(lambda: answers(f"{self.url}/readyz"), "the bot is ready", program=self._program)
        return self

    def kill(self) -> None:
        """End it by force, and what is left of a dead one."""
        if self._program is not None:
            self._program.kill()


@dataclass(frozen=True, kw_only=True)
class Task:
    """An action by its command; in the cluster it is one write, or none where it is done elsewhere."""

    command: str
    writes: int = 1


SCALE = Task(command="scale 6 traffic doubled")
PROMOTE = Task(command="promote 3 it is more accurate", writes=0)
RETRAIN = Task(command="run training-pipeline new data")
OTHERS = (
    Task(command="restart it leaks"),
    Task(command="delete-pod POD stuck"),
    RETRAIN,
    PROMOTE,
)


@dataclass(kw_only=True)
class Case:
    """One bot that dies at a point, with a namespace, a database and an Alertmanager of its own."""

    point: str
    cluster: Cluster
    namespace: str
    database: str
    bot: Driven
    slack: SlackStandIn
    alertmanager: Alertmanager
    patience: float
    model: str
    mlflow: Mlflow
    task: Task = SCALE
    died: bool = False
    found: list[str] = field(default_factory=list)

    @property
    def chat(self) -> Chat:
        """What people see."""
        return Chat(self.slack)

    async def rows(self, statement: str) -> list[Row[Any]]:
        """What the database answers."""
        from sqlalchemy import text  # noqa: PLC0415 - of this one method

        store = connect(self.database, clock=SystemClock())
        async with store._database.begin() as link:
            rows = list(await link.all(text(statement)))
        await store.close()
        return rows

    async def begin(self) -> None:
        """Three pods run, the bot is up, one alert is taken and shown."""
        self.cluster.apply(
            deployment(self.namespace, DEPLOYMENT, replicas=3, image=self.cluster.image),
            cron_job(self.namespace, image=self.cluster.image),
        )
        self.slack.delivery.events_url = f"{self.bot.url}/slack/events"
        await asyncio.to_thread(self.bot.start)
        assert await handed_over(f"{self.bot.url}/alerts", webhook(), token=TOKEN) == 200
        await self.chat.message("is wrong")

    async def die_and_restart(self) -> None:
        """Wait for the kill, and start again without it."""
        program = self.bot.program
        await eventually(
            lambda: asyncio.to_thread(lambda: program.running), lambda runs: not runs, f"{self.point} kills"
        )
        self.died = True
        await asyncio.to_thread(self.bot.kill)
        del self.bot.environment["LIGHTSHIP_KILL_POINT"]
        await asyncio.to_thread(self.bot.start)

    async def act(self) -> None:
        """Alice asks for it, Bob approves, and presses again if that was lost."""
        pod = await eventually(
            lambda: asyncio.to_thread(self.quiet_pod), bool, "three pods are ready and no rollout goes on"
        )
        words = self.task.command.replace("POD", pod)
        assert (await self.slack.people.command(ALICE, CHANNEL, "/churn", words)).ok
        incident = await self.chat.message("is wrong")
        request = await self.chat.message("Approval needed", thread=incident)
        await self.chat.press(BOB, request, "approve")
        await self.die_and_restart()
        if await self.is_open():
            await self.chat.press(BOB, request, "approve")
        await self.within(self.patience, self.is_done, "the approved scaling is done")
        patches = await asyncio.to_thread(self.patches)
        if self.task is SCALE:
            await self.expect("six replicas", await asyncio.to_thread(self.replicas), 6)
        if self.task is PROMOTE:
            version = await asyncio.to_thread(self.mlflow.version_of, ALIAS, model=self.model)
            await self.expect("version 3 in use", version, "3")
        await self.expect("one PATCH of the cluster", patches, self.task.writes)
        if self.point in VERDICT:
            await self.is_judged_once()
        await self.is_shown(request)
        shown = [one for one in self.slack.workspace.messages.values() if one.only_for is None]
        incidents = [one for one in shown if one.thread_ts is None]
        requests = [one for one in shown if "Asked by <@U0ALICE>" in read(one)]
        await self.expect("one message of the incident", len(incidents), 1)
        await self.expect("one message of the request", len(requests), 1)

    async def silence(self) -> None:
        """Alice silences, hears nothing because the bot died, and asks again."""
        assert (await self.slack.people.command(ALICE, CHANNEL, "/churn", "silence 1h deploying")).ok
        await self.die_and_restart()
        assert (await self.slack.people.command(ALICE, CHANNEL, "/churn", "silence 1h deploying")).ok
        await self.chat.told(ALICE, "is silenced for 1h")
        await self.expect("one silence", await asyncio.to_thread(self.silences, "deploying"), 1)

    async def lift(self) -> None:
        """Alice silences and ends it again, hears nothing because the bot died, and presses once more."""
        assert (await self.slack.people.command(ALICE, CHANNEL, "/churn", "silence 1h draining")).ok
        incident = await self.chat.message("is wrong")
        await self.chat.press(ALICE, incident, "undo:silence")
        await self.die_and_restart()
        await self.chat.press(ALICE, incident, "undo:silence")
        await self.chat.told(ALICE, "is heard again")
        await self.chat.until(lambda: "silence" in buttons(self.chat.now(incident)), "it is shown as heard")
        await self.expect("no silence", await asyncio.to_thread(self.silences, "draining"), 0)
        lifted = await self.rows("SELECT id FROM events WHERE kind = 'silence_lifted'")
        await self.expect("one lift", len(lifted), 1)

    async def expect(self, what: str, have: object, want: object) -> None:
        """Note what is not as it should be."""
        if have != want:
            self.found.append(f"{self.point}: {what}: {have!r}")

    async def within(self, seconds: float, fact: Callable[[], Any], what: str) -> None:
        """Note what does not come."""
        try:
            await eventually(fact, bool, what, seconds=seconds)
        except (AssertionError, TimeoutError):
            self.found.append(f"{self.point}: {what}: never")

    async def is_open(self) -> bool:
        """Whether the request still waits for an answer."""
        (row,) = await self.rows("SELECT state FROM approvals")
        return bool(row.state == "requested")

    async def is_done(self) -> bool:
        """Whether it was carried out to a good end."""
        states = [row.state for row in await self.rows("SELECT state FROM executions")]
        return states == [ExecutionState.SUCCEEDED.value]

    async def is_judged_once(self) -> None:
        """Whether it helped is kept, and told once."""

        async def told() -> bool:
            (row,) = await self.rows("SELECT state FROM verifications")
            return bool(row.state == "fixed") and "Fixed after" in self.chat.thread(incident)

        incident = await self.chat.message("is wrong")
        await self.within(self.patience, told, "the verdict is told")
        verdicts = await self.rows("SELECT id FROM events WHERE kind = 'remediation_fixed'")
        await self.expect("one verdict", len(verdicts), 1)
        entries = self.slack.workspace.replies(incident.channel, incident.ts)[1:]
        said = [one for one in entries if read(one).startswith("✅ *Fixed after")]
        await self.expect("one entry of it", len(said), 1)

    def silences(self, reason: str) -> int:
        """How many silences of that reason are active; other cases have theirs in the same Alertmanager."""
        found = self.alertmanager.get("/api/v2/silences")
        return len(
            [one for one in found if one["status"]["state"] == "active" and one["comment"].startswith(reason)]
        )

    def quiet_pod(self) -> str:
        """One of three ready pods, once the deployment is as its controller wants it."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{DEPLOYMENT}"
        status = self.cluster.api.call(path).get("status") or {}
        reasons = {one.get("reason") for one in status.get("conditions") or ()}
        if status.get("readyReplicas") != 3 or "NewReplicaSetAvailable" not in reasons:
            return ""
        pods = self.cluster.api.call(
            f"/api/v1/namespaces/{self.namespace}/pods?labelSelector=app%3D{DEPLOYMENT}"
        )
        return str(pods["items"][0]["metadata"]["name"])

    async def is_shown(self, request: Message) -> None:
        """The request's message has no button to approve any more."""

        async def gone() -> bool:
            return "approve" not in buttons(self.chat.now(request))

        await self.within(self.patience, gone, "the answer is shown")

    async def explain(self) -> None:
        """Print what the store and the log say, which pytest shows where a test fails."""
        columns = "kind, ts, desired_revision, posted_revision, claimed_by, attempts, last_error"
        messages = await self.rows(f"SELECT {columns} FROM messages")  # noqa: S608 - ours
        for row in (*messages, *await self.rows("SELECT * FROM slots")):
            sys.stdout.write(f"{self.point}: {row}\n")
        sys.stdout.write(self.bot.log.read_text()[-4_000:])

    def replicas(self) -> int:
        """What the deployment wants."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{DEPLOYMENT}"
        return int(self.cluster.api.call(path)["spec"]["replicas"])

    def patches(self) -> int:
        """How many real changes the API server took from the bot."""
        events = self.cluster.writes(self.namespace, ACCOUNT)
        real = [event for event in events if "dryRun=All" not in event["requestURI"]]
        return len([event for event in real if event["responseStatus"]["code"] in {200, 201}])


def calm(name: str, *, labels: Mapping[str, str]) -> Rules:
    """A rule of that name whose condition never holds, so that whatever was done has helped."""
    return alert(name, "vector(0) > 1", labels=labels)


def webhook() -> Mapping[str, Any]:
    """An alert that no runbook serves, so that nothing but people changes its message."""
    labels = {"alertname": "Faulty", "service": "churn", "severity": "warning"}
    return {
        "version": "4",
        "groupKey": '{}:{alertname="Faulty"}',
        "receiver": "lightship",
        "groupLabels": {"alertname": "Faulty"},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": [
            {
                "status": "firing",
                "labels": labels,
                "annotations": {"summary": "something is wrong"},
                "startsAt": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
                "endsAt": "0001-01-01T00:00:00Z",
                "fingerprint": "f1",
            }
        ],
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes empty databases of each kind."""
    numbers = iter(range(100))
    if request.param == "sqlite":
        return lambda: f"sqlite+aiosqlite:///{tmp_path / f'lightship-{next(numbers)}.db'}"
    create: Callable[[], str] = request.getfixturevalue("postgres").create_database
    return create


@pytest.fixture
def run(  # noqa: PLR0917 - pytest gives fixtures by their names
    tmp_path: Path,
    cluster: Cluster,
    start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager],
    start_prometheus: Callable[..., Prometheus],
    mlflow: Mlflow,
    new_database: Callable[[], str],
) -> Callable[..., Any]:
    """Runs one case to its end; the faults that were found."""
    limit = asyncio.Semaphore(7)
    prometheus = start_prometheus(rules=[calm("Faulty", labels={"severity": "warning"})])
    alertmanager = start_alertmanager(posting_to("http://127.0.0.1:9/alerts", token=TOKEN))

    async def run(point: str, *without: str, task: Task = SCALE) -> list[str]:
        async with limit:
            return await one(point, without, task)

    async def one(point: str, without: tuple[str, ...], task: Task) -> list[str]:
        namespace = await asyncio.to_thread(cluster.create_namespace)
        kubeconfig = await asyncio.to_thread(
            cluster.service_account, namespace, ACCOUNT, rules_of(declared_rights())
        )
        folder = tmp_path / namespace
        folder.mkdir()
        stand_in = SlackStandIn(
            demo_workspace(),
            signing_secret=SECRET,
            commands=demo_commands(),
            rates=RateLimits(enabled=False),
        )
        async with stand_in as slack:
            database = await asyncio.to_thread(new_database)
            model = await asyncio.to_thread(mlflow.create_model, versions=3, alias=ALIAS, at=2)
            environment = {
                "PYTHONPATH": str(REPOSITORY),
                "SLACK_SIGNING_SECRET": SECRET,
                "SLACK_BOT_TOKEN": slack.workspace.app.bot_token,
                "SLACK_API_URL": slack.api_url,
                "LIGHTSHIP_WEBHOOK_TOKEN": TOKEN,
                "LIGHTSHIP_DATABASE_URL": database,
                "LIGHTSHIP_KILL_POINT": point,
                "ALERTMANAGER_URL": alertmanager.url,
                "KUBECONFIG": str(kubeconfig),
                f"{SERVICE}KUBERNETES__NAMESPACE": namespace,
                f"{SERVICE}MODEL__NAME": model,
                **mlflow.environment,
                **({"PROMETHEUS_URL": prometheus.url} if point in VERDICT else {}),
            }
            case = Case(
                point=point,
                cluster=cluster,
                namespace=namespace,
                database=database,
                bot=Driven(folder, environment, without),
                slack=slack,
                alertmanager=alertmanager,
                patience=MISSED_SECONDS if LOSING.intersection(without) else LOST_SECONDS,
                model=model,
                mlflow=mlflow,
                task=task,
            )
            try:
                await case.begin()
                doing = case.silence if point in SILENCING else case.lift if point in LIFTING else case.act
                await doing()
                code = await asyncio.to_thread(case.bot.stop)
                await case.expect("an end in order", code, 0)
                if case.found:
                    await case.explain()
            finally:
                await asyncio.to_thread(case.bot.kill)
                await asyncio.to_thread(cluster.delete_namespace, namespace)
        assert case.died
        return case.found

    return run


async def test_killed_there_it_is_done_once_and_nothing_is_lost(run: Callable[..., Any]) -> None:
    """At every point, on both databases: one effect an approval, one silence, one lift, one verdict."""
    found = await asyncio.gather(*(run(point) for point in (*ACTING, *SILENCING, *LIFTING, *VERDICT)))
    assert [fault for faults in found for fault in faults] == []


async def test_other_actions_are_done_once_too(run: Callable[..., Any]) -> None:
    """A restart, an eviction, a Job, an alias: killed before, after and while it is kept, there is one."""
    found = await asyncio.gather(*(run(point, task=task) for point in KILLED for task in OTHERS))
    assert [fault for faults in found for fault in faults] == []


async def test_without_its_protection_each_check_fails(run: Callable[..., Any]) -> None:
    """Looking and the lock or the Job's name, the intent and the verdict in one transaction, the mark."""
    blind, nameless, forgetful, untold, unmarked = await asyncio.gather(
        run("after-apply", "lock"),
        run("after-apply", "name", task=RETRAIN),
        run("after-grant-commit", "intent"),
        run("before-verdict-commit", "verdict"),
        run("after-silence", "mark"),
    )
    assert blind == ["after-apply: one PATCH of the cluster: 2"]
    assert "after-apply: one PATCH of the cluster: 2" in nameless
    assert "after-grant-commit: the approved scaling is done: never" in forgetful
    assert "before-verdict-commit: one verdict: 0" in untold
    assert unmarked == ["after-silence: one silence: 2"]
