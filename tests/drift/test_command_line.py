"""`lightship drift` as people and schedulers use it: exit codes, JSON, words, no traceback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from bot.adapters.clock import SystemClock
from bot.adapters.database import open_store
from bot.cli import lightship
from tests.drift.tables import churn_columns, write
from tests.drift_runs.gateway import serving

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a reference, current data without and with drift, and too little of it."""
    steady = churn_columns(1_000, 2)
    write({**churn_columns(1_000, 1), "customer_id": np.arange(1_000)}, tmp_path / "reference.parquet")
    write(steady, tmp_path / "steady.parquet")
    write({**steady, "charges": steady["charges"] * 1_000}, tmp_path / "drifted.parquet")
    write({name: values[:150] for name, values in steady.items()}, tmp_path / "few.parquet")
    return tmp_path


def drift(files: Path, command: str, *arguments: str) -> Result:
    """Run `lightship drift COMMAND` with paths inside the folder for arguments that are files there."""
    placed = [str(files / one) if "." in one and not one.startswith("-") else one for one in arguments]
    return CliRunner().invoke(lightship, ["drift", command, *placed])


def report(files: Path, current: str, *arguments: str, reference: str = "reference.parquet") -> Result:
    """Run `lightship drift report`."""
    return drift(files, "report", "--reference", reference, "--current", current, *arguments)


@pytest.mark.parametrize(
    ("current", "code", "words"),
    [
        ("steady.parquet", 0, "No drift"),
        ("drifted.parquet", 3, "Severe drift"),
        ("few.parquet", 4, "Insufficient data: 150 rows in the current data"),
    ],
)
def test_exit_codes(files: Path, current: str, code: int, words: str) -> None:
    """0 without drift, 3 with drift, 4 with too little data; the first line says it in words."""
    result = report(files, current)
    assert result.exit_code == code
    assert result.stdout.startswith(words)


def strict(text: str) -> Any:
    """The JSON, which must be strict."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in the JSON"))


def test_json(files: Path) -> None:
    """`--json` prints one object with the keys of the contract, and nothing else on standard output."""
    result = report(files, "drifted.parquet", "--json")
    made = strict(result.stdout)
    assert result.exit_code == 3
    assert {"score", "drifted", "seed_score", "joint", "predictions", "not_compared", "features"} <= set(made)
    assert made["score"] == 1
    assert made["drifted"] is True
    assert 0 <= made["joint"] <= 1
    assert made["predictions"] is None
    assert "customer_id" in made["not_compared"]
    assert set(made["features"]) == set(churn_columns(1, 1))
    for name, kind in (("charges", "ks"), ("plan", "chi2")):
        found = made["features"][name]
        assert {"test", "statistic", "p_value", "effect", "drifted", "reason"} <= set(found)
        assert found["test"] == kind
        assert found["drifted"] == (found["effect"] > 0)


def test_json_of_insufficient_data(files: Path) -> None:
    """With too little data the score is null, not 0 and not NaN."""
    result = report(files, "few.parquet", "--json")
    assert result.exit_code == 4
    made = strict(result.stdout)
    assert made["score"] is None
    assert made["drifted"] is False


def test_report_on_a_saved_profile(files: Path) -> None:
    """A saved profile serves as the reference, told apart by content, and needs no data."""
    saved = drift(
        files, "profile", "--data", "reference.parquet", "--out", "p.parquet", "--model-version", "7"
    )
    assert saved.exit_code == 0, saved.output
    assert "customer_id: not compared" in saved.stdout
    (files / "reference.parquet").unlink()
    result = report(files, "drifted.parquet", "--json", reference="p.parquet")
    made = strict(result.stdout)
    assert result.exit_code == 3
    assert made["joint"] is None
    assert "sample" in made["joint_reason"]
    assert made["reference"]["model_version"] == "7"


def test_profile_with_a_mistyped_column(files: Path) -> None:
    """The profile is saved; the column that is to be left out and is nowhere is told with what was meant."""
    saved = drift(
        files, "profile", "--data", "reference.parquet", "--out", "p.parquet", "--exclude", "charge"
    )
    assert saved.exit_code == 0, saved.output
    assert "charge: to be left out, but no column is called so; did you mean `charges`?" in saved.stdout


def test_profile_as_json(files: Path) -> None:
    """What was saved, for programs."""
    saved = drift(
        files,
        "profile",
        "--data",
        "reference.parquet",
        "--out",
        "p.parquet",
        "--exclude",
        "none,x1",
        "--json",
    )
    told = strict(saved.stdout)
    assert told["bytes"] == (files / "p.parquet").stat().st_size
    assert told["rows"] == 1_000
    assert "charges" in told["compared"]
    assert told["not_compared"]["x1"] == "excluded"
    assert told["unknown"] == ["none"]


def test_profile_with_target_knows_the_features(files: Path) -> None:
    """Against a profile saved with `--target` a column that is gone scores 1."""
    current = {name: values for name, values in churn_columns(1_000, 2).items() if name != "x0"}
    write({name: values for name, values in current.items() if name != "paperless"}, files / "gone.parquet")
    drift(files, "profile", "--data", "reference.parquet", "--out", "t.profile", "--target", "paperless")
    made = strict(report(files, "gone.parquet", "--json", reference="t.profile").stdout)
    assert made["features"]["x0"]["effect"] == 1
    assert made["schema_changes"]["missing"] == ["x0", "customer_id"]
    words = report(files, "gone.parquet", reference="t.profile").stdout
    assert "The schema changed, missing from the current data: x0, customer_id" in words


def test_predictions(files: Path) -> None:
    """Predictions come from files of their own, and only together."""
    random = np.random.default_rng(1)
    write({"customer_id": np.arange(500), "p": random.random(500)}, files / "before.parquet")
    write({"customer_id": np.arange(500), "p": random.random(500) ** 3}, files / "now.parquet")
    sides = ["--predictions-reference", "before.parquet", "--predictions-current", "now.parquet"]
    result = report(files, "steady.parquet", *sides, "--prediction-column", "p", "--json")
    made = strict(result.stdout)
    assert result.exit_code == 3
    assert made["predictions"]["score"] > 0.3
    assert made["predictions"]["test"] == "ks"
    alone = report(files, "steady.parquet", *sides[:2])
    assert alone.exit_code == 1
    assert "go together" in alone.stderr


def test_weights_and_exclude(files: Path) -> None:
    """An unimportant column weighs little, an excluded one nothing."""
    (files / "weights.json").write_text(json.dumps({"charges": 1, "x0": 20}))
    weighed = strict(report(files, "drifted.parquet", "--json", "--weights", "weights.json").stdout)
    assert weighed["score"] == pytest.approx(0.05)
    excluded = report(files, "drifted.parquet", "--exclude", "charges,x1", "--json")
    assert excluded.exit_code == 0
    assert strict(excluded.stdout)["not_compared"]["charges"] == "excluded"


def test_window(files: Path) -> None:
    """A window picks the current rows, and an empty one is insufficient data."""
    for day in (1, 2):
        write(churn_columns(400, day), files / "lake" / f"day=2024-05-0{day}" / "a.parquet")
    window = ["--window-column", "day", "--since", "2024-05-02"]
    lake = str(files / "lake")
    arguments = [
        "drift",
        "report",
        "--reference",
        str(files / "reference.parquet"),
        "--current",
        lake,
        "--json",
    ]
    result = CliRunner().invoke(lightship, [*arguments, *window])
    assert strict(result.stdout)["current"]["rows"] == 400
    assert CliRunner().invoke(lightship, [*arguments, *window[:2], "--since", "2025-01-01"]).exit_code == 4


MISTAKES: list[tuple[list[str], str]] = [
    (["--current", "gone.parquet"], "does not exist"),
    ([], "Missing option '--current'"),
    (["--current", "steady.parquet", "--weights", "list.json"], "not a JSON object"),
    (["--current", "steady.parquet", "--weights", "bad.json"], "not JSON"),
    (["--current", "steady.parquet", "--weights", "zero.json"], "every weight is 0"),
    (["--current", "steady.parquet", "--target", "nowhere"], "no column `nowhere`"),
    (["--current", "steady.parquet", "--features", "chargse"], "`charges`"),
    (["--current", "steady.parquet", "--since", "yesterday"], "no date or time"),
    (["--current", "steady.parquet", "--since", "2024-05-02", "--until", "2024-05-01"], "not before"),
    (["--current", "steady.parquet", "--engine", "abacus"], "abacus"),
    (["--current", "notes.txt"], "neither Parquet nor CSV"),
    (["--current", "steady.parquet", "--no-such-option"], "No such option"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_mistakes(files: Path, arguments: list[str], words: str) -> None:
    """A user's mistake exits with 1 and one plain sentence, and never shows a traceback."""
    (files / "list.json").write_text("[1]")
    (files / "bad.json").write_text("{")
    (files / "zero.json").write_text('{"x0": 0}')
    (files / "notes.txt").write_text("hello")
    result = drift(files, "report", "--reference", "reference.parquet", *arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_profile_of_a_profile_and_of_nothing(files: Path) -> None:
    """A profile cannot be profiled, nor can no rows, nor can a file be written into nowhere."""
    drift(files, "profile", "--data", "reference.parquet", "--out", "p.profile")
    write({"x": np.zeros(0)}, files / "none.parquet")
    (files / "file.txt").write_text("")
    again = drift(files, "profile", "--data", "p.profile", "--out", "q.profile")
    nothing = drift(files, "profile", "--data", "none.parquet", "--out", "q.profile")
    nowhere = drift(files, "profile", "--data", "reference.parquet", "--out", "file.txt/q.profile")
    assert [one.exit_code for one in (again, nothing, nowhere)] == [1, 1, 1]
    assert "profile already" in again.stderr
    assert "no rows" in nothing.stderr
    assert "cannot write" in nowhere.stderr


def test_table(files: Path) -> None:
    """Without `--json` the worst column comes first, with what was not compared and what cannot be seen."""
    lines = report(files, "drifted.parquet").stdout.splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("column"))
    assert lines[head + 1].startswith("charges")
    assert any("customer_id: an identifier" in line for line in lines)
    assert any("It cannot see" in line for line in lines)


def test_names_from_files_are_harmless(files: Path) -> None:
    """Control characters in names and values do not reach the terminal."""
    odd = "\x1b[31mred\x07"
    before = {**churn_columns(400, 1), odd: ["a", "b"] * 200}
    write(before, files / "odd_reference.parquet")
    write({**before, odd: ["\x1b[2J"] * 400}, files / "odd.parquet")
    result = report(files, "odd.parquet", reference="odd_reference.parquet")
    assert result.exit_code == 3
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


@pytest.mark.parametrize("command", [["drift"], ["drift", "report"], ["drift", "profile"]])
def test_help_has_an_example(command: list[str]) -> None:
    """Every help shows a command that can be copied."""
    result = CliRunner().invoke(lightship, [*command, "--help"])
    assert result.exit_code == 0
    assert "lightship drift " in result.stdout.split("Example")[1]


def test_as_a_process(files: Path) -> None:
    """The installed command: exit code 3, JSON alone on standard output, nothing on standard error."""
    command = [sys.executable, "-m", "bot", "drift", "report", "--json"]
    paths = ["--reference", str(files / "reference.parquet"), "--current", str(files / "drifted.parquet")]
    done = subprocess.run(  # the command is this interpreter
        [*command, *paths],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 3
    assert strict(done.stdout)["drifted"] is True
    assert done.stderr == ""


def test_what_a_report_loads(files: Path) -> None:
    """A report loads neither pandas nor scipy, the command line by itself not even numpy.

    One against a saved profile, which is to be quick, loads nothing of the configuration and none of the
    parts of numpy and Arrow that take long to load.
    """
    lines = [
        "import sys, json",
        "from bot.cli import lightship",
        "import bot.cli.drifting",
        "from click.testing import CliRunner",
        "loaded = lambda *names: sorted({*names} & set(sys.modules))",
        "heavy = 'scipy', 'pandas', 'sklearn', 'mlflow', 'matplotlib'",
        "slow = 'pydantic', 'structlog', 'ruamel.yaml', 'numpy.ma', 'pyarrow.compute'",
        "reference, saved, current = sys.argv[1:]",
        "found = [loaded('numpy', 'pyarrow', *heavy)]",
        "for file, more in ((saved, slow), (reference, ())):",
        "    words = 'drift', 'report', '--reference', file, '--current', current",
        "    code = CliRunner().invoke(lightship, words).exit_code",
        "    found.append([code, loaded(*heavy, *more)])",
        "print(json.dumps(found))",
    ]
    paths = [files / "reference.parquet", files / "saved.profile", files / "drifted.parquet"]
    drift(files, "profile", "--data", paths[0].name, "--out", paths[1].name)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines), *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert json.loads(done.stdout) == [[], [3, []], [3, []]]


CONFIGURED = """
services:
  churn:
    channel: C0CHURN
    match: ['service="churn"']
    drift: {{reference: reference.parquet, current: {current}, schedule: null, pushgateway: {gateway}}}
"""


def run_configured(folder: Path, current: str, *arguments: str, gateway: str = "null") -> Result:
    """Run `lightship drift run` with a configuration and a store in that folder."""
    (folder / "lightship.yaml").write_text(CONFIGURED.format(current=current, gateway=gateway))
    environment = {"LIGHTSHIP_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/lightship.db"}
    command = ["drift", "run", "--config", str(folder / "lightship.yaml"), *arguments]
    return CliRunner().invoke(lightship, command, env=environment)


@pytest.mark.timeout(180)
def test_a_configured_run_is_kept_in_the_store(files: Path) -> None:
    """Paths count from the configuration; drift is no failure; what fails is on record and exits with 1."""
    drifted = run_configured(files, "drifted.parquet")
    assert (drifted.exit_code, drifted.stdout.partition(" (run ")[0]) == (0, "churn: score 1.000")
    with serving() as gateway:
        missing = run_configured(files, "nowhere", "churn", gateway=gateway.address)
    assert missing.exit_code == 1
    ((method, _, pushed),) = gateway.pushed
    assert method == "POST"
    assert pushed["churn_model_drift_score", ()] == 1.0
    assert pushed["churn_model_drift_last_run_failed", ()] == 1
    assert "churn: failed" in missing.stdout
    assert "nowhere does not exist" in missing.stdout
    unknown = run_configured(files, "drifted.parquet", "shop")
    assert unknown.exit_code == 1
    assert "`shop` has no `drift` in the configuration" in unknown.stderr

    async def kept() -> list[float | None]:
        url = f"sqlite+aiosqlite:///{files}/lightship.db"
        async with open_store(url, clock=SystemClock()) as store, store.transaction() as tx:
            newest = await tx.drift_runs.newest("churn")
            latest = await tx.drift_reports.latest("churn")
        assert newest is not None
        assert latest is not None
        assert "does not exist" in newest.reason
        assert latest.report.features[6].histogram is not None
        return [point.score for point in latest.trend]

    assert asyncio.run(kept()) == [1.0]


@pytest.mark.timeout(180)
def test_a_gateway_that_is_away_does_not_lose_the_run(files: Path) -> None:
    """The score is on stdout and in the store, what is amiss on stderr, and the exit code says so."""
    made = run_configured(files, "steady.parquet", "--json", gateway="http://127.0.0.1:9")
    assert made.exit_code == 1
    told = json.loads(made.stdout.splitlines()[-1])
    assert (told["state"], told["pushed"]) == ("succeeded", False)
    assert "churn: its scores were not pushed: the Pushgateway at http://127.0.0.1:9 cannot be" in made.stderr
    assert f"The run {told['run']} is in the store." in made.stderr


def test_the_page_is_whole_and_loads_nothing(files: Path) -> None:
    """Score, charts and reasons are in the file; whatever a column is called is shown as text."""
    write({**churn_columns(1_000, 1), "<script>": np.arange(1_000) % 7}, files / "reference.parquet")
    write({**churn_columns(1_000, 2), "<script>": np.arange(1_000) % 7 + 50}, files / "odd.parquet")
    result = report(files, "odd.parquet", "--html", str(files / "page.html"))
    page = (files / "page.html").read_text(encoding="utf-8")
    assert result.exit_code == 3
    assert page.count("<svg") == 1
    assert "<h3>Severe drift</h3>" in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(?:src|href|url)\s*[=(]", page)
    assert report(files, "odd.parquet", "--html", str(files / "no" / "page.html")).exit_code == 1
