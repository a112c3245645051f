"""What the documentation tells people to type is right: each command, each file, each metric."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Final

import click
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from bot import telemetry
from bot.cli import lightship
from bot.cli.checking import review_configuration
from bot.settings import Settings
from bot.settings.models import ServiceSettings
from tests.documentation.pages import REPOSITORY, Block, blocks, commands, pages

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATIONS: Final = set(Settings.model_fields)
SERVICES: Final = set(ServiceSettings.model_fields)
MINIMAL: Final = {
    "services": {"shop": {"channel": "C0SHOP", "match": ['service="shop"'], "approvers": ["S0ONCALL"]}}
}
OTHER_PROGRAMS: Final = {"export", "curl", "pg_dump", "kubectl", "sqlite3", "psql", "pipx", "pip", "python"}
"""Programs of others: that a page names one of these is all that is looked at here."""


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_every_command_can_be_called_as_it_stands(block: Block) -> None:
    """Lightship's words and options exist, and make's targets do too."""
    told = commands(block)
    assert told
    for words in told:
        program, *rest = words
        if program.removeprefix(".venv/bin/") == "lightship":
            _parse(lightship, [word for word in rest if "…" not in word])
        elif program == "make":
            assert _targets() >= {word for word in rest if "=" not in word}, words
        else:
            assert program in OTHER_PROGRAMS, f"no test knows the program {program}"


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_every_file_is_taken_as_it_stands(block: Block, tmp_path: Path) -> None:
    """`lightship check` finds nothing in a configuration, a runbook or a rehearsal of the documentation."""
    content = YAML(typ="safe", pure=True).load(block.text)
    if {"receivers", "groups", "apiVersion", "scrape_configs"} & content.keys():
        return  # of other programs; their own tools read the shipped ones in the end-to-end tests
    config = tmp_path / "lightship.yaml"
    if content.keys() <= SERVICES:
        _write(config, {"services": {"shop": {**MINIMAL["services"]["shop"], **content}}})
    elif content.keys() <= CONFIGURATIONS:
        services = content.get("services", MINIMAL["services"])
        least = MINIMAL["services"]["shop"]
        whole = {name: {**least, **given} for name, given in services.items()}
        _write(config, {**content, "services": whole})
    else:
        folder = "rehearsals" if "world" in content else "."
        shutil.copytree(REPOSITORY / "runbooks", tmp_path / "runbooks")
        (tmp_path / "runbooks" / folder / "of-the-page.yaml").write_text(block.text, "utf-8")
        if "world" in content:  # of a runbook that the page may have shown before
            for number, one in enumerate(_runbooks_of(block.page)):
                (tmp_path / "runbooks" / f"before-{number}.yaml").write_text(one, "utf-8")
        _write(config, _configuration_of(block))
    review = review_configuration(config, {})
    assert [str(fault) for fault in review.faults] == []


def test_the_files_of_the_tutorial_are_a_whole_whose_rehearsal_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its place, as their first lines say: `check` finds nothing, and `rehearse` plays them."""
    for block in blocks("yaml"):
        place = block.text.partition("\n")[0].removeprefix("# ")
        if block.page.name == "tutorial.md" and place != "alertmanager.yml":
            (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / place).write_text(block.text, "utf-8")
    monkeypatch.chdir(tmp_path)
    checked = CliRunner().invoke(lightship, ["check"])
    assert checked.output == "All is right: 1 service, 1 runbook, 1 rehearsal.\n"
    rehearsed = CliRunner().invoke(lightship, ["rehearse"])
    assert rehearsed.exit_code == 0, rehearsed.output
    assert "ok  shop-slow" in rehearsed.output


@pytest.mark.parametrize("page", ["README.md", "runbooks/README.md"])
def test_the_ten_lines_of_a_readme_are_a_rehearsal_that_passes(page: str, tmp_path: Path) -> None:
    """Beside the shipped runbooks, as whoever copies them has them."""
    (block,) = [one for one in blocks("yaml") if one.page == REPOSITORY / page and "\nexpect:" in one.text]
    assert len(block.text.splitlines()) == 10
    shutil.copytree(REPOSITORY / "runbooks", tmp_path / "runbooks")
    file = tmp_path / "runbooks" / "rehearsals" / "of-the-page.yaml"
    file.write_text(block.text, "utf-8")
    config = tmp_path / "lightship.yaml"
    shutil.copy(REPOSITORY / "lightship.yaml", config)
    played = CliRunner().invoke(lightship, ["rehearse", "--config", str(config), str(file)])
    assert played.exit_code == 0, played.output
    assert "ok  traffic-doubles" in played.output


def test_every_metric_that_is_named_exists() -> None:
    """A name that begins with `lightship_` and stands in code type is one of the bot's metrics."""
    known = {
        sample
        for family in telemetry.REGISTRY.collect()
        for sample in (family.name, f"{family.name}_total", f"{family.name}_bucket", f"{family.name}_count")
    }
    for page in pages():
        for name in re.findall(r"`(lightship_[a-z_]+)", page.read_text("utf-8")):
            assert name in known, f"{page.relative_to(REPOSITORY)} names {name}"


def test_every_file_of_the_repository_that_is_named_is_there() -> None:
    """A path in code type below one of the repository's folders exists; so do links between pages."""
    for page in pages():
        text = page.read_text("utf-8")
        named = re.findall(r"`((?:bot|docs|examples|handlers|k8s|runbooks|tests)/[^\s`*…{}<>]*)`", text)
        linked = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
        for path in named:
            assert (REPOSITORY / path.partition("::")[0]).exists(), (
                f"{page.relative_to(REPOSITORY)} names {path}"
            )
        for path in linked:
            target = page.parent / path
            assert target.exists() or _is_generated(target), f"{page.relative_to(REPOSITORY)} links to {path}"


def _parse(command: click.Command, words: list[str]) -> None:
    """Raise what click raises where a word or an option does not exist; nothing is run."""
    context = click.Context(command, info_name=command.name)
    if isinstance(command, click.Group):
        name, inner, rest = command.resolve_command(context, words)
        assert inner is not None, name
        _parse(inner, rest)
        return
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    assert not rest, f"{command.name} does not take {rest}"
    for parameter in command.params:
        value = values.get(parameter.name or "")
        if isinstance(parameter.type, click.Choice) and isinstance(value, str):
            parameter.type.convert(value, parameter, context)
        assert not (parameter.required and value is None), f"{command.name} needs {parameter.name}"


def _targets() -> set[str]:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))


def _is_generated(target: Path) -> bool:
    return f"docs/reference/{target.name}" in (REPOSITORY / ".gitignore").read_text("utf-8")


def _configuration_of(block: Block) -> dict[str, object]:
    """That of the page itself, where it shows one for its runbooks; else the shipped one."""
    yaml = YAML(typ="safe", pure=True)
    told = [yaml.load(one.text) for one in blocks("yaml") if one.page == block.page]
    own = next((one for one in told if "services" in one), None)
    shipped = yaml.load((REPOSITORY / "lightship.yaml").read_text("utf-8"))
    if own is None:
        return dict(shipped)
    services = {**shipped["services"], **own["services"]}
    return {**shipped, "services": services}


def _runbooks_of(page: Path) -> list[str]:
    yaml = YAML(typ="safe", pure=True)
    return [one.text for one in blocks("yaml") if one.page == page and "steps" in yaml.load(one.text)]


def _write(path: Path, content: dict[str, object]) -> None:
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(content, file)
