"""What a Deployment object says, read the same way by planning, applying and watching. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bot.ports.readers import KubeObject


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutProgress:
    """How far a deployment is. `done` and `failed` are final; else `reason` says what is waited for."""

    ready: int
    desired: int
    done: bool
    failed: bool
    reason: str


def observe(deployment: KubeObject, *, desired: int) -> RolloutProgress:
    """Whether a deployment has the replicas that were ordered, ready and of its newest revision."""
    status, now = deployment.get("status") or {}, replicas_of(deployment)
    ready = int(status.get("readyReplicas") or 0)

    def progress(reason: str, *, done: bool = False, failed: bool = False) -> RolloutProgress:
        return RolloutProgress(ready=ready, desired=desired, done=done, failed=failed, reason=reason)

    if now != desired:
        return progress(f"somebody or something set it to {now} replicas", failed=True)
    if int(status.get("observedGeneration") or 0) < generation_of(deployment):
        return progress("the deployment controller has not seen the change yet")
    stuck = _condition(status, "Progressing", "False")
    if stuck is not None and stuck.get("reason") == "ProgressDeadlineExceeded":
        return progress(f"the rollout is stuck: {_words(stuck)}", failed=True)
    counts = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
    if all(int(status.get(count) or 0) == desired for count in counts):
        return progress(f"{ready} of {desired} pods ready", done=True)
    return progress(f"{ready} of {desired} pods ready{_hindrance(status, desired)}")


def _hindrance(status: Mapping[str, Any], desired: int) -> str:
    failure = _condition(status, "ReplicaFailure", "True")
    if failure is not None:
        return f"; pods cannot be made: {_words(failure)}"
    surplus = int(status.get("replicas") or 0) - desired
    return f"; {surplus} too many, being removed" if surplus > 0 else ""


def replicas_of(deployment: KubeObject) -> int:
    """The replicas that the deployment wants; the API's default is one."""
    replicas = (deployment.get("spec") or {}).get("replicas")
    return 1 if replicas is None else int(replicas)


def generation_of(deployment: KubeObject) -> int:
    """Its generation, which moves with every change that is not one of the status."""
    return int((deployment.get("metadata") or {}).get("generation") or 0)


def uid_of(deployment: KubeObject) -> str:
    """Its uid, which another object of the same name does not have."""
    return str((deployment.get("metadata") or {}).get("uid") or "")


class RolloutState(StrEnum):
    """What a deployment's rollout is at, told from its status; pods that die later are no rollout."""

    COMPLETE = "complete"
    PAUSED = "paused"
    UNDER_WAY = "under_way"
    FAILING = "failing"


def rollout_of(deployment: KubeObject) -> tuple[RolloutState, str]:
    """The state of a deployment's rollout, and a sentence about it where it is not complete."""
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    if spec.get("paused"):
        return RolloutState.PAUSED, "its rollout is paused; `kubectl rollout resume` goes on with it"
    if int(status.get("observedGeneration") or 0) < generation_of(deployment):
        return RolloutState.UNDER_WAY, "the deployment controller has not seen its last change yet"
    stuck = _condition(status, "Progressing", "False")
    if stuck is not None:
        return RolloutState.FAILING, f"its rollout is failing: {_words(stuck)}"
    updated, pods = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
    going = _condition(status, "Progressing", "True")
    # Without a deadline for progress there is no such condition.
    if updated == pods if going is None else going.get("reason") == "NewReplicaSetAvailable":
        return RolloutState.COMPLETE, ""
    wanted = replicas_of(deployment)
    return (
        RolloutState.UNDER_WAY,
        f"a rollout is under way: {updated} of {wanted} pods are of the new revision",
    )


def _condition(status: Mapping[str, Any], kind: str, value: str) -> Mapping[str, Any] | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind and condition.get("status") == value:
            found: Mapping[str, Any] = condition
            return found
    return None


def _words(condition: Mapping[str, Any]) -> str:
    return one_line(condition.get("message") or condition.get("reason") or "", limit=200)
