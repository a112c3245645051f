"""Each error that a person can cause at the command line, word for word, with its exit code.

What is wrong in files is the golden text of `tests/wrong`. `LIGHTSHIP_TEST_WRITE_GOLDEN=1` writes this one.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from click.testing import CliRunner

from bot.cli import lightship

if TYPE_CHECKING:
    import pytest

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
GOLDEN: Final = HERE / "errors.txt"
OURS: Final = ("LIGHTSHIP_", "SLACK_", "PROMETHEUS_", "ALERTMANAGER_", "MLFLOW_", "KUBECONFIG", "NO_COLOR")

STORE: Final = {"LIGHTSHIP_DATABASE_URL": "sqlite+aiosqlite:///d.db"}
NONE: Final = {"LIGHTSHIP_DATABASE_URL": "sqlite+aiosqlite:///none.db"}
WRONG: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("chekc", {}),
    ("check --explian", {}),
    ("check --config none.yaml", {}),
    ("check none.yaml", {}),
    ("check", {"LIGHTSHIP_HTTP_PORT": "many", "PROMETHEUS_URL": "prometheus:9090"}),
    ("check", {"LIGHTSHIP_LOG_LEVEL": "loud", "LIGHTSHIP_INTAKE__QUEU": "3"}),
    ("check", {"LIGHTSHIP_WEBHOOK_TOKEN_FILE": "none"}),
    ("run", {}),
    ("run", {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s", "LIGHTSHIP_HTTP_HOST": "0.0.0.0"}),
    ("run --config none.yaml", {}),
    ("demo --scenario latency-high-trafic", {}),
    ("demo --config none.yaml", {}),
    ("demo --port 70000", {}),
    ("rehearse none.yaml", {}),
    ("rehearse --config none.yaml", {}),
    ("rehearse --junit none/a.xml {ROOT}/runbooks/rehearsals/down-scaled-to-nothing.yaml", {}),
    ("schema runbok", {}),
    ("rbac --service-account lightship", {}),
    ("doctor --config none.yaml", {}),
    ("doctor --send --within soon", {}),
    ("doctor --runbook HighAPILatency", {}),
    ("db upgrade", {"LIGHTSHIP_DATABASE_URL": "mysql://localhost/lightship"}),
    ("incident show one", NONE),
    ("incident show 12", NONE),
    ("incident show 99999999999999999999", NONE),
    ("incident timeline 12 --format html", {}),
    ("audit verify", NONE),
    ("audit verify --head 57", {}),
    ("drift report", {}),
    ("drift report --reference none.parquet --current none.parquet", {}),
    ("drift profile --data none.csv --out none.profile", {}),
    ("drift report --reference a.csv --current a.csv --predictions-current a.csv", {}),
    ("drift report --reference a.csv --current a.csv --weights none.json", {}),
    ("drift report --reference a.csv --current a.csv --weights list.json", {}),
    ("drift report --reference a.csv --current a.csv --weights a.csv", {}),
    ("drift report --reference a.csv --current a.csv --since yesterday", {}),
    ("drift report --reference a.csv --current a.csv --since 2024-05-02 --until 2024-05-01", {}),
    ("drift report --reference a.csv --current a.csv --window-column day", {}),
    ("drift report --reference a.csv --current a.csv --window-column day --since 2024-05-01", {}),
    ("drift report --reference twice.csv --current a.csv", {}),
    ("drift report --reference lake://data --current a.csv", {}),
    ("drift report --reference a.profile --current a.csv --categorical x", {}),
    ("drift report --reference a.csv --current a.csv --html none/page.html", {}),
    ("drift profile --data a.profile --out b.profile", {}),
    ("drift profile --data empty.csv --out b.profile", {}),
    ("drift profile --data a.csv --out a.csv/b.profile", {}),
    ("drift run --config shop.yaml", {}),
    ("drift run payments", {}),
    ("rehearse --config shop.yaml", {}),
    ("init --yes --service Payments", {}),
    ("init --yes --prometheus prometheus:9090", {}),
    ("init --yes --address lightship.example", {}),
    ("init --yes --folder a.csv", {}),
    ("init --yes --channel '#payments'", {}),
    ("init --yes --deployment payment-api", {}),
    ("init --yes --approvers alice", {}),
    ("init --yes --rules none.yaml", {}),
    ("init --yes --match service=", {}),
    ("test-alert", {}),
    ("test-alert HighAPILatenzy", {}),
    ("test-alert HighAPILatency --label service", {}),
    ("test-alert HighAPILatency --url http://127.0.0.1:9", STORE),
    ("test-alert HighAPILatency --send", STORE),
    ("test-alert HighAPILatency --send", {**STORE, "ALERTMANAGER_URL": "http://127.0.0.1:9"}),
    ("test-alert --end none", STORE),
    ("incident show 12", STORE),
    ("incident timeline 12", STORE),
    ("incident timeline 12 --format json --out timeline.md", STORE),
    ("completion", {}),
    ("completion tcsh", {}),
)
"""What is typed, and what the environment says."""

FILES: Final = {
    "a.csv": "x\n" + "1\n2\n" * 50,
    "twice.csv": "x,x\n1,2\n",
    "empty.csv": "x\n",
    "list.json": "[]",
    "runbooks/quiet.yaml": "name: Quiet\ntitle: Quiet\nseverity: P3\nmatch: ['alertname=\"Quiet\"']\n"
    "summary: Quiet.\nsteps:\n  - title: Look\n    human: Look.\n",
    "shop.yaml": "services:\n  shop:\n    channel: C0SHOP\n    match: ['service=\"shop\"']\n",
}
"""What lies in the folder, and a profile of `a.csv`."""


def told(typed: str, environ: dict[str, str], folder: Path) -> str:
    """The command and what it answers; a traceback would be the bot's fault and not the person's."""
    cleared = dict.fromkeys((name for name in os.environ if name.startswith(OURS)), None)
    shipped = {} if "--config" in typed else {"LIGHTSHIP_CONFIG": str(ROOT / "lightship.yaml")}
    env = {**cleared, "HOME": str(folder), **shipped, **environ}
    result = CliRunner().invoke(
        lightship, shlex.split(typed.replace("{ROOT}", str(ROOT))), env=env, prog_name="lightship"
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in {1, 2}, (typed, result.output)
    said = result.stderr if "--junit" in typed else result.output  # not the table, which tells the time
    said = said.replace(str(folder), "FOLDER").replace(str(ROOT), "ROOT").rstrip()
    named = "".join(f"{name}={value} " for name, value in environ.items())
    return (
        f"$ {named}lightship {typed}\n{re.sub(r' +$', '', said, flags=re.MULTILINE)}\n=> {result.exit_code}\n"
    )


def test_every_error_is_written_for_the_person_who_caused_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers are exactly those of the golden text, and so is each exit code, 1 or 2."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    made = CliRunner().invoke(lightship, ["drift", "profile", "--data", "a.csv", "--out", "a.profile"])
    assert made.exit_code == 0, made.output
    found = "\n".join(told(typed, environ, tmp_path) for typed, environ in WRONG)
    if os.environ.get("LIGHTSHIP_TEST_WRITE_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")
