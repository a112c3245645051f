from __future__ import annotations

import pytest

from bot.checks.connectivity import FACTS, is_database
from bot.checks.targets import CheckTarget
from bot.domain.findings import Verdict
from bot.domain.services import ProbeTarget, Way
from bot.rehearsal.faults import Fault
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.checks.looking import look

DB = ProbeTarget(name="customers", way=Way.TCP, address="db.internal:5432")
API = ProbeTarget(name="features", way=Way.HTTP, address="http://features/health?key=1", expect=204)
NAME = ProbeTarget(name="registry", way=Way.DNS, address="mlflow.internal")
TARGET = CheckTarget(service="churn", connectivity=(DB, API, NAME))


@pytest.fixture
def world() -> World:
    """A world in which all can be reached."""
    made = World(FrozenClock(), SequentialIds())
    made.network.answer(API.address, 204)
    return made


async def test_all_is_well(world: World) -> None:
    """Everything answers: one line, a row each with how and how long."""
    finding = await look("connectivity", world, TARGET)
    assert finding.verdict is Verdict.OK
    assert finding.summary == "all 3 targets can be reached"
    assert set(finding.facts) == set(FACTS)
    assert finding.facts["database_failed"] is False
    assert finding.table is not None
    assert finding.table.rows[0] == ("customers", "tcp db.internal:5432", "connected", "3 ms")
    assert finding.table.rows[1][1] == "http http://features/health"


async def test_what_cannot_be_reached_is_named(world: World) -> None:
    """A database that is gone fails the check, with its name, the reason and the fact that it is one."""
    world.network.take_down(DB.address)
    finding = await look("connectivity", world, TARGET)
    assert finding.verdict is Verdict.FAIL
    assert finding.summary == "1 of 3 cannot be reached: customers (connection refused)"
    assert (finding.facts["failed"], finding.facts["targets_failed"]) == (1, ("customers",))
    assert finding.facts["database_failed"] is True
    assert finding.table is not None
    assert finding.table.rows[0][0] == "customers"


async def test_another_status_than_expected_fails(world: World) -> None:
    """An HTTP target that answers something else has failed, and both are told."""
    world.network.answer(API.address, 503)
    finding = await look("connectivity", world, TARGET)
    assert finding.summary == "1 of 3 cannot be reached: features (it answers 503, not 204)"
    assert finding.facts["database_failed"] is False


async def test_one_that_hangs_ends_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe that never comes back is told as that; the others are told as ever."""
    monkeypatch.setattr("bot.checks.connectivity._ANSWER_WITHIN", 0.05)
    world.faults.switch_on("network.probe.tcp", Fault.HANG)
    finding = await look("connectivity", world, TARGET)
    assert finding.summary == "1 of 3 cannot be reached: customers (no answer in time)"


async def test_without_targets_it_says_what_to_set(world: World) -> None:
    """A service that declares nothing gets the name of the setting, and no "ok"."""
    finding = await look("connectivity", world, CheckTarget(service="churn"))
    assert finding.verdict is Verdict.UNKNOWN
    assert "set `connectivity`" in finding.reason


@pytest.mark.parametrize(
    ("name", "way", "address", "expected"),
    [
        ("customers", Way.TCP, "db:5432", True),
        ("Customer database", Way.DNS, "x", True),
        ("churn-db", Way.TCP, "x:1", True),
        ("redis cache", Way.TCP, "x:1", True),
        ("features", Way.HTTP, "http://x:5432", False),
        ("feedback", Way.TCP, "x:80", False),
    ],
)
def test_what_counts_as_a_database(name: str, way: Way, address: str, expected: bool) -> None:
    """A database is known by a word in its name or by the port of its connections."""
    assert is_database(ProbeTarget(name=name, way=way, address=address)) is expected
