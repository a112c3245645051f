"""Looks at what a newcomer's machine reaches: the kubeconfig's context, its Deployments, Prometheus' rules.

Called by `lightship init`. Nothing is changed anywhere, and whatever does not answer becomes a remark.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.documents import read_document
from bot.domain.errors import LightshipError
from bot.domain.outside_text import one_line
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.ports.examiners import AlertRule, RuleBook
    from bot.ports.readers import ClusterReader, KubeObject

ANSWER_WITHIN: Final = 15.0
_MOST_DEPLOYMENTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The current context of a kubeconfig."""

    name: str
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A Deployment of the cluster, and the autoscaler that owns its replicas, if one does."""

    deployment: str
    hpa: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one question brought: an answer, or a remark that says why there is none."""

    remark: str
    deployments: tuple[Placed, ...] = ()
    rules: tuple[AlertRule, ...] = ()


def current_context(kubeconfig: Path) -> Context | None:
    """The context that kubectl would use; None where the file names none or cannot be read."""
    document, _ = read_document(kubeconfig)
    value = document.value if document is not None else None
    name = value.get("current-context") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(name, str) or not name:
        return None
    for entry in value.get("contexts") or ():
        if isinstance(entry, dict) and entry.get("name") == name:
            context = entry.get("context")
            namespace = context.get("namespace") if isinstance(context, dict) else None
            return Context(name=name, namespace=namespace if isinstance(namespace, str) else "default")
    return None


async def look_at_cluster(cluster: ClusterReader, namespace: str) -> Seen:
    """The Deployments of a namespace with their autoscalers."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            found = await cluster.list(Resource.DEPLOYMENTS, namespace=namespace, limit=_MOST_DEPLOYMENTS)
            scalers = await _autoscalers(cluster, namespace)
    except TimeoutError:
        return Seen(remark=f"Kubernetes gave no answer within {ANSWER_WITHIN:g} s")
    except LightshipError as error:
        return Seen(remark=f"Kubernetes: {one_line(error, limit=200)}")
    placed = tuple(
        Placed(deployment=name, hpa=_scaler_of(name, scalers))
        for name in sorted(one["metadata"]["name"] for one in found)
    )
    word = "Deployment" if len(placed) == 1 else "Deployments"
    return Seen(remark=f"Kubernetes: {len(placed)} {word} in namespace {namespace}", deployments=placed)


async def look_at_rules(book: RuleBook) -> Seen:
    """Every alert rule of Prometheus."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            rules = await book.every_alerting_rule()
    except TimeoutError:
        return Seen(remark=f"Prometheus gave no answer within {ANSWER_WITHIN:g} s")
    except LightshipError as error:
        return Seen(remark=one_line(error, limit=200))
    word = "alert rule" if len(rules) == 1 else "alert rules"
    return Seen(remark=f"Prometheus: {len(rules)} {word}", rules=rules)


async def _autoscalers(cluster: ClusterReader, namespace: str) -> Sequence[KubeObject]:
    try:
        return await cluster.list(Resource.HORIZONTAL_POD_AUTOSCALERS, namespace=namespace)
    except LightshipError:
        return ()  # the bot finds it by itself; naming it is a help for who reads the file


def _scaler_of(deployment: str, scalers: Sequence[KubeObject]) -> str:
    for one in scalers:
        target = (one.get("spec") or {}).get("scaleTargetRef") or {}
        if target.get("kind") == "Deployment" and target.get("name") == deployment:
            return str(one["metadata"]["name"])
    return ""
