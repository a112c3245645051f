"""What may be done to one service: the objects that are its own, and how far an action may go.

Made from `lightship.yaml` and the runbook by `bot.bootstrap`, kept by the plans of `bot.remediations`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleBounds:
    """What may be asked: absolute bounds, and by what factor replicas may change up or down at once."""

    minimum: int = 1
    maximum: int = 20
    max_factor: float = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceBounds:
    """The most that a container may be given, CPU in cores and memory in bytes, and the largest step."""

    cpu: float = 8.0
    memory: float = 16 * 2.0**30
    max_factor: float = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """A service's objects and limits.

    `may_be_reverted` lets a plan pass that another owner (KEDA, Argo CD, Flux) will take back, and warns;
    `nodes_may_grow` says that nodes are added on demand, so that too little room on them is no refusal.
    """

    namespace: str = ""
    deployment: str = ""
    cronjob: str = ""
    model: str = ""
    alias: str = ""
    scale: ScaleBounds = field(default_factory=ScaleBounds)
    resources: ResourceBounds = field(default_factory=ResourceBounds)
    may_be_reverted: bool = False
    nodes_may_grow: bool = False
