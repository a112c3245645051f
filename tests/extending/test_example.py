"""The package of `examples/extension`, installed beside Lightship: it is part of all that lists words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.extending.conftest import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.extending.conftest import Told

CONFIG = str(EXAMPLE / "lightship.yaml")
WORDS = """
import json
import re
from pathlib import Path
from bot.extensions import install
install()
from bot.cli.granting import roles_text
from bot.cli.schemas import schema_of
from bot.bootstrap.services import watched_services
from bot.settings import load_settings
from docs.reference_pages import checks_page
from handlers.action_words import read_action, ACTION_WORDS
from handlers.check_words import read_arguments
from handlers.command_words import WORDS, read_command
settings = load_settings(Path("examples/extension/lightship.yaml"), {}).settings
runbook = schema_of("runbook")["$defs"]
print(json.dumps({
    "usages": {one.word: one.usage for one in WORDS},
    "asked": [read_command("batches --many 5").word.word, read_arguments("batches", ("--many", "5"))],
    "wished": read_action(ACTION_WORDS["pause-training"], ("the", "batches", "first")),
    "checks": runbook["CheckCall"]["properties"]["name"]["enum"],
    "actions": runbook["RemediationFile"]["properties"]["action"]["enum"],
    "config": schema_of("config")["$defs"]["Action"]["enum"],
    "rbac": roles_text(settings, watched_services(settings), account=("lightship", "lightship")),
    "page": checks_page().partition("## `batches`")[2].partition("## ")[0],
}))
"""


@pytest.mark.usefixtures("example")
def test_its_words_are_everywhere(python: Callable[..., Told[str]]) -> None:
    """Schemas, slash words, Roles and the reference have its check and its remediation."""
    done = python("-c", WORDS)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told["usages"]["batches"] == "batches [--many VALUE]"
    assert told["usages"]["pause-training"] == "pause-training [REASON]"
    assert told["asked"] == ["batches", {"many": "5"}]
    assert told["wished"] == [{}, "the batches first"]
    assert "batches" in told["checks"]
    assert "pods" in told["checks"]
    assert "pause-training" in told["actions"]
    assert "pause-training" in told["config"]
    (cron_jobs,) = re.findall(r"# (.*)\n.*\n.*cronjobs.*\n    verbs: (.*)", told["rbac"])
    assert cron_jobs == (
        "checks failures, jobs, retraining; remediations pause-training, retrain, run",
        '["get", "patch"]',
    )
    assert "oldest_minutes" in told["page"]


@pytest.mark.usefixtures("example")
def test_its_runbook_is_right(lightship: Callable[..., Told[str]]) -> None:
    """With the package all of its words are known."""
    assert lightship("check", "--config", CONFIG).stdout == (
        "All is right: 1 service, 1 runbook, 2 rehearsals.\n"
    )


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("example")
def test_its_rehearsal_passes(lightship: Callable[..., Told[str]]) -> None:
    """The whole bot: its check speaks for the cause, its remediation is approved, done and seen to hold."""
    played = lightship("rehearse", "--config", CONFIG)
    assert "all as they should." in played.stdout, played.stdout


@pytest.mark.usefixtures("example")
def test_a_typo_in_one_of_its_words_is_named(lightship: Callable[..., Told[str]], tmp_path: Path) -> None:
    """Its facts, its arguments and its action's name are held against what it declares."""
    runbook = (EXAMPLE / "runbooks" / "batches-wait.yaml").read_text(encoding="utf-8")
    wrong = runbook.replace("{many: 50}", "{meny: 50}").replace(
        "action: pause-training", "action: pause-trainin"
    )
    wrong = wrong.replace("when: findings.batches.waiting >", "when: findings.batches.wating >")
    (tmp_path / "wrong.yaml").write_text(wrong, encoding="utf-8")
    told = lightship("check", str(tmp_path / "wrong.yaml")).stdout
    assert "the check `batches` takes no argument `meny`; did you mean `many`?" in told
    assert "the check `batches` finds no `wating`; did you mean `waiting`?" in told
    assert "unknown action `pause-trainin`; did you mean `pause-training`?" in told


@pytest.mark.usefixtures("example")
def test_it_is_listed_with_its_package(lightship: Callable[..., Told[str]]) -> None:
    """`lightship extensions` says what there is, and from where."""
    done = lightship("extensions", "--json")
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"kind": "check", "name": "batches", "package": "lightship-batches 1.0", "broken": ""},
        {"kind": "remediation", "name": "pause-training", "package": "lightship-batches 1.0", "broken": ""},
    ]


def test_without_it_its_runbook_is_not_right(lightship: Callable[..., Told[str]]) -> None:
    """Nothing of the package is known where it is not installed."""
    told = lightship("check", "--config", CONFIG).stdout
    assert "unknown check `batches`" in told
    assert "unknown action `pause-training`" in told
