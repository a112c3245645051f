"""Failure modes on their whole way, from the webhook to the message: the bot around a world where it is true.

The files of `told/` are rehearsals without a runbook: what is told needs no line of YAML. The same modes are
planted in a real cluster by the end-to-end tests.
"""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from bot.adapters.runbook_files import ACTIONS
from bot.playing.reporting import failure
from bot.playing.together import bill_of, play_all
from bot.rehearsal.scenarios.knowing import knowledge_of
from bot.rehearsal.scenarios.loading import Scenario, load_scenarios
from bot.settings import load_settings

CONFIG = Path(__file__).parent / "told" / "lightship.yaml"
LOADED = load_settings(CONFIG, {})
SCENARIOS = load_scenarios(LOADED.runbook_folders, knowledge_of((), LOADED.settings, actions=ACTIONS))


def test_all_of_them_are_right() -> None:
    """A world that contradicts itself would prove nothing."""
    assert [str(fault) for fault in SCENARIOS.faults] == []
    assert len(SCENARIOS.scenarios) == 7


@pytest.mark.parametrize("scenario", SCENARIOS.scenarios, ids=lambda scenario: scenario.name)
def test_the_incident_names_it_first(scenario: Scenario) -> None:
    """With the object, the field and the value to mend; of a healthy service nothing is made up."""
    (played,) = play_all(bill_of([scenario], config=CONFIG, environ={}, runbooks=()))
    assert played.passed, click.unstyle(failure(played))
