from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.ports.readers import Resource
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.worlds.actions_contract import ActionsContract
from tests.worlds.contract import ClusterContract

if TYPE_CHECKING:
    from bot.ports.readers import KubeObject


class RehearsedWorld:
    """A rehearsal world as the contract wants it."""

    namespace = "churn-mlops"

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.world = World(self.clock, SequentialIds())
        self.reader = self.world.cluster
        self.readers = self.world.readers
        self.planner = self.world.planner
        self.writers = self.world.writers

    async def create(self, manifest: KubeObject) -> None:
        """Add an object."""
        self.world.state.put(manifest)

    async def annotate(self, name: str) -> None:
        """Move a deployment's generation."""
        self.world.state.store.changed(("apps/v1", "Deployment", self.namespace, name), spec=True)

    async def remove_job(self, name: str) -> None:
        """Delete a Job."""
        self.world.state.settle()
        self.world.state.store.remove(("batch/v1", "Job", self.namespace, name))

    async def touch(self, name: str) -> None:
        """Move a deployment's version alone."""
        self.world.state.touch(Resource.DEPLOYMENTS, namespace=self.namespace, name=name)

    async def scale_as_somebody(self, name: str, replicas: int) -> None:
        """Scale past Lightship."""
        self.world.state.scale_as("kubectl", namespace=self.namespace, name=name, replicas=replicas)

    async def edit(self, name: str, spec: KubeObject) -> None:
        """Change a deployment's spec past Lightship."""
        self.world.state.edit_as(
            "kubectl", Resource.DEPLOYMENTS, namespace=self.namespace, name=name, spec=spec
        )

    async def wait(self) -> None:
        """Move the clock on."""
        await self.clock.advance(seconds=timedelta(seconds=1).total_seconds())


@pytest.fixture
def world() -> RehearsedWorld:
    """A fresh one."""
    return RehearsedWorld()


class TestRehearsedActions(ActionsContract):
    """The rehearsal's cluster takes every action as a real one does."""


class TestRehearsalCluster(ClusterContract):
    """The rehearsal's cluster passes the same suite as a real one."""
