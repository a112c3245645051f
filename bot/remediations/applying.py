"""Applying a granted plan, and looking after a crash whether it was: by the kind of its call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.remedies import CallKind
from bot.remediations import aliasing, editing, evicting, jobs
from bot.remediations.outcomes import Applied, cannot_tell, changed

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.ports.readers import Readers
    from bot.ports.writers import Writers

_OLDER: Final = "an older version of Lightship planned it"


async def apply(grant: Grant, *, readers: Readers, writers: Writers) -> Applied:
    """Do what was granted, at most once however often it is called with the same grant."""
    call, reader, writer = grant.plan.call, readers.cluster, writers.cluster
    if call is None:
        return changed(grant, _OLDER)
    match call.kind:
        case CallKind.EDIT:
            return await editing.apply(grant, call, reader=reader, writer=writer)
        case CallKind.CREATE:
            return await jobs.apply(grant, call, reader=reader, writer=writer)
        case CallKind.EVICT:
            return await evicting.apply(grant, call, reader=reader, writer=writer)
        case CallKind.ALIAS:
            return await aliasing.apply(grant, call, models=readers.models, writer=writers.models)


async def recover(grant: Grant, *, readers: Readers, repeatable: bool = False) -> Applied:
    """Whether what was granted was done, by looking at the world alone.

    `repeatable`: acting began so recently that a Job which leaves no trace was never made.
    """
    call, reader = grant.plan.call, readers.cluster
    if call is None:
        return cannot_tell(grant, _OLDER)
    match call.kind:
        case CallKind.EDIT:
            return await editing.recover(grant, call, reader=reader)
        case CallKind.CREATE:
            return await jobs.recover(grant, call, reader=reader, repeatable=repeatable)
        case CallKind.EVICT:
            return await evicting.recover(grant, call, reader=reader)
        case CallKind.ALIAS:
            return await aliasing.recover(grant, call, models=readers.models)
