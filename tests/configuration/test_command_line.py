"""`lightship check` and `lightship schema` as people call them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.adapters.runbook_files import RunbookFile
from bot.cli import COMMANDS, lightship
from bot.documents import read_document
from bot.settings import Settings

ROOT = Path(__file__).parents[2]
WRONG = ROOT / "tests" / "wrong"


def call(*arguments: str, **environ: str) -> Result:
    """The result of one command, with nothing of the bot in the environment but `environ`."""
    cleared = dict.fromkeys((name for name in os.environ if name.startswith("LIGHTSHIP_")), None)
    return CliRunner().invoke(lightship, list(arguments), env={**cleared, **environ})


def test_the_shipped_files_are_right() -> None:
    """`lightship check` with the project's configuration ends with 0 and says what it saw."""
    result = call("check", "--config", str(ROOT / "lightship.yaml"))
    assert (result.exit_code, result.stdout) == (0, "All is right: 2 services, 11 runbooks, 22 rehearsals.\n")


def test_every_fault_is_a_line_and_the_status_is_1() -> None:
    """Configuration and runbook faults come together, each as `file:line:column: message`."""
    result = call("check", str(WRONG / "configurations" / "unknown-keys.yaml"), str(WRONG / "runbooks"))
    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert len(lines) > 40
    for line in lines:
        _, row, column, message = line.split(":", 3)
        assert int(row) >= 1
        assert int(column) >= 1
        assert message.startswith(" ")
    assert f"{len(lines)} faults." in result.stderr


def test_the_environment_is_checked_too() -> None:
    """A wrong variable is a fault of the check."""
    config = str(ROOT / "lightship.yaml")
    result = call("check", "--config", config, LIGHTSHIP_HTTP_PORT="many", LIGHTSHIP_INTAKE__QUEU="3")
    assert result.exit_code == 1
    assert "$LIGHTSHIP_HTTP_PORT:1:1: `many` is not a port" in result.stdout
    assert "did you mean `queue`?" in result.stdout


def test_the_configuration_comes_from_its_variable(tmp_path: Path) -> None:
    """LIGHTSHIP_CONFIG names the file when `--config` does not."""
    result = call("check", LIGHTSHIP_CONFIG=str(tmp_path / "none.yaml"))
    assert result.exit_code == 1
    assert result.stdout.endswith("none.yaml:1:1: there is no such file\n")


def test_a_metric_of_a_runbook_must_be_configured(tmp_path: Path) -> None:
    """A runbook that names a metric which no service configures is a fault of the pair."""
    (tmp_path / "runbooks").mkdir()
    source = (ROOT / "runbooks/high-api-latency.yaml").read_text(encoding="utf-8")
    (tmp_path / "runbooks" / "a.yaml").write_text(source, encoding="utf-8")
    config = (ROOT / "lightship.yaml").read_text(encoding="utf-8").replace("slow_share:", "slowshare:")
    (tmp_path / "lightship.yaml").write_text(config, encoding="utf-8")
    result = call("check", str(tmp_path))
    assert result.exit_code == 1
    assert "no metric `slow_share` is configured; did you mean `slowshare`?" in result.stdout


@pytest.mark.parametrize(("kind", "model"), [("config", Settings), ("runbook", RunbookFile)])
def test_a_schema_is_json_and_knows_every_key(kind: str, model: Any) -> None:
    """The printed schema is of the dialect it names, closed, and has the model's keys."""
    result = call("schema", kind)
    schema = json.loads(result.stdout)
    assert result.exit_code == 0
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(model.model_fields)


SHIPPED = [("config", ROOT / "lightship.yaml")]
SHIPPED += [("runbook", path) for path in sorted((ROOT / "runbooks").glob("*.yaml"))]


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=[path.name for _, path in SHIPPED])
def test_the_schema_allows_every_key_and_kind_of_the_shipped_files(kind: str, path: Path) -> None:
    """Walking a shipped file along the schema meets no key or kind that the schema refuses."""
    schema = json.loads(call("schema", kind).stdout)
    document, _ = read_document(path)
    assert document is not None
    assert complaints(document.value, schema, schema) == []


def complaints(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "") -> list[str]:
    """What a small reading of JSON Schema (references, kinds, keys, entries) says against a value."""
    if "$ref" in schema:
        return complaints(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, where)
    if "anyOf" in schema:
        tried = [complaints(value, option, root, where) for option in schema["anyOf"]]
        return min(tried, key=len)
    kinds = schema.get("type", [])
    allowed = tuple(PYTHON[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
    if allowed and not isinstance(value, allowed):
        return [f"{where}: {value!r} is not {kinds}"]
    found = []
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        found += [f"{where}: {key} is missing" for key in schema.get("required", []) if key not in value]
        for key, inner in value.items():
            below = properties.get(key, others)
            if below is False:
                found.append(f"{where}: {key} is unknown")
            elif isinstance(below, dict):
                found += complaints(inner, below, root, f"{where}.{key}")
    if isinstance(value, list):
        for position, inner in enumerate(value):
            found += complaints(inner, schema.get("items", {}), root, f"{where}.{position}")
    return found


PYTHON: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def test_a_wrong_command_is_answered_with_the_nearest() -> None:
    """A typing error in a command's name is told with what was meant, without a traceback."""
    result = call("chekc")
    assert result.exit_code == 2
    assert "did you mean `check`?" in result.output


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example_and_takes_a_configuration(name: str) -> None:
    """`--help` of every command shows an example."""
    result = call(name, "--help")
    assert result.exit_code == 0
    assert "Example" in result.stdout


def test_help_imports_nothing_heavy() -> None:
    """`lightship --help` starts without pydantic, Jinja2 or YAML."""
    script = (
        "import sys\nfrom bot.__main__ import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('pydantic', 'jinja2', 'ruamel', 'sqlalchemy', 'slack_bolt') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_means_no_escapes(no_color: str) -> None:
    """Output to a file has no colour codes, with or without NO_COLOR."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "check", str(WRONG / "configurations")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, "NO_COLOR": no_color},
    )
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
