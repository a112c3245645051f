"""Moving an alias of the model registry: compared by looking, since MLflow has no lock, and marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.calls import MARK
from bot.domain.errors import Ambiguous, Conflict, LightshipError, NotFound
from bot.domain.outside_text import one_line
from bot.remediations.editing import shown_value
from bot.remediations.outcomes import MLFLOW, Applied, applied, cannot_tell, changed, not_done, refused

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.domain.remedies import Call
    from bot.ports.readers import ModelReader
    from bot.ports.writers import ModelWriter


async def apply(grant: Grant, call: Call, *, models: ModelReader, writer: ModelWriter) -> Applied:
    """Move the alias as granted, if it is where the plan saw it."""
    try:
        await writer.set_alias(grant)
    except Conflict:
        return await _look(grant, call, models, sure=True)
    except Ambiguous as error:
        return cannot_tell(grant, one_line(error))
    except LightshipError as error:
        return refused(error, mend=MLFLOW)
    return applied(grant)


async def recover(grant: Grant, call: Call, *, models: ModelReader) -> Applied:
    """Whether the alias was moved: by the mark on the version, else by where the alias is."""
    return await _look(grant, call, models, sure=False)


async def _look(grant: Grant, call: Call, models: ModelReader, *, sure: bool) -> Applied:
    """`sure` says that nothing was done by this call."""
    (edit,) = call.edits
    alias, before, after = edit.path[-1], shown_value(edit.before), shown_value(edit.after)
    try:
        wanted = await models.version(name=call.name, version=after)
        now = (await models.version_by_alias(name=call.name, alias=alias)).version
    except NotFound:
        return (
            changed(grant, f"version {after} or the alias {alias} is gone")
            if sure
            else cannot_tell(grant, "it is gone")
        )
    except LightshipError as error:
        return cannot_tell(grant, f"it cannot be looked at: {one_line(error)}")
    if wanted.tags.get(MARK) == grant.approval_id or now == after:
        return applied(
            grant, since="" if now == after else f"; since then {alias} was moved to version {now}"
        )
    if sure:
        return changed(grant, f"{alias} is version {now} now, not {before}")
    if now == before:
        return not_done(grant, f"{alias} is still version {now}")
    return cannot_tell(grant, f"{alias} is version {now} now, moved by somebody else")
