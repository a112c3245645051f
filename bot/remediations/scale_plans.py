"""Planning a scaling: what would change, what speaks against it, and why it is refused where it is.

Called through the registry by the remediating engine. The only call that is no read is the dry run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.domain.errors import Conflict, DryRunUnsupported, Forbidden, LightshipError, NotFound, Temporary
from bot.domain.outside_text import one_line
from bot.domain.remedies import Change, Plan, Refusal, RefusalReason
from bot.ports.readers import Resource
from bot.remediations.deployments import generation_of, observe, replicas_of, uid_of
from bot.remediations.scale_surroundings import look_around, owners_that_revert

if TYPE_CHECKING:
    from bot.domain.remedies import RemediationRequest
    from bot.domain.services import ScaleBounds
    from bot.ports.planners import ScalePlanner
    from bot.ports.readers import ClusterReader, KubeObject

_DRY_RUN_TRIES: Final = 3
_MOST_DIGITS: Final = 6


async def plan_scale(
    request: RemediationRequest, *, limits: ScaleBounds, reader: ClusterReader, planner: ScalePlanner
) -> Plan | Refusal:
    """The plan for an approver to see, or the reason why there is none. Raises nothing that ports promise."""
    replicas = _replicas_asked(request)
    if isinstance(replicas, Refusal):
        return replicas
    outside = out_of_bounds(replicas, limits=limits)
    if outside is not None:
        return outside
    try:
        return await _plan(request, replicas, limits=limits, reader=reader, planner=planner)
    except Forbidden as error:
        return _refusal(
            RefusalReason.FORBIDDEN,
            f"Lightship lacks the right `{error.right}`; `lightship rbac` prints the Role that has it.",
        )
    except Temporary as error:
        return _refusal(RefusalReason.UNREACHABLE, f"Kubernetes cannot be asked now: {one_line(error)}")
    except LightshipError as error:
        return _refusal(RefusalReason.UNREACHABLE, f"Kubernetes cannot be asked: {one_line(error)}")


def out_of_bounds(replicas: int, *, limits: ScaleBounds) -> Refusal | None:
    """The refusal where the number is outside the absolute bounds."""
    if limits.minimum <= replicas <= limits.maximum:
        return None
    return _refusal(
        RefusalReason.OUT_OF_BOUNDS,
        f"{replicas} replicas: the configured bounds are {limits.minimum} to {limits.maximum}.",
    )


def too_large_a_step(current: int, replicas: int, *, limits: ScaleBounds) -> Refusal | None:
    """The refusal where the number is too far from the one now; none is counted as one."""
    smaller, larger = sorted((max(current, 1), max(replicas, 1)))
    if larger <= smaller * limits.max_factor:
        return None
    return _refusal(
        RefusalReason.TOO_LARGE_A_STEP,
        f"From {current} to {replicas} is more than a factor of {limits.max_factor:g}; take smaller steps.",
    )


async def _plan(
    request: RemediationRequest,
    replicas: int,
    *,
    limits: ScaleBounds,
    reader: ClusterReader,
    planner: ScalePlanner,
) -> Plan | Refusal:
    deployment = await _deployment(request, reader)
    if isinstance(deployment, Refusal):
        return deployment
    current = replicas_of(deployment)
    if current == replicas:
        return _refusal(RefusalReason.NO_CHANGE, f"{request.target} has {current} replicas already.")
    refusal = too_large_a_step(current, replicas, limits=limits) or await _autoscaled(request, reader)
    if refusal is not None:
        return refusal
    tried = await _dry_run(request, deployment, replicas, reader=reader, planner=planner)
    if isinstance(tried, Refusal):
        return tried
    deployment, cautions = tried
    if replicas_of(deployment) != current:
        return _refusal(RefusalReason.OBJECT_CHANGED, f"{request.target} is being scaled just now.")
    around = await look_around(deployment, replicas, reader=reader)
    progress = observe(deployment, desired=current)
    rollout = () if progress.done else (f"a rollout is in progress: {progress.reason}",)
    return Plan(
        action=request.action,
        service=request.service,
        target=request.target,
        arguments={"replicas": replicas},
        changes=(Change(field="spec.replicas", before=str(current), after=str(replicas)),),
        resource_version=str(deployment["metadata"]["resourceVersion"]),
        observed={
            "replicas": current,
            "generation": generation_of(deployment),
            "uid": uid_of(deployment),
        },
        notes=around.notes,
        warnings=(*owners_that_revert(deployment), *rollout, *cautions, *around.warnings),
        verification=f"{request.target} has {replicas} ready pods of its newest revision",
        undo=f"scale back to {current}",
        runbook=request.runbook,
        remediation=request.remediation,
    )


def _replicas_asked(request: RemediationRequest) -> int | Refusal:
    asked = request.arguments.get("replicas")
    if isinstance(asked, str):
        text = asked.strip()
        if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
            return int(text)
    elif isinstance(asked, int) and not isinstance(asked, bool) and asked >= 0:
        return asked
    shown = "nothing" if asked is None else f"`{one_line(asked, limit=40)}`"
    return _refusal(RefusalReason.BAD_ARGUMENT, f"Replicas must be a whole number, {shown} is none.")


async def _deployment(request: RemediationRequest, reader: ClusterReader) -> KubeObject | Refusal:
    target = request.target
    if not target.namespace or not target.name:
        return _refusal(RefusalReason.NOT_CONFIGURED, f"No deployment is configured for {request.service}.")
    try:
        return await reader.get(Resource.DEPLOYMENTS, namespace=target.namespace, name=target.name)
    except NotFound:
        return _refusal(RefusalReason.TARGET_MISSING, f"There is no {target}.")


async def _autoscaled(request: RemediationRequest, reader: ClusterReader) -> Refusal | None:
    target = request.target
    for hpa in await reader.list(Resource.HORIZONTAL_POD_AUTOSCALERS, namespace=target.namespace):
        spec = hpa.get("spec") or {}
        scaled: dict[str, Any] = spec.get("scaleTargetRef") or {}
        apps = str(scaled.get("apiVersion", "apps/v1")).startswith("apps/")
        if not apps or (scaled.get("kind"), scaled.get("name")) != ("Deployment", target.name):
            continue
        metadata = hpa.get("metadata") or {}
        keda = (metadata.get("labels") or {}).get("scaledobject.keda.sh/name")
        by = f" of KEDA's ScaledObject {one_line(keda, limit=60)}" if keda else ""
        name = one_line(metadata.get("name", ""), limit=80)
        return _refusal(
            RefusalReason.HPA_OWNS_REPLICAS,
            f"HorizontalPodAutoscaler {name}{by} sets the replicas of {target}, between "
            f"{spec.get('minReplicas', 1)} and {spec.get('maxReplicas')}, and would undo it. "
            "Changing its bounds comes with a later version.",
        )
    return None


async def _dry_run(
    request: RemediationRequest,
    deployment: KubeObject,
    replicas: int,
    *,
    reader: ClusterReader,
    planner: ScalePlanner,
) -> tuple[KubeObject, tuple[str, ...]] | Refusal:
    """The deployment as it was when the dry run passed, and warnings; status changes in between are met."""
    for _ in range(_DRY_RUN_TRIES):
        try:
            warnings = await _try(request, deployment, replicas, planner)
        except Conflict:
            fresh = await _deployment(request, reader)
            if isinstance(fresh, Refusal):
                return fresh
            deployment = fresh
        else:
            return warnings if isinstance(warnings, Refusal) else (deployment, warnings)
    sentence = f"{request.target} is changing too quickly; ask again in a moment."
    return _refusal(RefusalReason.OBJECT_CHANGED, sentence)


async def _try(
    request: RemediationRequest, deployment: KubeObject, replicas: int, planner: ScalePlanner
) -> tuple[str, ...] | Refusal:
    """One dry run. Raises Conflict where the object moved, Forbidden and Temporary."""
    target = request.target
    try:
        scale = await planner.dry_run_scale(
            namespace=target.namespace,
            name=target.name,
            replicas=replicas,
            resource_version=str(deployment["metadata"]["resourceVersion"]),
        )
    except (Conflict, Forbidden, Temporary):
        raise
    except DryRunUnsupported as error:
        return (f"no dry run, the difference is computed: {one_line(error)}",)
    except NotFound:
        return _refusal(RefusalReason.TARGET_MISSING, f"There is no {target}.")
    except LightshipError as error:
        return _refusal(RefusalReason.DRY_RUN_REFUSED, f"The API server refuses it: {one_line(error)}")
    would = (scale.get("spec") or {}).get("replicas", 0)
    if would != replicas:
        sentence = f"The API server would make it {would} replicas, not {replicas}."
        return _refusal(RefusalReason.DRY_RUN_REFUSED, sentence)
    return ()


def _refusal(reason: RefusalReason, sentence: str) -> Refusal:
    return Refusal(reason=reason, sentence=sentence)
