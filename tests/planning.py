"""Planning as the engine does it, for the tests of remediations and of both worlds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from bot.domain.bounds import Bounds, ScaleBounds
from bot.domain.remedies import Plan, RemediationRequest, Target
from bot.remediations.planning import Asking
from bot.remediations.registry import plan
from bot.testing import START
from tests.worlds.objects import NAME

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.remedies import Action, Argument, Refusal
    from bot.ports.planners import ClusterPlanner
    from bot.ports.readers import Readers

LIMITS = ScaleBounds(minimum=1, maximum=10, max_factor=3)
MODEL, ALIAS = "churn-model", "Production"


class Looking(Protocol):
    """A world, as far as planning needs it."""

    @property
    def readers(self) -> Readers:
        """Looks."""
        ...

    @property
    def planner(self) -> ClusterPlanner:
        """Tries."""
        ...


async def plan_in(
    world: Looking,
    asked: RemediationRequest,
    *,
    bounds: Bounds | None = None,
    limits: ScaleBounds = LIMITS,
    now: datetime = START,
    done: Plan | None = None,
) -> Plan | Refusal:
    """What planning comes to."""
    bounds = bounds or Bounds(
        namespace=asked.target.namespace, deployment=NAME, model=MODEL, alias=ALIAS, scale=limits
    )
    asking = Asking(
        request=asked,
        bounds=bounds,
        readers=world.readers,
        planner=world.planner,
        now=now,
        done=done,
    )
    return await plan(asking)


async def planned_in(world: Looking, asked: RemediationRequest, **how: object) -> Plan:
    """The plan, which must be one."""
    found = await plan_in(world, asked, **how)  # type: ignore[arg-type]  # passed on as they are
    assert isinstance(found, Plan), found
    return found


def ask(
    action: Action, namespace: str, *, kind: str = "Deployment", name: str = NAME, **arguments: Argument
) -> RemediationRequest:
    """Somebody asks for an action."""
    return RemediationRequest(
        action=action,
        service="churn",
        target=Target(kind=kind, namespace=namespace, name=name),
        arguments=arguments,
        incident_id=None,
        reason="trouble",
    )


def undo_of(plan: Plan, approval_id: str) -> RemediationRequest:
    """Somebody asks to take that back."""
    asked = ask(plan.action, plan.target.namespace, kind=plan.target.kind, name=plan.target.name)
    return replace(asked, undoes=approval_id)
