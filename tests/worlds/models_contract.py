"""What every model registry behind the ports must do, real or rehearsed: promote, undo, refuse."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from bot.domain.bounds import Bounds
from bot.domain.calls import MARK
from bot.domain.remedies import Action, Plan, Refusal, RefusalReason
from bot.remediations.applying import apply, recover
from bot.remediations.outcomes import ApplyState
from bot.remediations.watching import progress
from bot.testing import make_grant
from tests.planning import ALIAS, ask, plan_in, undo_of

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.domain.remedies import RemediationRequest
    from bot.ports.planners import ClusterPlanner
    from bot.ports.readers import Readers
    from bot.ports.writers import Writers
    from bot.remediations.outcomes import Applied


class RegistryUnderTest(Protocol):
    """A registry with a model of three versions, whose alias `Production` is at the second."""

    model: str

    @property
    def readers(self) -> Readers:
        """Looks."""
        ...

    @property
    def planner(self) -> ClusterPlanner:
        """Tries; a registry is never asked to."""
        ...

    @property
    def writers(self) -> Writers:
        """Acts."""
        ...

    async def point(self, version: int) -> None:
        """Move the alias past Lightship."""
        ...

    async def evaluate(self, version: int, **metrics: float) -> None:
        """Log a finished run `production_evaluation` of a version, as the pipeline does."""
        ...


class ModelsContract:
    """Give it a fixture `registry` and it tests that registry."""

    async def test_an_alias_moves_once_is_watched_and_put_back(self, registry: RegistryUnderTest) -> None:
        """The plan shows both versions' numbers; a repeat does nothing more; the undo restores what was."""
        plan = await planned(registry, promote(registry, 3))
        assert [(one.field, one.before, one.after) for one in plan.changes] == [
            ("alias Production", "version 2", "version 3")
        ]
        assert "accuracy 0.72 → 0.73" in plan.notes
        grant = make_grant(plan)
        assert (await recover(grant, readers=registry.readers)).state is ApplyState.NOT_APPLIED
        assert [(await act(registry, grant)).state for _ in range(2)] == [ApplyState.APPLIED] * 2
        assert (await progress(grant, readers=registry.readers)).done
        moved = await registry.readers.models.version_by_alias(name=registry.model, alias=ALIAS)
        assert (moved.version, moved.tags[MARK]) == ("3", grant.approval_id)
        back = await planned(registry, undo_of(plan, grant.approval_id), done=plan)
        undo = make_grant(back, approval_id="id-undo")
        assert (await act(registry, undo)).state is ApplyState.APPLIED
        assert (await progress(undo, readers=registry.readers)).done
        assert await version_of(registry) == "2"
        # Put back since, it is still known that it was done.
        assert (await recover(grant, readers=registry.readers)).state is ApplyState.APPLIED

    async def test_the_newest_versions_come_first(self, registry: RegistryUnderTest) -> None:
        """With their aliases and what their runs measured; a model that is not there has none."""
        models = registry.readers.models
        found = await models.versions(name=registry.model)
        told = [(one.version, one.aliases, one.metrics["accuracy"]) for one in found]
        assert told == [("3", (), 0.73), ("2", (ALIAS,), 0.72), ("1", (), 0.71)]
        assert await models.versions(name="nobody's") == ()

    async def test_evaluations_are_of_their_version(self, registry: RegistryUnderTest) -> None:
        """The newest first, those of other versions are not among them; a number that is none is left out."""
        models = registry.readers.models
        assert await models.evaluations(name=registry.model, version="2") == ()
        await registry.evaluate(1, accuracy=0.1)
        await registry.evaluate(2, accuracy=0.8)
        await registry.evaluate(2, accuracy=0.7, f1=0.6)
        found = await models.evaluations(name=registry.model, version="2")
        assert [one.metrics for one in found] == [{"accuracy": 0.7, "f1": 0.6}, {"accuracy": 0.8}]

    async def test_an_older_version_is_said_to_be_one(self, registry: RegistryUnderTest) -> None:
        """Demoting is the same action, with a warning."""
        plan = await planned(registry, promote(registry, 1))
        assert plan.warnings == ("this is an older version than the one in use",)
        assert (await act(registry, make_grant(plan))).state is ApplyState.APPLIED
        assert await version_of(registry) == "1"

    async def test_an_alias_that_was_moved_meanwhile_is_left(self, registry: RegistryUnderTest) -> None:
        """Between plan and action somebody moved it: nothing is done, and the refusal says where it is."""
        grant = make_grant(await planned(registry, promote(registry, 1)))
        await registry.point(3)
        outcome = await act(registry, grant)
        assert outcome.state is ApplyState.OBJECT_CHANGED
        assert "Production is version 3 now, not 2; nothing was done" in outcome.sentence
        assert (await recover(grant, readers=registry.readers)).state is ApplyState.CANNOT_TELL
        assert await version_of(registry) == "3"

    async def test_an_undo_refuses_what_was_moved_since(self, registry: RegistryUnderTest) -> None:
        """What somebody else set after the promotion is not overwritten, and what is so already is said."""
        plan = await planned(registry, promote(registry, 1))
        grant = make_grant(plan)
        await act(registry, grant)
        await registry.point(3)
        refusal = await planning(registry, undo_of(plan, grant.approval_id), done=plan)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is RefusalReason.OBJECT_CHANGED
        assert "it is version 3, Lightship left 1" in refusal.sentence
        await registry.point(2)
        again = await planning(registry, undo_of(plan, grant.approval_id), done=plan)
        assert isinstance(again, Refusal)
        assert again.reason is RefusalReason.NO_CHANGE

    async def test_what_is_no_change_or_not_there_is_refused(self, registry: RegistryUnderTest) -> None:
        """The version in use, one that does not exist, an alias that nobody has set."""
        for version, alias, reason in (
            (2, ALIAS, RefusalReason.NO_CHANGE),
            (99, ALIAS, RefusalReason.TARGET_MISSING),
            (3, "Nobody", RefusalReason.TARGET_MISSING),
        ):
            refusal = await planning(registry, promote(registry, version), alias=alias)
            assert isinstance(refusal, Refusal), refusal
            assert refusal.reason is reason

    async def test_racing_applies_have_one_effect(self, registry: RegistryUnderTest) -> None:
        """Two that apply the same grant at once both say that it was done, and the alias is there."""
        grant = make_grant(await planned(registry, promote(registry, 3)))
        outcomes = await asyncio.gather(*(act(registry, grant) for _ in range(2)))
        assert {one.state for one in outcomes} == {ApplyState.APPLIED}, outcomes
        assert await version_of(registry) == "3"


def promote(registry: RegistryUnderTest, version: int) -> RemediationRequest:
    """Somebody asks for a version."""
    return ask(Action.PROMOTE, "", kind="Model", name=registry.model, version=version)


async def planning(
    registry: RegistryUnderTest, wish: RemediationRequest, *, alias: str = ALIAS, done: Plan | None = None
) -> Plan | Refusal:
    """What planning comes to."""
    bounds = Bounds(model=registry.model, alias=alias)
    return await plan_in(registry, wish, bounds=bounds, done=done)


async def planned(registry: RegistryUnderTest, wish: RemediationRequest, *, done: Plan | None = None) -> Plan:
    """The plan, which must be one."""
    found = await planning(registry, wish, done=done)
    assert isinstance(found, Plan), found
    return found


async def act(registry: RegistryUnderTest, grant: Grant) -> Applied:
    """Apply it."""
    return await apply(grant, readers=registry.readers, writers=registry.writers)


async def version_of(registry: RegistryUnderTest) -> str:
    """The version behind the alias."""
    return (await registry.readers.models.version_by_alias(name=registry.model, alias=ALIAS)).version
