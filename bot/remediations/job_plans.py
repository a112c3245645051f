"""A Job from a CronJob's template, at once: `run CRONJOB`, and `retrain` for the CronJob that trains.

The Job belongs to no CronJob, whose history limit would remove the evidence; a label names it instead.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from bot.domain.calls import CRON_JOB_LABEL, JOB_LABELS, canonical, job_name
from bot.domain.outside_text import one_line
from bot.domain.remedies import Action, Call, CallKind, Change, RefusalReason
from bot.ports.readers import Resource
from bot.remediations.jobs import job_progress
from bot.remediations.planning import NEVER_UNDONE, Refused, Tried, make_plan, try_call
from bot.remediations.room import need_of_pods
from bot.remediations.surroundings import Seen, see_room
from bot.remediations.targets import read_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.remedies import Argument, Plan
    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking

KEPT_SECONDS: Final = 7 * 24 * 3600
"""So long a finished Job stays at least, as evidence and against a second run."""

MOST_RETRIES: Final = 1
NEWEST_VERSION: Final = "newest_version"
"""What `Plan.observed` calls the newest version before a retraining: its candidate has a higher number."""

_VERIFIED: Final = {
    Action.RUN: "the Job is complete",
    Action.RETRAIN: (
        "the Job is complete; then the candidate is compared with production, and where it is better"
        " an approval to move the alias is asked for"
    ),
}
_UNTOLD: Final = 4
_LONGEST_LABEL: Final = 63


async def plan_job(asking: Asking) -> Plan:
    """One run of the CronJob, now."""
    target = asking.request.target
    if not target.namespace or not target.name:
        raise Refused(RefusalReason.NOT_CONFIGURED, f"No CronJob is configured for {asking.request.service}.")
    cron_job = await read_target(asking, Resource.CRON_JOBS, target.name)
    seen = Seen()
    _heed_training(asking, seen)
    await _refuse_running(asking, cron_job, seen)
    body = job_of(cron_job)
    template = body["spec"].get("template") or {}
    call = Call(kind=CallKind.CREATE, resource="jobs", name=target.name, body=canonical(body))
    cautions = await try_call(asking, call)
    await see_room(asking, template, need_of_pods(template, int(body["spec"].get("parallelism") or 1)), seen)
    if (cron_job.get("spec") or {}).get("suspend"):
        seen.notes.append("the CronJob is suspended; this runs all the same")
    if _restarts_in_place(cron_job):
        seen.notes.append("its pods are not restarted in place, so that the log of a failed one stays")
    images = [
        one_line(one.get("image"), limit=160) for one in (template.get("spec") or {}).get("containers") or ()
    ]
    return make_plan(
        asking,
        Tried(call=call, found=cron_job, cautions=cautions),
        arguments=asking.request.arguments,
        changes=(
            Change(field="job", before="none", after=f"{job_name(call, 'approval')[: -len('-approval')]}-…"),
        ),
        observed=_newest_version(asking),
        verification=_VERIFIED[asking.request.action],
        undo=f"while it runs it can be cancelled; what it did {NEVER_UNDONE}",
        notes=(f"it runs {', '.join(images)}", *seen.notes),
        warnings=tuple(seen.warnings),
    )


def job_of(cron_job: KubeObject) -> dict[str, Any]:
    """The Job that the CronJob would make, with an end date of its own and at most one more try.

    With the restart policy OnFailure the last pod goes when the Job fails, and its log with it; with Never
    each failed pod stays as long as its Job.
    """
    made = deepcopy((cron_job.get("spec") or {}).get("jobTemplate") or {})
    metadata, spec = made.get("metadata") or {}, made.get("spec") or {}
    name, namespace = cron_job["metadata"]["name"], cron_job["metadata"]["namespace"]
    spec["ttlSecondsAfterFinished"] = max(int(spec.get("ttlSecondsAfterFinished") or 0), KEPT_SECONDS)
    tries = spec.get("backoffLimit")
    spec["backoffLimit"] = MOST_RETRIES if tries is None else min(int(tries), MOST_RETRIES)
    spec.pop("suspend", None)
    if _restarts_in_place(cron_job):
        spec["template"]["spec"]["restartPolicy"] = "Never"
    return {
        "apiVersion": Resource.JOBS.api_version,
        "kind": Resource.JOBS.kind,
        "metadata": {
            "namespace": namespace,
            "labels": {
                **(metadata.get("labels") or {}),
                **JOB_LABELS,
                CRON_JOB_LABEL: name[:_LONGEST_LABEL].rstrip("-."),
            },
            "annotations": {
                **(metadata.get("annotations") or {}),
                "cronjob.kubernetes.io/instantiate": "manual",
            },
        },
        "spec": spec,
    }


def _restarts_in_place(cron_job: KubeObject) -> bool:
    template = ((cron_job.get("spec") or {}).get("jobTemplate") or {}).get("spec") or {}
    pod = (template.get("template") or {}).get("spec") or {}
    return str(pod.get("restartPolicy")) == "OnFailure"


def _heed_training(asking: Asking, seen: Seen) -> None:
    """Refuse where something that was weighed forbids it; else note what speaks for it, what is unknown."""
    decision = asking.training
    if decision is None:
        return
    if decision.forbidding:
        words = "; ".join(one.words for one in decision.forbidding)
        raise Refused(RefusalReason.PRECONDITION, f"Retraining is refused: {words}.")
    seen.notes += [f"for it: {one.words}" for one in decision.speaking]
    if not decision.speaking:
        seen.warnings.append("nothing that is known speaks for a retraining")
        seen.notes += [one.words for one in decision.grounds if one.holds is False]
    seen.notes += [one.words for one in decision.untold[:_UNTOLD]]


def _newest_version(asking: Asking) -> Mapping[str, Argument]:
    newest = asking.training.newest_version if asking.training else None
    return {} if newest is None else {NEWEST_VERSION: newest}


async def _refuse_running(asking: Asking, cron_job: KubeObject, seen: Seen) -> None:
    """Two at once are what `concurrencyPolicy: Forbid` is against; else they are worth a warning."""
    label = f"{CRON_JOB_LABEL}={cron_job['metadata']['name'][:_LONGEST_LABEL].rstrip('-.')}"
    jobs = await asking.readers.cluster.list(
        Resource.JOBS, namespace=asking.request.target.namespace, labels=label
    )
    states = [(one["metadata"]["name"], job_progress(one)) for one in jobs]
    running = [name for name, state in states if not (state.done or state.failed)]
    running += [str(one.get("name")) for one in (cron_job.get("status") or {}).get("active") or ()]
    if not running:
        return
    words = f"Job {one_line(running[0], limit=80)} of this CronJob runs already"
    if (cron_job.get("spec") or {}).get("concurrencyPolicy") == "Forbid":
        raise Refused(RefusalReason.NO_CHANGE, f"{words}, and it forbids a second one.")
    seen.warnings.append(words)
