"""The check `connectivity`: can the bot reach what the service depends on.

It sees the network from where the bot runs, which is not always where the service runs. Nothing is executed
in a pod: that would be a remediation.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.errors import LightshipError, Permanent
from bot.domain.facts import number, texts, yes_no
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.measures import format_measure
from bot.domain.outside_text import one_line
from bot.domain.services import Way

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Scalar
    from bot.domain.services import ProbeTarget
    from bot.ports.readers import NetworkProber, Readers

NAME: Final = "connectivity"
FRESH_FOR: Final = timedelta(minutes=2)
FACTS: Final[Mapping[str, KnownFact]] = {
    "targets": number("declared targets"),
    "failed": number("declared targets that cannot be reached"),
    "database_failed": yes_no("whether a declared database, known by its name or port, is among them"),
    "targets_failed": texts("their names"),
    "slowest_seconds": number("how long the slowest of the others took", unit="seconds"),
}
"""The facts that evidence expressions may name."""

_AT_ONCE: Final = 8
_ANSWER_WITHIN: Final = 10.0
_MOST: Final = 40
_SHOWN: Final = 3
_DATABASE: Final = re.compile(
    r"database|\bdb\b|[-_]db\b|\bdb[-_]|postgres|mysql|maria|mongo|redis|sql|oracle|cassandra|feature.?store",
    re.IGNORECASE,
)
_DATABASE_PORTS: Final = frozenset({"1433", "1521", "3306", "5432", "6379", "6432", "9042", "27017"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A target and what came of it; `why_not` is empty where it was reached."""

    target: ProbeTarget
    said: str = ""
    seconds: float | None = None
    why_not: str = ""


async def run(
    target: CheckTarget,
    readers: Readers,
    now: datetime,
    arguments: Mapping[str, Scalar],  # noqa: ARG001 - the check takes none
) -> Finding:
    """Probe all targets. Raises Permanent where none is declared."""
    if not target.connectivity:
        raise Permanent(f"no targets are declared for {target.service}: set `connectivity`")
    turns = asyncio.Semaphore(_AT_ONCE)
    until = asyncio.get_running_loop().time() + _ANSWER_WITHIN
    chosen = target.connectivity[:_MOST]
    tried = await asyncio.gather(*(_try(one, readers.network, turns=turns, until=until) for one in chosen))
    failed = [one for one in tried if one.why_not]
    reached = [one.seconds for one in tried if one.seconds is not None]
    rest = len(target.connectivity) - len(chosen)
    return Finding(
        check=NAME,
        target=target.service,
        verdict=Verdict.FAIL if failed else Verdict.WARN if rest else Verdict.OK,
        summary=_summary(tried, failed),
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts={
            "targets": len(target.connectivity),
            "failed": len(failed),
            "database_failed": any(is_database(one.target) for one in failed),
            "targets_failed": tuple(one_line(one.target.name, limit=60) for one in failed),
            "slowest_seconds": round(max(reached), 4) if reached else None,
        },
        table=_table(tried),
        details=(f"{rest} more targets were not tried",) if rest else (),
    )


def is_database(target: ProbeTarget) -> bool:
    """Whether a target is a database, by what it is called or the port that it listens on."""
    port = target.address.rpartition(":")[2]
    return bool(_DATABASE.search(target.name)) or (target.way is Way.TCP and port in _DATABASE_PORTS)


async def _try(
    target: ProbeTarget, network: NetworkProber, *, turns: asyncio.Semaphore, until: float
) -> Tried:
    try:
        async with asyncio.timeout_at(until), turns:
            answer = await network.probe(target)
    except TimeoutError:
        return Tried(target=target, why_not="no answer in time")
    except LightshipError as error:
        return Tried(target=target, why_not=one_line(error, limit=200))
    said = one_line(answer.said, limit=120)
    if target.way is Way.HTTP and said != str(target.expect):
        return Tried(target=target, why_not=f"it answers {said}, not {target.expect}")
    return Tried(target=target, said=said, seconds=answer.seconds)


def _summary(tried: Sequence[Tried], failed: Sequence[Tried]) -> str:
    if not failed:
        return (
            f"all {len(tried)} targets can be reached"
            if len(tried) > 1
            else f"{_name(tried[0])} can be reached"
        )
    parts = [f"{_name(one)} ({one.why_not})" for one in failed[:_SHOWN]]
    more = f" and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
    return one_line(f"{len(failed)} of {len(tried)} cannot be reached: {', '.join(parts)}{more}", limit=400)


def _table(tried: Sequence[Tried]) -> Table:
    rows = tuple(
        (
            _name(one),
            f"{one.target.way.value} {one_line(one.target.address.partition('?')[0], limit=120)}",
            one.why_not or one.said,
            "" if one.seconds is None else format_measure(one.seconds, "s"),
        )
        for one in sorted(tried, key=lambda one: not one.why_not)
    )
    return Table(columns=("Target", "How", "Answer", "Took"), rows=rows)


def _name(one: Tried) -> str:
    return one_line(one.target.name, limit=60)
