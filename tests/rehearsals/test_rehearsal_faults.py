"""A rehearsal that contradicts itself, as `lightship check` names it; `tests/wrong` has every fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bot.adapters.runbook_files import ACTIONS, load_runbooks
from bot.cli import lightship
from bot.rehearsal.scenarios.knowing import Knowledge, knowledge_of
from bot.rehearsal.scenarios.loading import load_scenarios
from bot.settings import load_settings

if TYPE_CHECKING:
    from bot.domain.faults import Fault

ROOT = Path(__file__).parents[2]
WRONG = ROOT / "tests" / "wrong" / "runbooks" / "rehearsals"


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    """The shipped configuration and runbooks."""
    settings = load_settings(ROOT / "lightship.yaml", {}).settings
    return knowledge_of(load_runbooks([ROOT / "runbooks"]).runbooks, settings, actions=ACTIONS)


def faults_of(text: str, folder: Path, knowledge: Knowledge) -> tuple[Fault, ...]:
    """What is wrong with one rehearsal."""
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return load_scenarios([path], knowledge).faults


def test_check_names_a_wrong_rehearsal_beside_its_runbooks(tmp_path: Path) -> None:
    """`lightship check` of a folder with a configuration names the rehearsal's fault with its place."""
    (tmp_path / "lightship.yaml").write_text((ROOT / "lightship.yaml").read_text())
    rehearsals = tmp_path / "runbooks" / "rehearsals"
    rehearsals.mkdir(parents=True)
    (rehearsals / "a.yaml").write_text("name: a\ntitle: A\nlike: nowhere\n")
    result = CliRunner().invoke(lightship, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert "a.yaml:3:7: there is no world `worlds/nowhere.yaml`" in result.output


def test_a_rehearsal_alone_can_be_checked(tmp_path: Path) -> None:
    """A file with a world is a rehearsal for `lightship check`, not a runbook with unknown keys."""
    (tmp_path / "a.yaml").write_text("name: a\ntitle: A\nworld: {metrics: {x: y}}\n")
    result = CliRunner().invoke(lightship, ["check", str(tmp_path / "a.yaml")])
    assert "a.yaml:3:22: no number is called `y`" in result.output


def test_what_a_base_world_has_need_not_be_said_again(tmp_path: Path, knowledge: Knowledge) -> None:
    """Formulas may name the base's numbers, and its alerts are the rehearsal's."""
    (tmp_path / "worlds").mkdir()
    (tmp_path / "worlds" / "calm.yaml").write_text((WRONG / "worlds" / "calm.yaml").read_text())
    text = "name: a\ntitle: A\nrunbook: HighAPILatency\nlike: calm\n"
    text += "world: {metrics: {p95_latency: request_rate}}\n"
    assert faults_of(text, tmp_path, knowledge) == ()


def test_the_schema_of_a_rehearsal_is_printed() -> None:
    """`lightship schema rehearsal` is a JSON Schema that names the keys people write."""
    result = CliRunner().invoke(lightship, ["schema", "rehearsal"])
    made = json.loads(result.output)
    assert {"name", "like", "begin", "world", "people", "expect"} <= set(made["properties"])
    assert "for" in made["$defs"]["AlertFile"]["properties"]
