"""Who else writes an object and would set a change back: KEDA, Argo CD, Flux, another controller. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from bot.ports.readers import KubeObject

_NAME: Final = 80


def owners_of(found: KubeObject) -> tuple[str, ...]:
    """The owners by name, such as `Argo CD application shop`.

    `app.kubernetes.io/instance` alone proves nothing: Helm sets it too.
    """
    metadata = found.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    both = {**annotations, **labels}
    owners = []
    tracking = annotations.get("argocd.argoproj.io/tracking-id", "")
    argo = both.get("argocd.argoproj.io/instance") or tracking.partition(":")[0]
    if argo or tracking:
        owners.append(f"Argo CD application {one_line(argo or '?', limit=_NAME)}")
    for label, kind in (
        ("kustomize.toolkit.fluxcd.io/name", "Kustomization"),
        ("helm.toolkit.fluxcd.io/name", "HelmRelease"),
    ):
        if both.get(label):
            owners.append(f"Flux {kind} {one_line(both[label], limit=_NAME)}")
    keda = labels.get("scaledobject.keda.sh/name", "")
    for owner in metadata.get("ownerReferences") or ():
        if not owner.get("controller"):
            continue
        kind, name = owner.get("kind", ""), owner.get("name", "")
        if kind == "ScaledObject":
            keda = keda or name
        else:
            owners.append(f"its controller, {one_line(kind, limit=40)} {one_line(name, limit=_NAME)}")
    if keda:
        owners.append(f"KEDA's ScaledObject {one_line(keda, limit=_NAME)}")
    return tuple(owners)
