"""A deployment that is to be changed: read, and refused where its rollout or an owner stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.errors import NotFound
from bot.domain.remedies import RefusalReason
from bot.ports.readers import Resource
from bot.remediations.deployments import RolloutState, rollout_of
from bot.remediations.owners import owners_of
from bot.remediations.planning import Refused

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking

IN_THE_WAY: Final = frozenset({RolloutState.PAUSED, RolloutState.UNDER_WAY, RolloutState.FAILING})


async def read_deployment(asking: Asking) -> KubeObject:
    """The deployment that is the request's target."""
    target = asking.request.target
    if not target.namespace or not target.name:
        words = f"No deployment is configured for {asking.request.service}."
        raise Refused(RefusalReason.NOT_CONFIGURED, words)
    return await read_target(asking, Resource.DEPLOYMENTS, target.name)


async def read_target(asking: Asking, resource: Resource, name: str) -> KubeObject:
    """An object of the target's namespace; refused where there is none."""
    namespace = asking.request.target.namespace
    try:
        return await asking.readers.cluster.get(resource, namespace=namespace, name=name)
    except NotFound as error:
        words = f"There is no {resource.kind.lower()} {namespace}/{name}."
        raise Refused(RefusalReason.TARGET_MISSING, words) from error


def refuse_rollout(
    asking: Asking, deployment: KubeObject, states: Collection[RolloutState]
) -> tuple[str, ...]:
    """Refuse where the rollout is in one of these states; a warning for another that is not complete."""
    state, words = rollout_of(deployment)
    if state in states:
        sentence = f"{asking.request.target}: {words}; nothing was asked."
        raise Refused(RefusalReason.ROLLOUT, sentence)
    return () if state is RolloutState.COMPLETE else (words,)


def refuse_owned(asking: Asking, *objects: KubeObject) -> tuple[str, ...]:
    """Refuse where another tool would set it back, unless the policy lets it pass with a warning."""
    owners = list(dict.fromkeys(owner for found in objects for owner in owners_of(found)))
    if owners and not asking.bounds.may_be_reverted:
        words = (
            f"It will be reverted by {' and '.join(owners)}. Change it there, or let it pass with "
            "`remediation.may_be_reverted: true`."
        )
        raise Refused(RefusalReason.WOULD_BE_REVERTED, words)
    return tuple(f"will be reverted by {owner}" for owner in owners)
