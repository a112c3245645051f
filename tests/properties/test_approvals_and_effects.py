"""Whatever people, the world, time and crashes do, in any order: no effect without a grant, none twice."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.approvals import APPROVAL_TRANSITIONS, ApprovalState, DecisionWord
from bot.domain.errors import LightshipError
from bot.domain.remedies import EXECUTION_TRANSITIONS, ExecutionState
from bot.engines import deciding, executing
from bot.ports.readers import Resource
from bot.rehearsal.faults import Fault
from bot.remediations import acting
from bot.testing import FrozenClock
from tests.acting import ALICE, BOB, CAROL, LEASE_SECONDS, LIFETIME, NAMESPACE, make_bench
from tests.opening import open_store
from tests.worlds.objects import NAME

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from bot.domain.approvals import Approval
    from tests.acting import Bench, Start

POINTS = (
    "before-grant-commit",
    "after-grant-commit",
    "before-apply",
    "after-apply",
    "before-outcome-commit",
)
WITH_POINTS: tuple[Any, ...] = (deciding, executing, acting)
CALLS = ("writer", "cluster.get", "cluster.list", "planner")
FAULTS = (
    Fault.HANG,
    Fault.FORBIDDEN,
    Fault.THROTTLED,
    Fault.SERVER_ERROR,
    Fault.LOST_ANSWER,
    Fault.NOT_FOUND,
)


class Crash(BaseException):
    """The process is no more."""


class Bot(RuleBasedStateMachine):
    """People press, time passes, the world moves and fails, processes die and start anew."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FrozenClock(auto=True)
        self.opening = open_store("sqlite+aiosqlite:///:memory:", clock=self.clock)
        self.bench: Bench = make_bench(self.do(self.opening.__aenter__()), self.clock, answers_within=0.01)
        self.known: dict[str, Approval] = {}
        self.last: dict[str, tuple[str, str | None]] = {}
        self.crash_at = ""
        self.starts = 0
        self.kept = [module.fault for module in WITH_POINTS]
        for module in WITH_POINTS:
            module.fault = self.point
        self.now: Start = self.bench.start(self.next_owner())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run it in the machine's own loop."""
        return self.runner.run(work)

    def next_owner(self) -> str:
        """Each start of a process is another owner."""
        self.starts += 1
        return f"start-{self.starts}"

    def point(self, name: str) -> None:
        """Die here, if that was said."""
        if name == self.crash_at:
            self.crash_at = ""
            raise Crash

    def teardown(self) -> None:
        """Put everything back."""
        for module, fault in zip(WITH_POINTS, self.kept, strict=True):
            module.fault = fault
        self.do(self.die())
        self.do(self.opening.__aexit__(None, None, None))
        self.runner.close()

    async def die(self) -> None:
        """Nothing of this start goes on."""
        tasks = tuple(self.now.remediating._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def survive(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do it; where the process dies of it, start another."""
        try:
            await work
            tasks = tuple(self.now.remediating._tasks)
            for end in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(end, Crash):
                    raise end
        except Crash:
            await self.die()
            self.now = self.bench.start(self.next_owner())

    @initialize()
    def open(self) -> None:
        """One incident burns."""
        self.incident = self.do(self.bench.open_incident())

    @rule(replicas=st.integers(1, 9), by=st.sampled_from([ALICE, BOB]), about=st.booleans())
    def ask(self, replicas: int, by: Any, about: bool) -> None:
        """Somebody asks."""
        incident = self.incident if about else None

        async def asking() -> None:
            with suppress(LightshipError):
                await self.bench.ask(self.now, replicas, by=by, incident=incident)
            self.known |= {one.id: one for one in await self.bench.waiting()}

        self.do(asking())

    @precondition(lambda self: self.known)
    @rule(
        which=st.integers(0, 50),
        by=st.sampled_from([ALICE, BOB, CAROL]),
        word=st.sampled_from([DecisionWord.APPROVE, DecisionWord.APPROVE, DecisionWord.DENY]),
        forged=st.sampled_from(["", "", "", "0" * 64]),
        crash=st.sampled_from(["", "", "", *POINTS[:2]]),
    )
    def press(self, which: int, by: Any, word: DecisionWord, forged: str, crash: str) -> None:
        """Somebody presses a button, the newest or an old one."""
        approval = list(self.known.values())[-1 - which % len(self.known)]
        self.crash_at = crash
        self.do(self.survive(self.bench.press(self.now, approval, word, by=by, digest=forged)))
        self.crash_at = ""

    @rule(crash=st.sampled_from(["", "", "", *POINTS[2:]]))
    def work(self, crash: str) -> None:
        """The acting engine takes what is due."""
        self.crash_at = crash
        self.do(self.survive(self.now.work()))
        self.crash_at = ""

    @rule()
    def work_side_by_side(self) -> None:
        """Another replica looks at the same moment."""
        other = self.bench.start(self.next_owner())

        async def both() -> None:
            await asyncio.gather(self.now.work(), other.work())

        self.do(both())

    @rule()
    def restart(self) -> None:
        """An orderly end, and a new start."""
        self.do(self.now.remediating.stop())
        self.now = self.bench.start(self.next_owner())

    @rule(seconds=st.sampled_from([1.0, LEASE_SECONDS, LIFETIME.total_seconds()]))
    def pass_time(self, seconds: float) -> None:
        """Time passes, and the tick comes."""
        self.bench.pass_time(seconds)
        self.do(self.now.deciding.expire_due())

    @rule(replicas=st.integers(1, 9))
    def scale_by_hand(self, replicas: int) -> None:
        """Somebody else scales."""
        self.bench.scale_by_hand(replicas)

    @rule()
    def move_the_status(self) -> None:
        """The version moves, the object does not."""
        self.bench.world.state.touch(Resource.DEPLOYMENTS, namespace=NAMESPACE, name=NAME)

    @rule(call=st.sampled_from(CALLS), fault=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def go_wrong(self, call: str, fault: Fault, times: int) -> None:
        """The next calls fail."""
        self.bench.world.faults.switch_on(call, fault, times=times)

    @rule()
    def mend(self) -> None:
        """Everything answers again."""
        self.bench.world.faults.switch_off()

    @rule()
    def throw_the_switch(self) -> None:
        """Remediations are switched off, or on again."""
        self.bench.enabled = not self.bench.enabled

    @invariant()
    def no_effect_without_its_own_grant(self) -> None:
        """Each effect is one that somebody granted, with the number that was shown, and none comes twice."""
        effects = self.bench.writer.effects
        assert len({approval_id for approval_id, _ in effects}) == len(effects)
        for approval_id, replicas in effects:
            approval = self.do(self.bench.approval(approval_id))
            assert approval.state is ApprovalState.GRANTED
            assert approval.decided_by != approval.requester
            assert approval.plan.arguments["replicas"] == replicas

    @invariant()
    def nothing_is_said_that_is_not_so(self) -> None:
        """Failed means that nothing was done; applied and what follows it means that it was."""
        done = {approval_id for approval_id, _ in self.bench.writer.effects}
        for approval_id, (_, state) in self.last.items():
            if state == ExecutionState.FAILED:
                assert approval_id not in done
            if state in {ExecutionState.APPLIED, ExecutionState.SUCCEEDED, ExecutionState.NO_EFFECT}:
                assert approval_id in done

    @invariant()
    def states_move_along_the_tables(self) -> None:
        """No state is ever reached that the tables do not lead to; an intent exists with its grant alone."""
        self.known |= {one.id: one for one in self.do(self.bench.waiting())}
        for approval_id in self.known:
            approval = self.do(self.bench.approval(approval_id))
            execution = self.do(self.bench.execution(approval_id))
            assert (execution is not None) == (approval.state is ApprovalState.GRANTED)
            before = self.last.get(approval_id, (ApprovalState.REQUESTED.value, None))
            assert reaches(APPROVAL_TRANSITIONS, ApprovalState(before[0]), approval.state)
            if execution is not None:
                origin = ExecutionState(before[1] or ExecutionState.INTENDED)
                assert reaches(EXECUTION_TRANSITIONS, origin, execution.state)
            self.last[approval_id] = (approval.state.value, execution.state.value if execution else None)


def reaches(table: Mapping[Any, frozenset[Any]], origin: object, end: object) -> bool:
    """Whether the table leads from one state to another, in however many steps."""
    return origin == end or any(reaches(table, after, end) for after in table[origin])


Bot.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestBot = pytest.mark.timeout(180)(Bot.TestCase)
