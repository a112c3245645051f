"""The check `batches`: how many scoring batches wait, and since when the oldest one does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.extending import Check, Finding, Permanent, Verdict, number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.extending import CheckTarget, Readers

WAITING = "sum(batches_waiting)"
OLDEST = "max(batches_oldest_seconds)"
MANY = 100
FRESH_FOR = timedelta(minutes=5)


async def look(
    target: CheckTarget, readers: Readers, now: datetime, arguments: Mapping[str, str | float | None]
) -> Finding:
    """Ask Prometheus. What it raises, and what this raises, becomes a finding with the verdict unknown."""
    waiting = await readers.metrics.query(WAITING)
    oldest = await readers.metrics.query(OLDEST)
    if not waiting:
        raise Permanent("nothing exports batches_waiting: is the queue scraped?")
    many = int(arguments.get("many") or MANY)
    count = int(waiting[0].value)
    minutes = round(oldest[0].value / 60) if oldest else 0
    return Finding(
        check=CHECK.name,
        target=target.service,
        verdict=Verdict.FAIL if count > many else Verdict.OK,
        summary=f"{count} batches wait, the oldest for {minutes} min",
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts={"waiting": count, "oldest_minutes": minutes},
    )


CHECK = Check(
    name="batches",
    title="The batches that wait to be scored, and the age of the oldest",
    run=look,
    time_limit=timedelta(seconds=10),
    fresh_for=FRESH_FOR,
    arguments=frozenset({"many"}),
    facts={
        "waiting": number("batches that wait"),
        "oldest_minutes": number("minutes since the oldest came", unit="minutes"),
    },
)
