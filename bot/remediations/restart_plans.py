"""Restarting a deployment's pods one after the other, as `kubectl rollout restart` does; no inverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.remedies import Change
from bot.remediations.deployments import replicas_of
from bot.remediations.planning import NEVER_UNDONE, edit_call, make_plan, try_edit
from bot.remediations.replacing import see_replacement
from bot.remediations.targets import IN_THE_WAY, read_deployment, refuse_rollout

if TYPE_CHECKING:
    from bot.domain.remedies import Call, Plan
    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking

RESTARTED_AT: Final = ("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")


async def plan_restart(asking: Asking) -> Plan:
    """All pods anew."""
    target = asking.request.target
    deployment = await read_deployment(asking)
    warnings = refuse_rollout(asking, deployment, IN_THE_WAY)

    def make(found: KubeObject) -> Call:
        return edit_call(found, "deployments", {RESTARTED_AT: asking.now.isoformat(timespec="seconds")})

    tried = await try_edit(asking, lambda: read_deployment(asking), make)
    pods = replicas_of(tried.found)
    seen = await see_replacement(asking, tried.found, tried.found["spec"]["template"])
    (edit,) = tried.call.edits
    return make_plan(
        asking,
        tried,
        changes=(Change(field="pods", before=str(pods), after=f"{pods} new ones"),),
        observed={"replicas": pods},
        verification=f"{target} has {pods} ready pods, all of them new",
        undo=f"{NEVER_UNDONE}: the pods that were are gone",
        undoable=False,
        notes=("they are replaced one after the other", f"last restart: {_shown(edit.before)}", *seen.notes),
        warnings=(*warnings, *seen.warnings),
    )


def _shown(text: str) -> str:
    return text.strip('"') or "never"
