"""The public repository's workflows call what is there, and nothing that somebody could change under them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

REPOSITORY: Final = Path(__file__).parent.parent.parent
WORKFLOWS: Final = sorted((REPOSITORY / ".github" / "workflows").glob("*.yaml"))


def _steps(workflow: Path) -> list[dict[str, Any]]:
    content = YAML(typ="safe", pure=True).load(workflow.read_text("utf-8"))
    return [step for job in content["jobs"].values() for step in job.get("steps", ())]


def test_there_are_workflows_for_changes_audits_and_releases() -> None:
    """None of the three is lost."""
    assert {path.stem for path in WORKFLOWS} >= {"ci", "audit", "release"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: str(path.stem))
def test_every_action_is_pinned_by_its_commit(workflow: Path) -> None:
    """A tag can be moved, a commit cannot; the version stands beside it for people and for Dependabot."""
    for line in workflow.read_text("utf-8").splitlines():
        if "uses:" in line and "uses: ./" not in line:
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
    assert all("timeout-minutes" in job for job in content["jobs"].values() if "uses" not in job)
    for step in _steps(workflow):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", ""), (
            "an expression in a script is replaced before the shell reads it"
        )


def test_the_base_is_one_and_pinned_by_its_digest() -> None:
    """The image, the job that runs as its base, and the line that Dependabot reads name the same content."""
    (base,) = re.findall(r"^ARG BASE=(\S+)$", (REPOSITORY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base)
    seen = (REPOSITORY / ".github" / "base" / "Dockerfile").read_text("utf-8")
    assert re.findall(r"^FROM (\S+)$", seen, re.MULTILINE) == [base]
    jobs = YAML(typ="safe", pure=True).load((REPOSITORY / ".github/workflows/ci.yaml").read_text("utf-8"))[
        "jobs"
    ]
    assert {job["container"]["image"] for job in jobs.values() if "container" in job} == {base}


def test_the_pinned_base_is_held_against_what_it_is_called() -> None:
    """The public CI pulls it by the digest and looks that this is the Debian and the Python of its name."""
    (step,) = (
        step for step in _steps(REPOSITORY / ".github/workflows/ci.yaml") if "base" in step.get("name", "")
    )
    for words in ("s/^ARG BASE=//p", "docker pull", "VERSION_CODENAME", "python3 --version"):
        assert words in step["run"]


def test_dependabot_is_told_of_every_folder_that_pins_something() -> None:
    """Each Go module and each Dockerfile whose base can be read is among its directories."""
    content = YAML(typ="safe", pure=True).load((REPOSITORY / ".github" / "dependabot.yml").read_text("utf-8"))
    told: dict[str, set[str]] = {}
    for update in content["updates"]:
        folders = update.get("directories", [update.get("directory")])
        told.setdefault(update["package-ecosystem"], set()).update(folders)
    assert set(told) == {"uv", "github-actions", "docker", "gomod"}
    for ecosystem in ("docker", "gomod"):
        name = {"docker": "Dockerfile", "gomod": "go.mod"}[ecosystem]
        assert all((REPOSITORY / folder.removeprefix("/") / name).is_file() for folder in told[ecosystem])
    found = {f"/{path.parent.relative_to(REPOSITORY)}" for path in REPOSITORY.glob("tests/**/go.mod")}
    found |= {f"/{path.parent.relative_to(REPOSITORY)}" for path in REPOSITORY.glob(".ci/*/go.mod")}
    assert told["gomod"] == found


@pytest.mark.e2e
def test_what_is_not_python_is_linted() -> None:
    """hadolint, shellcheck, actionlint and Dependabot's schema find nothing, and none of them is missing."""
    done = subprocess.run(
        [REPOSITORY / ".ci" / "lint", "--strict"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
