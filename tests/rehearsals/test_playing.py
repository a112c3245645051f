"""Rehearsals as they are played and told: the shipped ones pass, and a failing one says why.

After a wanted change of what is shown: `LIGHTSHIP_TEST_WRITE_GOLDEN=1` writes the golden texts anew.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import click
import pytest
from click.testing import CliRunner

from bot.adapters.runbook_files import ACTIONS, load_runbooks
from bot.cli import lightship
from bot.playing.reporting import as_object, failure, junit_xml, table
from bot.playing.together import bill_of, play_all
from bot.rehearsal.scenarios.knowing import knowledge_of
from bot.rehearsal.scenarios.loading import load_scenarios, rehearsals_of
from bot.settings import load_settings

if TYPE_CHECKING:
    from bot.playing.reporting import Played

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHOP = HERE / "shop"


def played(folder: Path, *, only: str = "", at_once: int = 1) -> tuple[Played, ...]:
    """Play the rehearsals beside a configuration, or those whose name begins so."""
    config = folder / "lightship.yaml"
    configured = load_settings(config, {})
    runbooks = load_runbooks(configured.runbook_folders).runbooks
    knowledge = knowledge_of(runbooks, configured.settings, actions=ACTIONS)
    loaded = load_scenarios(configured.runbook_folders, knowledge)
    assert [str(fault) for fault in loaded.faults] == []
    chosen = [one for one in loaded.scenarios if one.name.startswith(only)]
    bill = bill_of(chosen, config=config, environ={}, runbooks=runbooks)
    return play_all(replace(bill, timer=lambda: 0.0), at_once=at_once)


@pytest.fixture(scope="module")
def shop() -> tuple[Played, ...]:
    """A rehearsal that passes and one that fails."""
    return played(SHOP)


def same_as_golden(name: str, told: str) -> bool:
    """Whether that is what the golden file holds."""
    golden = HERE / name
    if os.environ.get("LIGHTSHIP_TEST_WRITE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")
    return told == golden.read_text(encoding="utf-8")


@pytest.mark.timeout(900)  # seconds on a quiet machine; what it says does not depend on how busy this one is
def test_every_shipped_rehearsal_passes() -> None:
    """In all of them; each runbook has one where its first cause is true, and one where another is."""
    results = played(ROOT)
    assert [click.unstyle(failure(one)) for one in results if not one.passed] == []
    for runbook in load_runbooks([ROOT / "runbooks"]).runbooks:
        first = runbook.causes[0].name
        of_it = [one.scenario.file.expect for one in results if one.scenario.file.runbook == runbook.name]
        named = {expect.causes[0] for expect in of_it if expect.causes}
        assert first in named, f"no rehearsal of {runbook.name} has its first cause {first}"
        assert named - {first}, f"no rehearsal of {runbook.name} has another cause than {first}"


def test_the_table_names_what_failed(shop: tuple[Played, ...]) -> None:
    """One line a rehearsal, with the first thing that was wrong, and the sum."""
    assert same_as_golden("table.txt", click.unstyle(table(shop, took=0.0)) + "\n")


def test_a_failure_tells_what_was_expected_what_happened_and_the_message(shop: tuple[Played, ...]) -> None:
    """Every expectation that does not hold, the course of events, and what people saw."""
    failed = next(one for one in shop if not one.passed)
    told = click.unstyle(failure(failed)).replace(f"{HERE}/", "")
    assert same_as_golden("failure.txt", told)


def test_playing_it_again_gives_the_same(shop: tuple[Played, ...]) -> None:
    """On the virtual clock everything happens at the same times in the same order, on any machine."""
    (again,) = played(SHOP, only="bob")
    first = next(one for one in shop if one.passed)
    assert first.rehearsed is not None
    assert again.rehearsed is not None
    assert first.rehearsed.performance == again.rehearsed.performance


_TOGETHER = """
import pickle, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.rehearsals.test_playing import SHOP, played
from bot.playing.together import can_fork
assert can_fork()
told = [(one.scenario.name, one.rehearsed.performance) for one in played(SHOP, at_once=2)]
Path(sys.argv[2]).write_bytes(pickle.dumps(told))
"""


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_two_at_once_come_to_the_same_in_the_same_order(shop: tuple[Played, ...], tmp_path: Path) -> None:
    """Each in its own process: what happened, message by message, is what happens one after the other."""
    out = tmp_path / "told"
    # A process of its own, because this one may have threads and is not forked then.
    subprocess.run([sys.executable, "-c", _TOGETHER, str(ROOT), str(out)], check=True, timeout=240)
    told = pickle.loads(out.read_bytes())  # noqa: S301 - written by the line before
    assert told == [(one.scenario.name, one.rehearsed and one.rehearsed.performance) for one in shop]


def test_junit_is_read_by_others(shop: tuple[Played, ...]) -> None:
    """A suite with a case for each; the failed one holds its words, and the counts fit."""
    root = ET.fromstring(junit_xml(shop))  # noqa: S314 - written two lines before
    (suite,) = root.findall("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert cases["bob-approves"].get("classname") == "Slow"
    assert cases["bob-approves"].find("failure") is None
    failed = cases["nobody-approves"].find("failure")
    assert failed is not None
    assert "expected P1; P2" in str(failed.get("message"))
    assert "what happened" in str(failed.text)


def test_json_is_for_programs(shop: tuple[Played, ...]) -> None:
    """One object, with every judgement of every rehearsal."""
    made = json.loads(json.dumps(as_object(shop)))
    assert made["passed"] is False
    assert {one["name"]: one["passed"] for one in made["rehearsals"]} == {
        "bob-approves": True,
        "nobody-approves": False,
    }
    assert {"what", "expected", "happened", "held"} == set(made["rehearsals"][0]["judgements"][0])


def test_the_command_ends_with_one_where_a_rehearsal_fails(tmp_path: Path) -> None:
    """The table and the failure are printed, the XML is written, and the exit code says it."""
    xml = tmp_path / "out.xml"
    config, path = SHOP / "lightship.yaml", SHOP / "runbooks/rehearsals/nobody-approves.yaml"
    arguments = ["rehearse", "--config", str(config), "--junit", str(xml), str(path)]
    result = CliRunner().invoke(lightship, arguments)
    assert result.exit_code == 1
    assert "FAIL nobody-approves" in result.output
    assert "1 failed." in result.output
    assert ET.fromstring(xml.read_text()).get("failures") == "1"  # noqa: S314 - our own


def test_the_file_of_a_runbook_means_its_rehearsals() -> None:
    """Those that name it, wherever the runbook is said from; other paths beside it stay what they are."""
    at = ROOT / "runbooks"
    assert sorted(path.name for path in rehearsals_of("APIDown", file=at / "api-down.yaml")) == [
        "down-crash-looping.yaml",
        "down-scaled-to-nothing.yaml",
    ]
    arguments = ["rehearse", "--config", str(SHOP / "lightship.yaml"), str(SHOP / "runbooks/slow.yaml")]
    result = CliRunner().invoke(lightship, arguments)
    assert "2 played" in result.output
    assert "bob-approves" in result.output


def test_a_wrong_rehearsal_is_told_before_anything_is_played(tmp_path: Path) -> None:
    """Faults are printed with their places, and the exit code is one."""
    (tmp_path / "a.yaml").write_text("name: a\ntitle: A\nexpect: {causes: 1}\n")
    arguments = ["rehearse", "--config", str(ROOT / "lightship.yaml"), str(tmp_path / "a.yaml")]
    result = CliRunner().invoke(lightship, arguments)
    assert result.exit_code == 1
    assert "a.yaml:3:18:" in result.output


def test_the_readmes_ten_lines_are_a_rehearsal_that_passes(tmp_path: Path) -> None:
    """The example of `runbooks/README.md` is right, and passes with the shipped configuration."""
    readme = (ROOT / "runbooks" / "README.md").read_text(encoding="utf-8")
    example = readme.partition("## Rehearsals")[2].partition("```yaml\n")[2].partition("```")[0]
    assert len(example.splitlines()) == 10
    shutil.copytree(ROOT / "runbooks", tmp_path / "runbooks", ignore=shutil.ignore_patterns("rehearsals"))
    shutil.copytree(ROOT / "runbooks/rehearsals/worlds", tmp_path / "runbooks/rehearsals/worlds")
    shutil.copy(ROOT / "lightship.yaml", tmp_path)
    (tmp_path / "runbooks" / "rehearsals" / "example.yaml").write_text(example, encoding="utf-8")
    (result,) = played(tmp_path)
    assert result.passed, click.unstyle(failure(result))
