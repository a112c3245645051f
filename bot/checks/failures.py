"""The check `failures`: known ways to fail, recognised by name in the objects of the service.

It needs no runbook and runs for every incident of a service in a cluster. It reads what the other checks
read and what lies around it: nodes, claims, Services, policies, budgets, the CronJob. Secrets are never read,
of ConfigMaps the metadata alone. What one subject cannot be read for is told; the others go on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.failure_sight import OPTIONAL_RIGHTS, RIGHTS, look_around
from bot.checks.modes.recognising import recognise
from bot.checks.reading import ago
from bot.domain.errors import Permanent
from bot.domain.facts import number, text, texts
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.outside_text import one_line
from bot.domain.suspects import FailureMode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Fact, Scalar
    from bot.domain.suspects import Suspect
    from bot.ports.readers import Readers

__all__ = ["FACTS", "FRESH_FOR", "NAME", "OPTIONAL_RIGHTS", "RIGHTS", "run"]

NAME: Final = "failures"
FRESH_FOR: Final = timedelta(minutes=2)
FACTS: Final[Mapping[str, KnownFact]] = {
    "modes": texts("the failure modes that were recognised, the most certain first"),
    "broken": number("how many of them say that something is broken"),
    "changed": number("how many of them say that something changed within the day"),
    "first": text("the most certain one; none where nothing is wrong", *(mode.value for mode in FailureMode)),
    "first_certainty": number("how certain that is, from 0 to 1"),
    "not_seen": texts("subjects that could not be read"),
}
"""The facts that evidence expressions may name."""

_SURE: Final = 0.75
_JUST_CHANGED: Final = 0.3
_ROWS: Final = 10
_DETAILS: Final = 8


async def run(
    target: CheckTarget,
    readers: Readers,
    now: datetime,
    arguments: Mapping[str, Scalar],  # noqa: ARG001 - the check takes none
) -> Finding:
    """Look for failure modes. Raises what the reader raises for the deployment and its pods."""
    if not target.namespace or not (target.deployment or target.cronjob):
        raise Permanent(f"no deployment is configured for {target.service}: set `kubernetes`")
    seen = await look_around(target, readers, now)
    suspects = recognise(seen.sight)
    return Finding(
        check=NAME,
        target=f"{target.namespace}/{target.deployment or target.cronjob}",
        verdict=_verdict(suspects, seen.notes),
        summary=_summary(suspects, seen.subjects, tuple(seen.notes)),
        observed_at=now,
        fresh_for=FRESH_FOR,
        reason="; ".join(seen.notes.values()),
        facts=_facts(suspects, tuple(seen.notes)),
        table=_table(suspects),
        details=_details(suspects, now=now),
        suspects=suspects,
    )


def _verdict(suspects: tuple[Suspect, ...], notes: Mapping[str, str]) -> Verdict:
    """Fail for what is surely broken; warn for what may be, and for what changed just before."""
    if any(not one.mode.is_change for one in suspects):
        return Verdict.FAIL if suspects[0].certainty >= _SURE else Verdict.WARN
    if suspects and suspects[0].certainty >= _JUST_CHANGED:
        return Verdict.WARN
    return Verdict.UNKNOWN if notes else Verdict.OK


def _facts(suspects: tuple[Suspect, ...], not_seen: tuple[str, ...]) -> Mapping[str, Fact]:
    return {
        "modes": tuple(dict.fromkeys(one.mode.value for one in suspects)),
        "broken": sum(not one.mode.is_change for one in suspects),
        "changed": sum(one.mode.is_change for one in suspects),
        "first": suspects[0].mode.value if suspects else None,
        "first_certainty": suspects[0].certainty if suspects else None,
        "not_seen": not_seen,
    }


def _summary(suspects: tuple[Suspect, ...], subjects: tuple[str, ...], not_seen: tuple[str, ...]) -> str:
    broken = [one for one in suspects if not one.mode.is_change]
    if broken:
        more = f"; {len(suspects) - 1} more below" if len(suspects) > 1 else ""
        return one_line(f"{broken[0].title}{more}", limit=400)
    words = f"nothing wrong found in {_listed(subjects)}"
    if suspects:
        words = f"{words}; but {suspects[0].title[:1].lower()}{suspects[0].title[1:]}"
    return one_line(f"{words}{f'; not seen: {_listed(not_seen)}' if not_seen else ''}", limit=400)


def _table(suspects: tuple[Suspect, ...]) -> Table | None:
    rows = tuple((one.title, one.subject, one.field, one.value, one.mend) for one in suspects[:_ROWS])
    columns = ("What", "Object", "Field", "Now", "What mends it")
    return Table(columns=columns, rows=rows) if rows else None


def _details(suspects: tuple[Suspect, ...], *, now: datetime) -> tuple[str, ...]:
    lines: list[str] = []
    for one in suspects[:_ROWS]:
        lines += one.evidence
        if one.since is not None:
            lines.append(f"since {ago(one.since, now=now)}")
    shown = list(dict.fromkeys(lines))[:_DETAILS]
    rest = len(suspects) - _ROWS
    return (*shown, *([f"{rest} more are not shown"] if rest > 0 else []))


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
