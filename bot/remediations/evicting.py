"""Evicting one pod, by its uid: another pod of its name is never meant, so a repeat does nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.errors import Ambiguous, Conflict, LightshipError, NotFound, Protected
from bot.domain.outside_text import one_line
from bot.remediations.deployments import uid_of
from bot.remediations.objects import read_edited
from bot.remediations.outcomes import Applied, ApplyState, applied, cannot_tell, not_done, refused

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.domain.remedies import Call
    from bot.ports.readers import ClusterReader
    from bot.ports.writers import ClusterWriter


async def apply(grant: Grant, call: Call, *, reader: ClusterReader, writer: ClusterWriter) -> Applied:
    """Evict as granted."""
    try:
        await writer.evict(grant)
    except (Conflict, NotFound):
        return await recover(grant, call, reader=reader)
    except Protected as error:
        sentence = f"nothing was done: a PodDisruptionBudget allows no disruption now: {one_line(error)}"
        return Applied(state=ApplyState.NOT_APPLIED, sentence=sentence)
    except Ambiguous as error:
        return cannot_tell(grant, one_line(error))
    except LightshipError as error:
        return refused(error)
    return applied(grant)


async def recover(grant: Grant, call: Call, *, reader: ClusterReader) -> Applied:
    """Whether that very pod is gone or on its way; whoever did it, nothing is left to do."""
    try:
        pod = await read_edited(call, grant.plan.target, reader)
    except NotFound:
        return applied(grant)
    except LightshipError as error:
        return cannot_tell(grant, f"it cannot be looked at: {one_line(error)}")
    if uid_of(pod) != grant.plan.observed["uid"] or pod["metadata"].get("deletionTimestamp"):
        return applied(grant)
    return not_done(grant, "it is still there")
