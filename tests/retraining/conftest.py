"""A bench of its own for each test, with what proposes and follows trainings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.adapters.database import PublishedReports
from bot.checks.registry import run_check
from bot.checks.training_facts import training_facts
from bot.domain.access import AccessPolicy
from bot.domain.remedies import Action
from bot.domain.retraining import decide_retraining
from bot.domain.runbooks import Runbook, RunbookRemediation
from bot.domain.services import WatchedService
from bot.engines.following_trainings import FollowingTrainings
from bot.engines.proposing_retraining import ProposingRetraining
from bot.ports.readers import Resource
from bot.rehearsal.objects import stamp
from bot.testing import FrozenClock
from tests.acting import NAMESPACE, make_bench
from tests.checks.looking import condition, crashed
from tests.opening import open_store
from tests.planning import ALIAS, MODEL
from tests.retraining.making import make_version
from tests.worlds.objects import cron_job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from bot.domain.approvals import Approval
    from bot.domain.drift import DriftReport
    from bot.domain.events import Event
    from bot.domain.findings import Finding
    from bot.domain.messages import Message, MessageKind
    from bot.domain.retraining import RetrainingDecision
    from bot.domain.runbooks import Argument
    from tests.acting import Bench, Start

TRAINING = "training-pipeline"
SERVICE = WatchedService(
    name="churn",
    channel="C0CHURN",
    command="/churn",
    match=(),
    namespace=NAMESPACE,
    deployment="churn-api",
    cronjob=TRAINING,
    model=MODEL,
    model_alias=ALIAS,
    policy=AccessPolicy(channel="C0CHURN"),
)
RUNBOOK = Runbook(
    name="drift",
    title="Drift",
    severity=None,
    match=(),
    summary_template="",
    remediations=(RunbookRemediation(name="retrain", title="Retrain", action=Action.RETRAIN.value),),
)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """All engines of the second closed loop, over one store and one world."""

    bench: Bench
    start: Start
    proposing: ProposingRetraining
    following: FollowingTrainings

    async def report(self, report: DriftReport) -> None:
        """The drift job publishes a report."""
        async with self.bench.store.transaction() as tx:
            await tx.drift_reports.save("churn", report)

    async def approved(self, approval: Approval) -> None:
        """Somebody approves it, and it is carried out to its end."""
        await self.bench.press(self.start, approval)
        await self.start.work()

    async def messages(self, kind: MessageKind) -> list[Message]:
        """What waits to be shown."""
        async with self.bench.store.transaction() as tx:
            return [one for one in await tx.messages.undelivered() if one.kind is kind]

    async def event(self, event_id: str) -> Event | None:
        """By id."""
        async with self.bench.store.transaction() as tx:
            return await tx.events.get(event_id)

    def fail_jobs(self) -> None:
        """The next Jobs fail as soon as they run, and leave a pod each with a log."""
        world = self.bench.world

        def failed(_: object) -> bool:
            for key in world.state.store.keys(Resource.JOBS):
                job = world.state.store.held(key)
                if (job.get("status") or {}).get("conditions"):
                    continue
                now = world.clock.now()
                message = "Job has reached the specified backoff limit"
                over = condition("Failed", "True", "BackoffLimitExceeded", since=now, message=message)
                job["status"] = {"startTime": stamp(now), "failed": 2, "conditions": [over]}
                self._leave_pod(str(job["metadata"]["name"]))
                world.state.store.changed(key)
            return False

        world.state._jobs_take = timedelta(hours=1)
        world.state.on_settle = failed

    def _leave_pod(self, job: str) -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "train-1", "namespace": NAMESPACE, "labels": {"job-name": job}},
            "spec": {"containers": [{"name": "train"}]},
            "status": {"phase": "Failed"},
        }
        self.bench.world.state.store.put(pod, now=self.bench.clock.now())
        self.bench.world.state.logs[NAMESPACE, "train-1"] = "KeyError: 'tenure'\n"


def make_loop(bench: Bench) -> Loop:
    """The engines as one process has them."""
    start = bench.start()
    readers = bench.world.readers

    async def weigh(_: str) -> RetrainingDecision:
        found = await training_facts(bench.target, bench.readers, bench.clock.now())
        return decide_retraining(found, SERVICE.retraining, now=bench.clock.now())

    async def look(service: WatchedService, name: str, arguments: Mapping[str, Argument]) -> Finding:
        assert service is SERVICE
        return await run_check(
            name,
            target=bench.target,
            readers=readers,
            now=bench.clock.now(),
            crashed=crashed,
            arguments=arguments,
        )

    return Loop(
        bench=bench,
        start=start,
        proposing=ProposingRetraining(
            store=bench.store,
            services={"churn": SERVICE},
            runbook={"drift": RUNBOOK}.get,
            weigh=weigh,
            request=start.approving.request,
        ),
        following=FollowingTrainings(
            store=bench.store,
            ids=bench.ids,
            services={"churn": SERVICE},
            look=look,
            request=start.approving.request,
        ),
    )


@pytest.fixture
async def loop(tmp_path: Path) -> AsyncIterator[Loop]:
    """Version 7 in production, twelve days old, and the CronJob that trains."""
    clock = FrozenClock(auto=True)
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        bench = make_bench(store, clock, drift=PublishedReports(store))
        bench.world.state.put(cron_job(NAMESPACE))
        bench.world.models.register(make_version("7", days=12, alias=True, accuracy=0.861))
        yield make_loop(bench)
