"""Rollouts that stand still, and disruption budgets in the way of moving pods."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.checks.modes.nodes import is_cordoned
from bot.checks.modes.sight import is_alive, short, spec_of
from bot.checks.reading import condition_of, name_of
from bot.domain.durations import rough_duration
from bot.domain.selectors import selector_matches
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.checks.modes.sight import Sight
    from bot.ports.readers import KubeObject


def releasing(sight: Sight) -> Iterator[Suspect]:
    """The deployment's own word about its rollout; what makes it stand still is told by others, and surer."""
    spec, status = sight.deployment.get("spec") or {}, sight.deployment.get("status") or {}
    progress = condition_of(sight.deployment, "Progressing")
    if progress.status == "False" and progress.reason == "ProgressDeadlineExceeded":
        seconds = int(spec.get("progressDeadlineSeconds") or 600)
        yield Suspect(
            mode=FailureMode.ROLLOUT_PAST_DEADLINE,
            title=f"The rollout has not come to its end within {rough_duration(timedelta(seconds=seconds))}",
            subject=sight.subject,
            field="spec.progressDeadlineSeconds",
            value=str(seconds),
            mend="roll back, or mend what keeps its new pods from being ready",
            certainty=0.6,
            evidence=(f"{progress.reason}: {short(progress.message)}",),
            since=progress.since,
            action="rollback",
        )
    if spec.get("paused"):
        updated, wanted = int(status.get("updatedReplicas") or 0), sight.replicas
        yield Suspect(
            mode=FailureMode.ROLLOUT_PAUSED,
            title="The rollout is paused, so what was changed does not reach the pods",
            subject=sight.subject,
            field="spec.paused",
            value="true",
            mend=f"`kubectl rollout resume deployment/{sight.name}` when the change is wanted",
            certainty=0.8 if updated < wanted else 0.5,
            evidence=(f"{updated} of {wanted} pods are of the newest template",),
            since=progress.since if progress.reason == "DeploymentPaused" else None,
        )


def budgets(sight: Sight) -> Iterator[Suspect]:
    """Budgets that allow no pod to be moved."""
    labels = (sight.template.get("metadata") or {}).get("labels") or {}
    cordoned = {name_of(node) for node in sight.nodes if is_cordoned(node)}
    for one in sight.budgets:
        if not selector_matches((one.get("spec") or {}).get("selector"), labels):
            continue
        status = one.get("status") or {}
        healthy, expected = int(status.get("currentHealthy") or 0), int(status.get("expectedPods") or 0)
        if status.get("disruptionsAllowed") != 0 or not expected:
            continue
        waiting = [
            pod for pod in sight.pods if is_alive(pod) and str(spec_of(pod).get("nodeName") or "") in cordoned
        ]
        if not waiting and healthy < expected:
            continue  # pods are missing for another reason, and the budget does what it is for
        field, value = _bound(one)
        drained = (
            (f"node {spec_of(waiting[0]).get('nodeName')} is being drained and cannot be",) if waiting else ()
        )
        yield Suspect(
            mode=FailureMode.DISRUPTION_BUDGET_BLOCKS,
            title="The disruption budget allows no pod to be moved, so nodes cannot be drained",
            subject=f"pod disruption budget {name_of(one)}",
            field=field,
            value=value,
            mend="allow one pod to be away (`maxUnavailable: 1`), or ask for one more replica",
            certainty=0.8 if waiting else 0.4,
            evidence=(
                f"{healthy} of {expected} pods are healthy, {status.get('desiredHealthy')} must stay",
                *drained,
            ),
        )


def _bound(budget: KubeObject) -> tuple[str, str]:
    spec = budget.get("spec") or {}
    field = "minAvailable" if spec.get("minAvailable") is not None else "maxUnavailable"
    return f"spec.{field}", str(spec.get(field))
