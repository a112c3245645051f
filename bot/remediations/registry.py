"""All remediations by action, with the rights that they need; the engine and `lightship rbac` read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain.actions import describe
from bot.domain.remedies import Action, CallKind, RefusalReason, add_action
from bot.domain.rights import Right
from bot.ports.readers import Resource
from bot.remediations.job_plans import plan_job
from bot.remediations.planning import Asking, Refused, answered
from bot.remediations.pod_plans import plan_pod
from bot.remediations.promote_plans import plan_promote
from bot.remediations.resource_plans import plan_resources
from bot.remediations.restart_plans import plan_restart
from bot.remediations.rollback_plans import plan_rollback
from bot.remediations.scale_plans import plan_scale
from bot.remediations.undoing import plan_undo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.domain.actions import ActionFacts
    from bot.domain.remedies import Plan, Refusal

_BUDGETS: Final = Resource.POD_DISRUPTION_BUDGETS.right("list")
_ROOM: Final = (
    Resource.RESOURCE_QUOTAS.right("list"),
    Resource.NODES.right("list"),
    Resource.PODS.right("list"),
)
_DEPLOYMENT: Final = (Resource.DEPLOYMENTS.right("get"), Resource.DEPLOYMENTS.right("patch"))
_JOB: Final = (
    Resource.CRON_JOBS.right("get"),
    Resource.JOBS.right("list"),
    Resource.JOBS.right("create"),
)
_CANCEL: Final = (Resource.JOBS.right("get"), Resource.JOBS.right("patch"))
_TRACES: Final = Resource.EVENTS.right("list")


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """One action: what it cannot do without, what makes its plans tell more or its undo possible, its plan.

    Applying, recovering and watching go by the kinds of its calls (`applying`, `watching`), undoing by
    `undoing`.
    """

    plan: Callable[[Asking], Awaitable[Plan]]
    calls: frozenset[CallKind]
    rights: tuple[Right, ...] = ()
    optional_rights: tuple[Right, ...] = ()


_REMEDIES: Final[dict[Action, Remedy]] = {
    Action.SCALE: Remedy(
        plan=plan_scale,
        calls=frozenset({CallKind.EDIT}),
        rights=(
            Resource.DEPLOYMENTS.right("get"),
            Resource.HORIZONTAL_POD_AUTOSCALERS.right("list"),
            Right(verb="patch", group="apps", resource="deployments/scale"),
        ),
        optional_rights=(
            Resource.HORIZONTAL_POD_AUTOSCALERS.right("get"),
            Resource.HORIZONTAL_POD_AUTOSCALERS.right("patch"),
            _BUDGETS,
            *_ROOM,
        ),
    ),
    Action.RESTART: Remedy(
        plan=plan_restart,
        calls=frozenset({CallKind.EDIT}),
        rights=_DEPLOYMENT,
        optional_rights=(_BUDGETS, *_ROOM),
    ),
    Action.ROLLBACK: Remedy(
        plan=plan_rollback,
        calls=frozenset({CallKind.EDIT}),
        rights=(*_DEPLOYMENT, Resource.REPLICA_SETS.right("list")),
        optional_rights=(_BUDGETS, *_ROOM),
    ),
    Action.RESOURCES: Remedy(
        plan=plan_resources,
        calls=frozenset({CallKind.EDIT}),
        rights=_DEPLOYMENT,
        optional_rights=(_BUDGETS, Resource.LIMIT_RANGES.right("list"), *_ROOM),
    ),
    Action.DELETE_POD: Remedy(
        plan=plan_pod,
        calls=frozenset({CallKind.EVICT}),
        rights=(
            Resource.DEPLOYMENTS.right("get"),
            Resource.PODS.right("get"),
            Resource.REPLICA_SETS.right("get"),
            Right(verb="create", group="", resource="pods/eviction"),
        ),
        optional_rights=(_BUDGETS,),
    ),
    Action.RUN: Remedy(
        plan=plan_job,
        calls=frozenset({CallKind.CREATE, CallKind.EDIT}),
        rights=_JOB,
        optional_rights=(*_CANCEL, _TRACES, *_ROOM),
    ),
    Action.RETRAIN: Remedy(
        plan=plan_job,
        calls=frozenset({CallKind.CREATE, CallKind.EDIT}),
        rights=_JOB,
        optional_rights=(*_CANCEL, _TRACES, *_ROOM),
    ),
    Action.PROMOTE: Remedy(plan=plan_promote, calls=frozenset({CallKind.ALIAS})),
}
REMEDIES: Final[Mapping[Action, Remedy]] = _REMEDIES
"""Every action, those of other packages among them once they are registered.

`bot.domain.actions` has what people read of it.
"""


def add(name: str, facts: ActionFacts, remedy: Remedy) -> Action:
    """Take in another package's action. Raises ValueError where there is one of that name."""
    action = add_action(name)
    describe(action, facts)
    _REMEDIES[action] = remedy
    return action


def broken_remedy(why: str) -> Remedy:
    """What stands for an action that cannot be had: every plan is refused."""

    async def refuse(asking: Asking) -> Plan:  # noqa: ARG001 - it refuses whatever is asked
        raise Refused(RefusalReason.NOT_CONFIGURED, f"{why[0].upper()}{why[1:]}.")

    return Remedy(plan=refuse, calls=frozenset())


async def plan(asking: Asking) -> Plan | Refusal:
    """What would be done, or why nothing may be; a request that undoes something is planned as that."""
    planning = plan_undo if asking.request.undoes else REMEDIES[asking.request.action].plan
    return await answered(asking, planning)
