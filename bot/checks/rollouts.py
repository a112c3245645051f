"""The check `rollouts`: what was released when, what the newest revision changed, whether it got stuck.

Revisions are the deployment's ReplicaSets. Of the environment only names are told, never values.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.reading import ago, condition_of, deployment_named, owned_by
from bot.checks.rollout_revisions import revisions_of
from bot.domain.durations import rough_duration
from bot.domain.facts import number, texts, yes_no
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.outside_text import one_line
from bot.domain.pod_templates import changes_between
from bot.domain.redaction import without_secrets
from bot.domain.selectors import selector_text
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.checks.rollout_revisions import Revision
    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Fact, Scalar
    from bot.domain.pod_templates import Changes
    from bot.domain.rights import Right
    from bot.ports.readers import KubeObject, Readers

NAME: Final = "rollouts"
FRESH_FOR: Final = timedelta(minutes=2)
RIGHTS: Final[tuple[Right, ...]] = (
    Resource.DEPLOYMENTS.right("get"),
    Resource.REPLICA_SETS.right("list"),
)
FACTS: Final[Mapping[str, KnownFact]] = {
    "revision": number("the newest revision's number"),
    "revisions": number("revisions that the cluster still has"),
    "minutes_ago": number("minutes since the newest revision began", unit="minutes"),
    "progressing": yes_no("whether a rollout is under way"),
    "stuck": yes_no("whether it is past its deadline"),
    "paused": yes_no("whether it is paused"),
    "image_changed": yes_no("whether the newest revision changed an image"),
    "resources_changed": yes_no("whether it changed requests or limits"),
    "config_changed": yes_no("whether it changed environment, command or configuration"),
    "probes_changed": yes_no("whether it changed a probe"),
    "changed": texts("what it changed, in words"),
}
"""The facts that evidence expressions may name."""

_SHOWN: Final = 5
_CAUSE: Final = 160


async def run(
    target: CheckTarget,
    readers: Readers,
    now: datetime,
    arguments: Mapping[str, Scalar],  # noqa: ARG001 - the check takes none
) -> Finding:
    """Look at the deployment and its ReplicaSets. Raises what the reader raises."""
    where = deployment_named(target)
    cluster, namespace = readers.cluster, target.namespace
    deployment = await cluster.get(Resource.DEPLOYMENTS, namespace=namespace, name=target.deployment)
    selector = selector_text(deployment.get("spec", {}).get("selector"))
    sets = await cluster.list(Resource.REPLICA_SETS, namespace=namespace, labels=selector)
    uid = str((deployment.get("metadata") or {}).get("uid", ""))
    own = owned_by(sets, kind="Deployment", name=target.deployment, uid=uid)
    revisions = revisions_of(own, deployment=deployment)
    if not revisions:
        return Finding(
            check=NAME,
            target=where,
            verdict=Verdict.UNKNOWN,
            summary="unknown: the deployment has no revision yet",
            reason="no ReplicaSet of it was found; the cluster's controllers make one for each revision",
            observed_at=now,
            fresh_for=FRESH_FOR,
            facts={**dict.fromkeys(FACTS), "revisions": 0},
        )
    changes = changes_between(revisions[1].template, revisions[0].template) if len(revisions) > 1 else None
    facts = _facts(deployment, revisions, changes, now=now)
    return Finding(
        check=NAME,
        target=where,
        verdict=_verdict(facts),
        summary=_summary(facts, revisions, changes, now=now),
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts=facts,
        table=_table(revisions, now=now),
        details=_details(deployment, revisions, changes),
    )


def _facts(
    deployment: KubeObject, revisions: tuple[Revision, ...], changes: Changes | None, *, now: datetime
) -> Mapping[str, Fact]:
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    newest, progress = revisions[0], condition_of(deployment, "Progressing")
    stuck = progress.status == "False" and progress.reason == "ProgressDeadlineExceeded"
    paused = bool(spec.get("paused"))
    wanted = int(spec.get("replicas", 1))
    seen = int(status.get("observedGeneration") or 0) >= int(
        (deployment.get("metadata") or {}).get("generation") or 0
    )
    complete = (
        seen
        and int(status.get("updatedReplicas") or 0) >= wanted
        and int(status.get("replicas") or 0) <= int(status.get("updatedReplicas") or 0)
        and int(status.get("availableReplicas") or 0) >= wanted
    )
    # Pods lost long after a rollout are missing too, but the controller calls that rollout complete.
    under_way = not complete and not (seen and progress.reason == "NewReplicaSetAvailable")
    return {
        "revision": newest.number,
        "revisions": len(revisions),
        "minutes_ago": (
            max(round((now - newest.began_at).total_seconds() / 60), 0) if newest.began_at else None
        ),
        "progressing": under_way and not paused and not stuck,
        "stuck": stuck,
        "paused": paused,
        "image_changed": changes.image if changes else None,
        "resources_changed": changes.resources if changes else None,
        "config_changed": changes.configuration if changes else None,
        "probes_changed": changes.probes if changes else None,
        "changed": tuple(changes.words) if changes else (),
    }


def _verdict(facts: Mapping[str, Fact]) -> Verdict:
    if facts["stuck"]:
        return Verdict.FAIL
    return Verdict.WARN if facts["paused"] or facts["progressing"] else Verdict.OK


def _summary(
    facts: Mapping[str, Fact], revisions: tuple[Revision, ...], changes: Changes | None, *, now: datetime
) -> str:
    newest = revisions[0]
    state = ""
    if facts["stuck"]:
        state = "past its deadline: "
    elif facts["paused"]:
        state = "paused: "
    elif facts["progressing"]:
        state = "under way: "
    what = f"{state}revision {newest.number} came {ago(newest.began_at, now=now)}"
    if changes is None:
        return f"{what}, the only one that the cluster still has"
    if not changes.words:
        return f"{what}, with nothing changed that matters to the pods"
    more = f" and {len(changes.words) - 2} more changes" if len(changes.words) > 2 else ""  # noqa: PLR2004 - two are named
    return one_line(f"{what}: {'; '.join(changes.words[:2])}{more}", limit=400)


def _table(revisions: tuple[Revision, ...], *, now: datetime) -> Table:
    rows = tuple(
        (
            str(one.number),
            ago(one.began_at, now=now),
            f"{one.ready}/{one.replicas}",
            one_line(", ".join(one.images), limit=200),
            one_line(without_secrets(one.change_cause), limit=_CAUSE),
        )
        for one in revisions[:_SHOWN]
    )
    return Table(columns=("Revision", "Made", "Ready", "Images", "Change cause"), rows=rows)


def _details(
    deployment: KubeObject, revisions: tuple[Revision, ...], changes: Changes | None
) -> tuple[str, ...]:
    lines = list(changes.words) if changes else []
    progress = condition_of(deployment, "Progressing")
    if progress.status == "False":
        seconds = int((deployment.get("spec") or {}).get("progressDeadlineSeconds") or 600)
        lines.insert(
            0,
            f"{progress.reason} after {rough_duration(timedelta(seconds=seconds))}: {progress.message}",
        )
    failure = condition_of(deployment, "ReplicaFailure")
    if failure.status == "True":
        lines.insert(0, f"pods cannot be made: {failure.reason}: {failure.message}")
    if len(revisions) > _SHOWN:
        lines.append(f"{len(revisions) - _SHOWN} older revisions are not shown")
    return tuple(one_line(without_secrets(line), limit=240) for line in lines)
