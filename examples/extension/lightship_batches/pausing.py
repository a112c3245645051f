"""The remediation `pause-training`: the CronJob that trains starts nothing more until that is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.extending import (
    About,
    ActionFacts,
    CallKind,
    Change,
    RefusalReason,
    Refused,
    Remediation,
    Resource,
    TakenBack,
    edit_call,
    make_plan,
    read_target,
    try_edit,
)

if TYPE_CHECKING:
    from bot.extending import Asking, KubeObject, Plan

SUSPEND = ("spec", "suspend")


async def plan(asking: Asking) -> Plan:
    """Refuse where there is nothing to pause; else the one field that is set, dry-run on the live object."""
    target = asking.request.target

    async def read() -> KubeObject:
        return await read_target(asking, Resource.CRON_JOBS, target.name)

    if (await read())["spec"].get("suspend"):
        raise Refused(RefusalReason.NO_CHANGE, f"{target} is paused already.")
    tried = await try_edit(asking, read, lambda found: edit_call(found, "cronjobs", {SUSPEND: True}))
    return make_plan(
        asking,
        tried,
        changes=(Change(field="suspend", before="false", after="true"),),
        verification=f"{target} is suspended",
        undo="the CronJob starts its Jobs again",
        notes=("a training that runs now goes on",),
    )


PAUSE = Remediation(
    name="pause-training",
    facts=ActionFacts(
        title="Pause the training", done="paused", taken_back=TakenBack.RESTORED, about=About.CRON_JOB
    ),
    plan=plan,
    may=((CallKind.EDIT, "cronjobs", "", (SUSPEND,)),),
    rights=(Resource.CRON_JOBS.right("get"), Resource.CRON_JOBS.right("patch")),
)
