"""The public repository's workflows call what is there, and nothing that somebody could change under them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

REPOSITORY: Final = Path(__file__).parent.parent.parent
WORKFLOWS: Final = sorted((REPOSITORY / ".github" / "workflows").glob("*.yaml"))


def _steps(workflow: Path) -> list[dict[str, Any]]:
    content = YAML(typ="safe", pure=True).load(workflow.read_text("utf-8"))
    return [step for job in content["jobs"].values() for step in job["steps"]]


def test_there_are_workflows_for_changes_audits_and_releases() -> None:
    """None of the three is lost."""
    assert {path.stem for path in WORKFLOWS} >= {"ci", "audit", "release"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: str(path.stem))
def test_every_action_is_pinned_by_its_commit(workflow: Path) -> None:
    """A tag can be moved, a commit cannot; the version stands beside it for people and for Dependabot."""
    for line in workflow.read_text("utf-8").splitlines():
        if "uses:" in line:
            assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: str(path.stem))
def test_every_target_of_make_that_is_called_exists(workflow: Path) -> None:
    """A renamed target fails here and not in the next pull request."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE))
    for step in _steps(workflow):
        for target in re.findall(r"\bmake ([a-z0-9-]+)", step.get("run", "")):
            assert target in targets


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: str(path.stem))
def test_no_workflow_may_more_than_it_needs(workflow: Path) -> None:
    """Jobs read unless they say otherwise, keep no credentials, end in time, and run no foreign input."""
    content = YAML(typ="safe", pure=True).load(workflow.read_text("utf-8"))
    assert content["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in content["jobs"].values())
    for step in _steps(workflow):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", ""), (
            "an expression in a script is replaced before the shell reads it"
        )
