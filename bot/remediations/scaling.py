"""Scaling a deployment: from a granted plan to one PATCH, and from a crash back to the truth.

Called by the remediating engine alone. `apply` acts, `recover` only looks; both tell what they know and no
more, so that the engine asks a human where the world does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.errors import Ambiguous, Conflict, Forbidden, LightshipError, NotFound, Temporary
from bot.domain.outside_text import one_line
from bot.ports.readers import Resource
from bot.ports.writers import ScaleTo
from bot.remediations.deployments import RolloutProgress, generation_of, observe, replicas_of, uid_of

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.ports.readers import ClusterReader, KubeObject
    from bot.ports.writers import DeploymentScaler

_TRIES: Final = 5


class ApplyState(StrEnum):
    """What came of trying to act."""

    APPLIED = "applied"
    OBJECT_CHANGED = "object_changed"
    NOT_APPLIED = "not_applied"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What came of `apply` or `recover`, with a sentence for the thread.

    `object_changed` and `not_applied` are certain: nothing was done. After `object_changed` a new plan must
    be approved; after `not_applied`, `retry_after` (seconds) says that trying again may help, None that it
    cannot. After `cannot_tell` look again with `recover`, then ask a human.
    """

    state: ApplyState
    sentence: str
    retry_after: float | None = None


async def apply(grant: Grant, *, reader: ClusterReader, scaler: DeploymentScaler) -> Applied:
    """Scale as granted, at most once however often it is called with the same grant.

    Every PATCH carries a resourceVersion that belongs to the generation that was approved, and a PATCH that
    took effect moves the generation: so a repeat after a lost answer cannot scale a second time.
    """
    version, lost = grant.plan.resource_version, False
    for _ in range(_TRIES):
        try:
            await scaler.scale(grant, _order(grant, version))
        except Ambiguous:
            lost = True
        except Conflict:
            pass
        except LightshipError as error:
            return _stopped(grant, error, lost=lost)
        else:
            return _applied(grant)
        seen = await _look(grant, reader, lost=lost)
        if isinstance(seen, Applied):
            return seen
        # A PATCH that is still on its way is refused as soon as the version has moved on without it.
        lost = lost and seen == version
        version = seen
    if lost:
        return _cannot_tell(grant, "the answers of Kubernetes got lost")
    return Applied(
        state=ApplyState.NOT_APPLIED,
        sentence=f"nothing was done: the status of {grant.plan.target} kept changing in between",
        retry_after=5.0,
    )


async def recover(grant: Grant, *, reader: ClusterReader) -> Applied:
    """Whether a PATCH whose outcome was never kept took effect: by managedFields, else by generation."""
    try:
        deployment = await _read(grant, reader)
    except NotFound:
        return _cannot_tell(grant, "it is gone")
    except LightshipError as error:
        return _cannot_tell(grant, f"it cannot be looked at: {one_line(error)}")
    wanted, now = int(grant.plan.arguments["replicas"]), replicas_of(deployment)
    if _wrote(grant, deployment):
        since = "" if now == wanted else f"; since then it was set to {now}"
        return Applied(state=ApplyState.APPLIED, sentence=f"{_scaled(grant)}{since}")
    # A manager is forgotten when somebody else sets the field, so only an unmoved generation is a proof.
    if _as_planned(grant, deployment):
        return Applied(
            state=ApplyState.NOT_APPLIED,
            sentence=f"{grant.plan.target} was not scaled: nothing in it changed since the plan",
            retry_after=0.0,
        )
    return _cannot_tell(grant, f"it changed since the plan, and somebody else set its {now} replicas last")


async def progress(grant: Grant, *, reader: ClusterReader) -> RolloutProgress:
    """How far the rollout of an applied scaling is, for polling. Raises what the reader raises."""
    return observe(await _read(grant, reader), desired=int(grant.plan.arguments["replicas"]))


def _order(grant: Grant, version: str) -> ScaleTo:
    target = grant.plan.target
    return ScaleTo(
        namespace=target.namespace,
        name=target.name,
        replicas=int(grant.plan.arguments["replicas"]),
        resource_version=version,
        field_manager=grant.field_manager,
    )


async def _look(grant: Grant, reader: ClusterReader, *, lost: bool) -> Applied | str:
    """The version to try next, or the end of trying."""
    try:
        deployment = await _read(grant, reader)
    except LightshipError as error:
        return _stopped(grant, error, lost=lost)
    if _wrote(grant, deployment):
        return _applied(grant)
    if _as_planned(grant, deployment):
        return str(deployment["metadata"]["resourceVersion"])
    # After a lost answer the change may be our own, made over by somebody since.
    return _cannot_tell(grant, "it changed meanwhile") if lost else _changed(grant, deployment)


def _stopped(grant: Grant, error: LightshipError, *, lost: bool) -> Applied:
    if lost:
        return _cannot_tell(grant, f"the answer got lost, and then: {one_line(error)}")
    if isinstance(error, NotFound):
        return _gone(grant)
    retry_after = (error.delay or 0.0) if isinstance(error, Temporary) else None
    return _not_applied(error, retry_after=retry_after)


async def _read(grant: Grant, reader: ClusterReader) -> KubeObject:
    target = grant.plan.target
    return await reader.get(Resource.DEPLOYMENTS, namespace=target.namespace, name=target.name)


def _wrote(grant: Grant, deployment: KubeObject) -> bool:
    entries = (deployment.get("metadata") or {}).get("managedFields") or ()
    return any(
        entry.get("manager") == grant.field_manager and entry.get("subresource") == "scale"
        for entry in entries
    )


def _same_object(grant: Grant, deployment: KubeObject) -> bool:
    return uid_of(deployment) == grant.plan.observed["uid"]


def _as_planned(grant: Grant, deployment: KubeObject) -> bool:
    """Whether at most the status moved since the plan."""
    unmoved = generation_of(deployment) == grant.plan.observed["generation"]
    return unmoved and _same_object(grant, deployment)


def _scaled(grant: Grant) -> str:
    plan = grant.plan
    return f"{plan.target} scaled from {plan.observed['replicas']} to {plan.arguments['replicas']}"


def _applied(grant: Grant) -> Applied:
    return Applied(state=ApplyState.APPLIED, sentence=_scaled(grant))


def _changed(grant: Grant, deployment: KubeObject) -> Applied:
    before, now = grant.plan.observed["replicas"], replicas_of(deployment)
    what = (
        "its specification or annotations changed"
        if before == now
        else f"it has {now} replicas now, not {before}"
    )
    if not _same_object(grant, deployment):
        what = "it was deleted and created anew"
    return Applied(
        state=ApplyState.OBJECT_CHANGED,
        sentence=f"{grant.plan.target} is not what was approved: {what}; nothing was done",
    )


def _gone(grant: Grant) -> Applied:
    return Applied(state=ApplyState.OBJECT_CHANGED, sentence=f"{grant.plan.target} is gone; nothing was done")


def _not_applied(error: LightshipError, *, retry_after: float | None) -> Applied:
    hint = " `lightship rbac` prints the Role that has the right." if isinstance(error, Forbidden) else ""
    sentence = f"nothing was done: {one_line(error, limit=300)}"
    return Applied(state=ApplyState.NOT_APPLIED, sentence=sentence + hint, retry_after=retry_after)


def _cannot_tell(grant: Grant, why: str) -> Applied:
    return Applied(
        state=ApplyState.CANNOT_TELL,
        sentence=f"whether {grant.plan.target} was scaled cannot be told: {why}",
    )
