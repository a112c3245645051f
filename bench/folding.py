"""Logs of many pods folded by the check `logs`: how long it takes, and what it holds meanwhile.

`python -m bench.folding` is the process that is measured: one that has loaded what the check needs, no more.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from bench.figures import Chapter, Figure, milliseconds
from bot.checks.registry import run_check
from bot.checks.targets import CheckTarget
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.e2e.servers.programs import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.ports.readers import ClusterReader, KubeObject, Resource

PODS: Final = 50
LINES: Final = 10_000
GOAL_SECONDS: Final = 5.0
GOAL_MB: Final = 80.0
MEGABYTE: Final = 1_000_000
_TARGET: Final = CheckTarget(service="churn", namespace="churn", deployment="churn-api")


class ChattyCluster:
    """A cluster of pods that have written much."""

    def __init__(self) -> None:
        plain = "INFO request id={0:x} client=10.0.{1}.{2} GET /predict 200 in {1}ms"
        bad = "ERROR no connection to db-{1}: timed out after {2} s, token=abc{0}"
        lines = (
            (plain if number % 50 else bad).format(number, number % 256, number % 7)
            for number in range(LINES)
        )
        self._answer = "".join(f"2026-11-29T03:12:05.123Z {line}\n" for line in lines).encode()

    async def get(self, _resource: Resource, *, namespace: str, name: str) -> KubeObject:
        """The deployment."""
        labels = {"matchLabels": {"app": name}}
        return {"metadata": {"name": name, "namespace": namespace}, "spec": {"selector": labels}}

    async def list(self, _resource: Resource, **_: Any) -> Sequence[KubeObject]:
        """Its pods."""
        return [
            {
                "metadata": {"name": f"churn-api-{number:03d}"},
                "spec": {"containers": [{"name": "api"}]},
                "status": {"containerStatuses": [{"name": "api", "state": {"running": {}}}]},
            }
            for number in range(PODS)
        ]

    async def logs(self, **_: Any) -> str:
        """As much as is wanted, decoded anew each time as an answer of the network is."""
        return self._answer.decode()


async def _measured() -> dict[str, float]:
    rehearsal = World(FrozenClock(), SequentialIds()).readers
    readers = replace(rehearsal, cluster=cast("ClusterReader", ChattyCluster()))
    idle = _memory("VmRSS")
    _forget_the_highest()
    began, worked = time.perf_counter(), time.process_time()
    finding = await run_check(
        "logs",
        target=_TARGET,
        readers=readers,
        now=datetime.now(UTC),
        crashed=_crashed,
        arguments={"tail": LINES},
    )
    took, work = time.perf_counter() - began, time.process_time() - worked
    if finding.facts["lines"] != PODS * LINES:
        raise RuntimeError(f"not all lines were folded: {finding.summary}")
    return {"seconds": took, "work": work, "megabytes": _memory("VmHWM") - idle}


async def folding(rounds: int) -> Chapter:
    """The median of some processes."""
    found = [await asyncio.to_thread(_one) for _ in range(rounds)]
    seconds = sorted(one["seconds"] for one in found)[len(found) // 2]
    work = sorted(one["work"] for one in found)[len(found) // 2]
    megabytes = max(one["megabytes"] for one in found)
    return Chapter(
        title="Logs",
        how=f"The check `logs` over {PODS} pods with {LINES:,} lines each, in a process that does nothing "
        "else: the median time, and the most that it held above what it held before.",
        figures=(
            Figure(
                name="folded",
                found=milliseconds(seconds),
                absolute=f"{milliseconds(work)} of a processor's time",
                goal=f"at most {GOAL_SECONDS:g} s",
                met=seconds <= GOAL_SECONDS,
            ),
            Figure(
                name="memory above idle",
                found=f"{megabytes:.0f} MB",
                goal=f"at most {GOAL_MB:g} MB",
                met=megabytes <= GOAL_MB,
            ),
        ),
    )


def _one() -> dict[str, float]:
    import subprocess  # noqa: PLC0415 - the measured process needs none of it

    done = subprocess.run(
        [sys.executable, "-m", "bench.folding"],
        check=True,
        cwd=REPOSITORY,
        capture_output=True,
        timeout=120,
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def _forget_the_highest() -> None:
    """Let the high-water mark of the resident set begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _memory(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1_024 / MEGABYTE for line in lines if line.startswith(f"{name}:"))


def _crashed(name: str, error: Exception) -> None:
    raise AssertionError(name) from error


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_measured())))
