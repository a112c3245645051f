"""Running a check in these tests: over a rehearsal world, as the registry runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.checks.registry import run_check
from bot.checks.targets import CheckTarget
from bot.rehearsal.objects import stamp
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.worlds.objects import deployment

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.findings import Finding, Scalar

NAMESPACE = "churn-mlops"
TARGET = CheckTarget(service="churn", namespace=NAMESPACE, deployment="churn-api")


def crashed(name: str, error: Exception) -> None:
    """No check may crash in these tests."""
    raise AssertionError(name) from error


def world_of(*manifests: dict[str, Any], replicas: int = 3) -> World:
    """A world with the deployment and these objects."""
    return World(
        FrozenClock(), SequentialIds(), manifests=[*manifests, deployment(NAMESPACE, replicas=replicas)]
    )


async def look(name: str, world: World, target: CheckTarget = TARGET, /, **arguments: Scalar) -> Finding:
    """Run the check of that name."""
    return await run_check(
        name,
        target=target,
        readers=world.readers,
        now=world.clock.now(),
        crashed=crashed,
        arguments=arguments,
    )


def condition(kind: str, status: str, reason: str, *, since: datetime, message: str = "") -> dict[str, str]:
    """A condition as the cluster's controllers write it."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": stamp(since),
    }
