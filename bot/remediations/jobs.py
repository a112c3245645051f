"""Jobs that an approval makes of a CronJob: made once, found again by their name, watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.calls import job_name, made_for
from bot.domain.errors import Ambiguous, Conflict, LightshipError, NotFound
from bot.domain.outside_text import one_line
from bot.ports.readers import Resource
from bot.remediations.deployments import RolloutProgress
from bot.remediations.outcomes import Applied, ApplyState, applied, cannot_tell, not_done, refused

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.domain.remedies import Call
    from bot.ports.readers import ClusterReader, KubeObject
    from bot.ports.writers import ClusterWriter

_MESSAGE: Final = 200
_TRIES: Final = 3
_NOT_THERE: Final = "there is no Job {name}; it was never made, or it was removed since"


async def apply(grant: Grant, call: Call, *, reader: ClusterReader, writer: ClusterWriter) -> Applied:
    """Create the Job as granted. Its name is the approval's, so that a repeat is a conflict with itself.

    After a lost answer it is repeated at once: while this goes on nothing removes the Job unseen.
    """
    lost = ""
    for _ in range(_TRIES):
        try:
            await writer.create(grant)
        except Conflict:
            name = job_name(call, grant.approval_id)
            return await _look(grant, call, reader) or cannot_tell(grant, _NOT_THERE.format(name=name))
        except Ambiguous as error:
            lost = one_line(error)
        except LightshipError as error:
            return cannot_tell(grant, f"{lost}, and then: {one_line(error)}") if lost else refused(error)
        else:
            return applied(grant)
    return cannot_tell(grant, lost)


async def recover(grant: Grant, call: Call, *, reader: ClusterReader, repeatable: bool) -> Applied:
    """Whether the Job is there, or was.

    One that is not may have run and been removed. While it is `repeatable`, so soon after acting began that
    the cluster still has the events of all that was done, their absence says that no pod of it was ever made;
    later, or where they cannot be read, that cannot be told.
    """
    seen = await _look(grant, call, reader)
    if seen is not None:
        return seen
    name = job_name(call, grant.approval_id)
    if not repeatable:
        return cannot_tell(grant, _NOT_THERE.format(name=name))
    try:
        told = await reader.list(
            Resource.EVENTS,
            namespace=grant.plan.target.namespace,
            fields=f"involvedObject.kind=Job,involvedObject.name={name}",
        )
    except LightshipError as error:
        return cannot_tell(grant, f"{_NOT_THERE.format(name=name)}; its events: {one_line(error)}")
    if told:
        return cannot_tell(grant, f"Job {name} was made, and somebody removed it since")
    return not_done(grant, f"there is no Job {name}, and no event tells of one")


async def _look(grant: Grant, call: Call, reader: ClusterReader) -> Applied | None:
    """What the Job of that name says; None where there is none."""
    try:
        job = await read_job(grant, call, reader)
    except NotFound:
        return None
    except LightshipError as error:
        return cannot_tell(grant, f"it cannot be looked at: {one_line(error)}")
    if made_for(job) == grant.approval_id:
        return applied(grant)
    name = job_name(call, grant.approval_id)
    return Applied(
        state=ApplyState.NOT_APPLIED,
        sentence=f"nothing was done: a Job {name} is there that Lightship did not make",
    )


async def read_job(grant: Grant, call: Call, reader: ClusterReader) -> KubeObject:
    """The Job of an approval, by the right that planning has proved. Raises what the reader raises."""
    name = job_name(call, grant.approval_id)
    found = await reader.list(
        Resource.JOBS, namespace=grant.plan.target.namespace, fields=f"metadata.name={name}"
    )
    if not found:
        raise NotFound(f'jobs "{name}" not found')
    return found[0]


def job_progress(job: KubeObject) -> RolloutProgress:
    """How far a Job is: complete, failed, or what its pods do."""
    spec, status = job.get("spec") or {}, job.get("status") or {}
    wanted, done = int(spec.get("completions") or 1), int(status.get("succeeded") or 0)

    def at(reason: str, *, done_: bool = False, failed: bool = False) -> RolloutProgress:
        return RolloutProgress(ready=done, desired=wanted, done=done_, failed=failed, reason=reason)

    conditions = {
        one.get("type"): one for one in status.get("conditions") or () if one.get("status") == "True"
    }
    if "Complete" in conditions:
        return at("the Job is complete", done_=True)
    if "Failed" in conditions:
        why = one_line(
            conditions["Failed"].get("message") or conditions["Failed"].get("reason"), limit=_MESSAGE
        )
        return at(f"the Job failed: {why}", failed=True)
    active, failed = int(status.get("active") or 0), int(status.get("failed") or 0)
    tries = f", {failed} failed" if failed else ""
    return at(
        f"{active} pod{'' if active == 1 else 's'} running, {done} of {wanted} done{tries}"
        if active
        else f"no pod runs yet{tries}"
    )
