"""All checks by name, and the one way to run them: bounded in time, and always ending in a finding.

Called by the diagnosing engine (and `lightship rbac`, which reads what rights the checks need).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from bot.checks import (
    candidate,
    connectivity,
    drift,
    events,
    failures,
    hpa,
    jobs,
    logs,
    metrics,
    model,
    pods,
    retraining,
    rollouts,
)
from bot.domain.errors import Forbidden, LightshipError, Permanent
from bot.domain.findings import Finding, Verdict
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Scalar
    from bot.domain.rights import Right
    from bot.ports.readers import Readers


class RunCheck(Protocol):
    """Looks at the target; raises what the readers raise, which `run_check` turns into a finding."""

    async def __call__(
        self, target: CheckTarget, readers: Readers, now: datetime, arguments: Mapping[str, Scalar], /
    ) -> Finding:
        """One run."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check. It needs `rights`, and shows more with `optional_rights`.

    `facts` says what each fact of its findings means; evidence expressions name them. `arguments` are the
    names of those that it takes. `broken` says why it cannot be had.
    """

    name: str
    title: str
    run: RunCheck
    time_limit: timedelta
    fresh_for: timedelta
    facts: Mapping[str, KnownFact]
    arguments: frozenset[str] = frozenset()
    rights: tuple[Right, ...] = ()
    optional_rights: tuple[Right, ...] = ()
    broken: str = ""


_CHECKS: Final[dict[str, Check]] = {
    check.name: check
    for check in (
        Check(
            name=failures.NAME,
            title="Known ways to fail, by name: the object, the field, and what mends it",
            run=failures.run,
            time_limit=timedelta(seconds=15),
            fresh_for=failures.FRESH_FOR,
            facts=failures.FACTS,
            rights=failures.RIGHTS,
            optional_rights=failures.OPTIONAL_RIGHTS,
        ),
        Check(
            name=pods.NAME,
            title="The deployment's pods: readiness, restarts, resources, newest warnings",
            run=pods.run,
            time_limit=timedelta(seconds=15),
            fresh_for=pods.FRESH_FOR,
            facts=pods.FACTS,
            rights=pods.RIGHTS,
            optional_rights=pods.OPTIONAL_RIGHTS,
        ),
        Check(
            name=hpa.NAME,
            title="The autoscaler: replicas, bounds, metrics against their targets, what holds it back",
            run=hpa.run,
            time_limit=timedelta(seconds=15),
            fresh_for=hpa.FRESH_FOR,
            facts=hpa.FACTS,
            rights=hpa.RIGHTS,
        ),
        Check(
            name=events.NAME,
            title="What Kubernetes warned about: the deployment, its pods, its autoscaler",
            run=events.run,
            time_limit=timedelta(seconds=15),
            fresh_for=events.FRESH_FOR,
            facts=events.FACTS,
            arguments=events.ARGUMENTS,
            rights=events.RIGHTS,
            optional_rights=events.OPTIONAL_RIGHTS,
        ),
        Check(
            name=rollouts.NAME,
            title="Revisions of the deployment, what the newest one changed, whether it got stuck",
            run=rollouts.run,
            time_limit=timedelta(seconds=15),
            fresh_for=rollouts.FRESH_FOR,
            facts=rollouts.FACTS,
            rights=rollouts.RIGHTS,
        ),
        Check(
            name=metrics.NAME,
            title="The service's numbers against their thresholds, yesterday and a week ago",
            run=metrics.run,
            time_limit=timedelta(seconds=15),
            fresh_for=metrics.FRESH_FOR,
            facts={},
            arguments=metrics.ARGUMENTS,
        ),
        Check(
            name=logs.NAME,
            title="What the pods have written, folded into patterns, errors first",
            run=logs.run,
            time_limit=timedelta(seconds=30),
            fresh_for=logs.FRESH_FOR,
            facts=logs.FACTS,
            arguments=logs.ARGUMENTS,
            rights=logs.RIGHTS,
        ),
        Check(
            name=jobs.NAME,
            title="The newest runs of the CronJob, and the last words of one that failed",
            run=jobs.run,
            time_limit=timedelta(seconds=15),
            fresh_for=jobs.FRESH_FOR,
            facts=jobs.FACTS,
            arguments=jobs.ARGUMENTS,
            rights=jobs.RIGHTS,
            optional_rights=jobs.OPTIONAL_RIGHTS,
        ),
        Check(
            name=connectivity.NAME,
            title="Whether what the service depends on can be reached from here",
            run=connectivity.run,
            time_limit=timedelta(seconds=15),
            fresh_for=connectivity.FRESH_FOR,
            facts=connectivity.FACTS,
        ),
        Check(
            name=drift.NAME,
            title="The newest drift report: its score, its age, the features that moved",
            run=drift.run,
            time_limit=timedelta(seconds=10),
            fresh_for=drift.FRESH_FOR,
            facts=drift.FACTS,
            arguments=drift.ARGUMENTS,
        ),
        Check(
            name=model.NAME,
            title="The model version that serves, its age, its accuracy against the baseline",
            run=model.run,
            time_limit=timedelta(seconds=45),
            fresh_for=model.FRESH_FOR,
            facts=model.FACTS,
        ),
        Check(
            name=retraining.NAME,
            title="Whether to train anew: drift, accuracy and age, and what stands in the way",
            run=retraining.run,
            time_limit=timedelta(seconds=45),
            fresh_for=retraining.FRESH_FOR,
            facts=retraining.FACTS,
            optional_rights=retraining.OPTIONAL_RIGHTS,
        ),
        Check(
            name=candidate.NAME,
            title="The newest trained version beside the one in production, metric by metric",
            run=candidate.run,
            time_limit=timedelta(seconds=45),
            fresh_for=candidate.FRESH_FOR,
            facts=candidate.FACTS,
            arguments=candidate.ARGUMENTS,
        ),
    )
}


SHIPPED: Final = frozenset(_CHECKS)
"""The names of Lightship's own."""

CHECKS: Final[Mapping[str, Check]] = _CHECKS
"""Every check, those of other packages among them once they are registered."""


def add(check: Check) -> None:
    """Take in another package's check. Raises ValueError where there is one of that name."""
    if check.name in _CHECKS:
        raise ValueError(f"there is a check {check.name} already")
    _CHECKS[check.name] = check


def broken_check(name: str, why: str) -> Check:
    """What stands for a check that cannot be had: it ends in the finding that says why."""

    async def run(
        _target: CheckTarget, _readers: Readers, _now: datetime, _arguments: Mapping[str, Scalar]
    ) -> Finding:
        raise Permanent(why)

    limit = timedelta(seconds=1)
    return Check(
        name=name, title="cannot be had", run=run, time_limit=limit, fresh_for=limit, facts={}, broken=why
    )


async def run_check(
    name: str,
    *,
    target: CheckTarget,
    readers: Readers,
    now: datetime,
    crashed: Callable[[str, Exception], None],
    arguments: Mapping[str, Scalar] | None = None,
    time_limit: timedelta | None = None,
) -> Finding:
    """Run a check; whatever goes wrong becomes a finding with the verdict unknown and the reason in words.

    `crashed` is told (name, error) of errors that no port promises, to be counted. Raises KeyError for a name
    that is in no registry.
    """
    check = CHECKS[name]
    limit = time_limit or check.time_limit
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await check.run(target, readers, now, arguments or {})
    except Forbidden as error:
        way_out = f"{error}. `lightship rbac` prints the Role that has it."
        return _unknown(check, target, now, f"the right `{error.right}` is missing", way_out)
    except TimeoutError:
        seconds = f"{limit.total_seconds():g}"
        return _unknown(check, target, now, "no answer in time", f"no answer within {seconds} seconds")
    except LightshipError as error:
        return _unknown(check, target, now, "could not look", one_line(error, limit=400))
    except Exception as error:  # noqa: BLE001 - one check's defect must not end the others; it is counted
        crashed(name, error)
        return _unknown(check, target, now, "the check itself failed", type(error).__name__)


def _unknown(check: Check, target: CheckTarget, now: datetime, short: str, reason: str) -> Finding:
    return Finding(
        check=check.name,
        target=str(target),
        verdict=Verdict.UNKNOWN,
        summary=f"unknown: {short}",
        reason=reason,
        observed_at=now,
        fresh_for=check.fresh_for,
    )
