"""`lightship run` with short leases, without one of its protections: `-m tests.e2e.servers.driven [WHICH]`.

Started by the tests of the kill points, which show with it what each protection is good for. The product
itself has no such switch.
"""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from bot import faults
from bot.__main__ import main
from bot.adapters.kubernetes import KubernetesWriter
from bot.bootstrap import assembly
from bot.domain import calls, verifications
from bot.domain.approvals import Approval, Grant
from bot.domain.remedies import Call, Execution, ExecutionState
from bot.domain.verifications import Verification
from bot.engines import deciding, executing
from bot.engines.deciding import Deciding
from bot.engines.publishing import PublishLimits
from bot.engines.silencing import Silencing
from bot.engines.verifying import Verifying
from bot.ports.stores import Transaction
from bot.remediations import acting
from bot.remediations.outcomes import Applied, ApplyState

LEASE = timedelta(seconds=3)
PUBLISHING_LEASE = timedelta(seconds=12)


def shorten_leases() -> None:
    """What a dead process held is free soon, and a condition that is gone for a moment is over."""
    verifications.STEADY_FOR = timedelta(seconds=2)  # type: ignore[misc]  # the point of this module
    defaults = Verifying.__init__.__kwdefaults__
    assert defaults is not None
    defaults["look_every"] = timedelta(seconds=1)
    executing.LEASE = LEASE
    shortened = partial(PublishLimits, lease=PUBLISHING_LEASE)
    assembly.PublishLimits = shortened  # type: ignore[assignment, attr-defined]  # the point of this module


def without_the_look_and_the_lock() -> None:
    """Act again after a crash without looking at the world, and without the version that was approved."""
    patch = KubernetesWriter.edit

    async def unlocked(self: KubernetesWriter, grant: Grant, *, resource_version: str) -> dict[str, Any]:  # noqa: ARG001 - the lock is what is taken away
        return await patch(self, grant, resource_version="")

    KubernetesWriter.edit = unlocked  # type: ignore[method-assign]  # the point of this module
    acting.recover = blind  # type: ignore[attr-defined]  # as above


def without_the_look_and_the_name() -> None:
    """Act again after a crash without looking, and give each Job a name of its own."""
    name = calls.job_name

    def another(call: Call, approval_id: str) -> str:
        return name(call, approval_id)[:40].rstrip("-") + f"-{uuid4().hex[:8]}"

    calls.job_name = another
    acting.recover = blind  # type: ignore[attr-defined]  # as above


async def blind(*_: object, **__: object) -> Applied:
    """What a look says that nobody takes."""
    return Applied(state=ApplyState.NOT_APPLIED, sentence="nobody looked", retry_after=0.0)


def without_the_verdict_s_one_transaction() -> None:
    """Keep a verdict, and tell it in a transaction of its own afterwards."""

    async def apart(self: Verifying, judged: Verification, **_: object) -> bool:
        async with self._store.transaction() as tx:
            if not await tx.verifications.save(judged):
                return False
        faults.fault("before-verdict-commit")
        async with self._store.transaction() as tx:
            await self._tell(tx, judged)
        return True

    Verifying._end = apart  # type: ignore[method-assign]  # as above


def without_the_intent() -> None:
    """Keep the intent in a transaction of its own, after the grant's."""
    decide = Deciding.decide
    granted: list[Approval] = []

    async def later(tx: Transaction, approval: Approval) -> None:
        del tx
        granted.append(approval)

    async def decide_and_intend(self: Deciding, command: Any) -> Any:
        outcome = await decide(self, command)
        for approval in granted:
            async with self._store.transaction() as tx:
                await tx.executions.add(
                    Execution(
                        approval_id=approval.id,
                        state=ExecutionState.INTENDED,
                        started_at=tx.now,
                        updated_at=tx.now,
                    )
                )
        granted.clear()
        return outcome

    deciding.intend = later
    Deciding.decide = decide_and_intend  # type: ignore[method-assign]  # as above


def without_the_mark() -> None:
    """Make a silence without looking for the one that may be there."""

    async def nothing(*_: object) -> None:
        return None

    Silencing._marked = nothing  # type: ignore[method-assign, assignment]  # as above


PROTECTIONS: dict[str, Callable[[], None]] = {
    "lock": without_the_look_and_the_lock,
    "intent": without_the_intent,
    "mark": without_the_mark,
    "name": without_the_look_and_the_name,
    "verdict": without_the_verdict_s_one_transaction,
}

if __name__ == "__main__":
    shorten_leases()
    for name in sys.argv[1:]:
        PROTECTIONS[name]()
    # `bot.faults` has read it; as a setting the product does not know it.
    os.environ.pop(faults.VARIABLE, None)
    sys.argv[1:] = ["run"]
    main()
