"""The second example, a payment API: configuration, runbooks and rehearsals, and not a line of code."""

from __future__ import annotations

import os
from pathlib import Path

from click.testing import CliRunner

from bot.adapters.runbook_files import load_runbooks
from bot.cli import lightship
from bot.console.demo import demo_commands, demo_workspace
from bot.playing.together import bill_of, play_all
from bot.rehearsal.scenarios.knowing import Knowledge
from bot.rehearsal.scenarios.loading import load_scenarios
from bot.setting_up.rules import rules_of_file
from bot.settings import load_settings

EXAMPLE = Path(__file__).parents[2] / "examples/payments"
CONFIG = EXAMPLE / "lightship.yaml"


def test_it_is_right_and_holds_no_code() -> None:
    """`lightship check` finds nothing; there are only YAML files and a page to read."""
    cleared = dict.fromkeys((name for name in os.environ if name.startswith("LIGHTSHIP_")), None)
    result = CliRunner().invoke(lightship, ["check", "--config", str(CONFIG)], env=cleared)
    assert (result.exit_code, result.stdout) == (0, "All is right: 1 service, 2 runbooks, 4 rehearsals.\n")
    assert {path.suffix for path in EXAMPLE.rglob("*") if path.is_file()} == {".yaml", ".md"}


def test_its_rehearsals_go_as_they_say() -> None:
    """Repairs are done after an approval; where the card provider is the cause, nothing is changed."""
    scenarios = load_scenarios([EXAMPLE / "runbooks"], Knowledge()).scenarios
    runbooks = load_runbooks([EXAMPLE / "runbooks"]).runbooks
    played = play_all(bill_of(scenarios, config=CONFIG, environ={}, runbooks=runbooks))
    assert len(played) == 4
    assert [one.scenario.name for one in played if not one.passed] == []


def test_each_of_its_alert_rules_has_a_runbook() -> None:
    """The rules for Prometheus and the runbooks speak of the same alerts, and of the service."""
    rules, faults = rules_of_file(EXAMPLE / "rules.yaml")
    assert faults == ()
    names = {one.name for one in load_runbooks([EXAMPLE / "runbooks"]).runbooks}
    assert {rule.name for rule in rules} == names
    assert {rule.labels["service"] for rule in rules} == {"payments"}


def test_the_demo_shows_its_channel_and_its_command() -> None:
    """The console has what the configuration names, and nothing of another service."""
    settings = load_settings(CONFIG, {}).settings
    assert settings is not None
    workspace = demo_workspace(settings=settings)
    assert {one.name for one in workspace.channels.values()} == {"payments", "ops"}
    assert [one.name for one in demo_commands(settings=settings)] == ["/payments"]
