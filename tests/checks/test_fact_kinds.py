"""What the checks declare of their facts, against what they find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.adapters.runbook_files import Vocabulary
from bot.bootstrap.services import check_target, watched_services
from bot.checks.registry import CHECKS, run_check
from bot.domain.facts import FactKind
from bot.settings import load_settings
from bot.testing import FrozenClock, SequentialIds
from tests.checks.looking import crashed
from tests.worlds.churn import churn_world

if TYPE_CHECKING:
    from bot.domain.findings import Fact

CONFIGURATION = Path(__file__).parents[2] / "lightship.yaml"


def kind_of(fact: Fact) -> FactKind:
    """The kind of a value that was found."""
    match fact:
        case bool():
            return FactKind.YES_NO
        case int() | float():
            return FactKind.NUMBER
        case str():
            return FactKind.TEXT
        case _:
            return FactKind.TEXTS


@pytest.mark.parametrize("check", sorted(CHECKS))
async def test_every_fact_is_of_the_kind_that_its_check_declares(check: str) -> None:
    """In the demo's world each fact that a check finds is known, and of its declared kind."""
    settings = load_settings(CONFIGURATION, {}).settings
    assert settings is not None
    service = watched_services(settings)["churn"]
    world = churn_world(FrozenClock(), SequentialIds())
    finding = await run_check(
        check,
        target=check_target(service),
        readers=world.readers,
        now=world.clock.now(),
        crashed=crashed,
    )
    found = {name: fact for name, fact in finding.facts.items() if fact is not None}
    known = {name: Vocabulary().fact((check, *name.split("."))) for name in found}
    assert {name: fact and fact.kind for name, fact in known.items()} == {
        name: kind_of(fact) for name, fact in found.items()
    }
