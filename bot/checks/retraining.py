"""The check `retraining`: whether the model should be trained anew, what speaks for it and what against.

It asks for nothing: the proposing engine does, and people do with `retrain`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.training_facts import facts_for_evidence, training_facts
from bot.domain.errors import Permanent
from bot.domain.facts import number, text, yes_no
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.outside_text import one_line
from bot.domain.retraining import Objection, RetrainingVerdict, decide_retraining
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Scalar
    from bot.domain.retraining import Judged, RetrainingDecision
    from bot.domain.rights import Right
    from bot.ports.readers import Readers

NAME: Final = "retraining"
FRESH_FOR: Final = timedelta(hours=1)
OPTIONAL_RIGHTS: Final[tuple[Right, ...]] = (Resource.CRON_JOBS.right("get"), Resource.JOBS.right("list"))
FACTS: Final[Mapping[str, KnownFact]] = {
    "verdict": text("what follows", *(one.value for one in RetrainingVerdict)),
    "proposed": yes_no("whether a retraining is proposed"),
    "broken_data": yes_no("whether broken data makes most of the drift"),
    "running": yes_no("whether a training runs"),
    "accuracy": number("the accuracy in production, as it was evaluated last"),
    "accuracy_drop": number("how far that is below the baseline"),
}
"""The facts that evidence expressions may name."""

_VERDICTS: Final = {
    RetrainingVerdict.PROPOSED: Verdict.WARN,
    RetrainingVerdict.REFUSED: Verdict.WARN,
    RetrainingVerdict.NOT_NEEDED: Verdict.OK,
    RetrainingVerdict.UNKNOWN: Verdict.UNKNOWN,
}
_MARKS: Final = {True: "yes", False: "no", None: "unknown"}


async def run(
    target: CheckTarget,
    readers: Readers,
    now: datetime,
    arguments: Mapping[str, Scalar],  # noqa: ARG001 - the check takes none
) -> Finding:
    """Weigh it. Raises Permanent where the service has neither a model nor a CronJob."""
    if not target.model and not target.cronjob:
        raise Permanent(f"no model and no CronJob are configured for {target.service}")
    facts = await training_facts(target, readers, now)
    decision = decide_retraining(facts, target.retraining, now=now)
    verdict = _VERDICTS[decision.verdict]
    broken = next(one for one in decision.objections if one.what is Objection.BROKEN_DATA)
    return Finding(
        check=NAME,
        target=target.service,
        verdict=verdict,
        summary=summary_of(decision),
        reason="; ".join(one.words for one in decision.untold) if verdict is Verdict.UNKNOWN else "",
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts={
            "verdict": decision.verdict.value,
            "proposed": decision.verdict is RetrainingVerdict.PROPOSED,
            "broken_data": broken.holds,
            "running": None if facts.running is None else bool(facts.running),
            **facts_for_evidence(facts),
        },
        table=_table(decision),
    )


def summary_of(decision: RetrainingDecision) -> str:
    """`retraining is proposed: the drift score is 0.46, above 0.3`, in one line."""
    against = "; ".join(one.words for one in decision.forbidding)
    match decision.verdict:
        case RetrainingVerdict.PROPOSED:
            words = f"retraining is proposed: {decision.words}"
        case RetrainingVerdict.REFUSED:
            words = f"retraining is refused: {against} (for it: {decision.words})"
        case RetrainingVerdict.NOT_NEEDED:
            words = f"no retraining is needed: {'; '.join(one.words for one in decision.grounds)}"
        case RetrainingVerdict.UNKNOWN:
            untold = "; ".join(one.words for one in decision.grounds if one.holds is None)
            words = f"unknown whether to retrain: {untold}"
    return one_line(words, limit=400)


def _table(decision: RetrainingDecision) -> Table:
    rows = [_row("for", one) for one in decision.grounds] + [
        _row("against", one) for one in decision.objections
    ]
    return Table(columns=("Side", "What", "Holds", "Because"), rows=tuple(rows))


def _row(side: str, one: Judged) -> tuple[str, str, str, str]:
    return side, one.what.value.replace("_", " "), _MARKS[one.holds], one_line(one.words, limit=200)
