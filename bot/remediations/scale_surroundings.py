"""What stands around a deployment that is to be scaled: budgets, quotas, and owners that would revert it.

Called by `bot.remediations.scale_plans`. Budgets and quotas are worth a look, not a failure: what cannot be
read is said in a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.domain.errors import Forbidden, LightshipError
from bot.domain.outside_text import one_line
from bot.domain.quantities import format_bytes, format_cores, parse_quantity
from bot.domain.selectors import selector_matches
from bot.ports.readers import Resource
from bot.remediations.deployments import replicas_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.ports.readers import ClusterReader, KubeObject

_NAME: Final = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What was seen: notes to know, warnings that speak against it."""

    notes: tuple[str, ...]
    warnings: tuple[str, ...]


async def look_around(deployment: KubeObject, replicas: int, *, reader: ClusterReader) -> Surroundings:
    """Budgets and quotas of the deployment's namespace. Raises nothing that the reader promises."""
    notes: list[str] = []
    warnings: list[str] = []
    budgets = await _read(reader, Resource.POD_DISRUPTION_BUDGETS, deployment, notes)
    notes += _budget_notes(budgets, deployment, fewer=replicas < replicas_of(deployment))
    added = replicas - replicas_of(deployment)
    if added > 0:
        for quota in await _read(reader, Resource.RESOURCE_QUOTAS, deployment, notes):
            seen, short = _quota_words(quota, deployment, added)
            notes += seen
            warnings += short
    return Surroundings(notes=tuple(notes), warnings=tuple(warnings))


def owners_that_revert(deployment: KubeObject) -> tuple[str, ...]:
    """A warning for each owner that would set the replicas back.

    `app.kubernetes.io/instance` alone proves nothing: Helm sets it too.
    """
    metadata = deployment.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    both = {**annotations, **labels}
    found = []
    tracking = annotations.get("argocd.argoproj.io/tracking-id", "")
    argo = both.get("argocd.argoproj.io/instance") or tracking.partition(":")[0]
    if argo or tracking:
        found.append(f"Argo CD application {one_line(argo or '?', limit=_NAME)}")
    for label, kind in (
        ("kustomize.toolkit.fluxcd.io/name", "Kustomization"),
        ("helm.toolkit.fluxcd.io/name", "HelmRelease"),
    ):
        if both.get(label):
            found.append(f"Flux {kind} {one_line(both[label], limit=_NAME)}")
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            kind, name = owner.get("kind", ""), owner.get("name", "")
            found.append(f"its controller, {one_line(kind, limit=40)} {one_line(name, limit=_NAME)}")
    return tuple(f"will be reverted by {owner}, unless that leaves the replicas to others" for owner in found)


async def _read(
    reader: ClusterReader, resource: Resource, deployment: KubeObject, notes: list[str]
) -> Sequence[KubeObject]:
    try:
        return await reader.list(resource, namespace=deployment["metadata"]["namespace"])
    except Forbidden as error:
        notes.append(f"{resource.kind}: not looked at, the right `{error.right}` is missing")
    except LightshipError:
        notes.append(f"{resource.kind}: could not be looked at just now")
    return ()


def _budget_notes(budgets: Sequence[KubeObject], deployment: KubeObject, *, fewer: bool) -> list[str]:
    template = (deployment.get("spec") or {}).get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    notes = []
    for budget in budgets:
        spec, status = budget.get("spec") or {}, budget.get("status") or {}
        if not selector_matches(spec.get("selector"), labels):
            continue
        bound = next(
            (
                f"{word} {one_line(spec[word], limit=20)}"
                for word in ("minAvailable", "maxUnavailable")
                if word in spec
            ),
            "no bound",
        )
        name = one_line(budget.get("metadata", {}).get("name", ""), limit=_NAME)
        allowed = status.get("disruptionsAllowed", "?")
        heed = "; scaling down does not heed it" if fewer else ""
        notes.append(f"PodDisruptionBudget {name}: {bound}, disruptions allowed now: {allowed}{heed}")
    return notes


def _quota_words(quota: KubeObject, deployment: KubeObject, added: int) -> tuple[list[str], list[str]]:
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    name = one_line(quota.get("metadata", {}).get("name", ""), limit=_NAME)
    notes, warnings = [], []
    for resource, needed in _needs(deployment, added).items():
        limit, taken = parse_quantity(hard.get(resource)), parse_quantity(used.get(resource))
        if limit is None or taken is None:
            continue
        left = max(limit - taken, 0.0)
        words = f"{_amount(resource, needed)} of {resource} needed, {_amount(resource, left)} left"
        if needed > left:
            warnings.append(f"ResourceQuota {name} is too small: {words}")
        else:
            notes.append(f"ResourceQuota {name}: {words}")
    return notes, warnings


def _needs(deployment: KubeObject, added: int) -> dict[str, float]:
    """What so many more pods take of a quota, by the quota's names."""
    pod = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
    needs = {"pods": float(added)}
    for kind in ("requests", "limits"):
        for resource in ("cpu", "memory"):
            amounts = [_amount_in(container, kind, resource) for container in pod.get("containers") or ()]
            total = sum(amount for amount in amounts if amount is not None)
            if total:
                needs[f"{kind}.{resource}"] = total * added
                if kind == "requests":
                    needs[resource] = total * added
    return needs


def _amount_in(container: Mapping[str, Any], kind: str, resource: str) -> float | None:
    resources = container.get("resources") or {}
    return parse_quantity((resources.get(kind) or {}).get(resource))


def _amount(resource: str, value: float) -> str:
    if resource.endswith("cpu"):
        return format_cores(value)
    return format_bytes(value) if resource.endswith("memory") else f"{value:g}"
