"""Every way to be wrong that this folder holds, named by one run of `lightship check`, all at once.

`configurations/` are files of their own; `runbooks/` and `runbooks/rehearsals/` are checked together with the
shipped configuration and runbooks, which they name. After a wanted change of a message:
`LIGHTSHIP_TEST_WRITE_GOLDEN=1` writes the golden text anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from bot.cli import lightship

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
GOLDEN: Final = HERE / "faults.txt"
FAULTLESS: Final = {
    "runbooks/name-first.yaml",
    "runbooks/rehearsals/like-broken.yaml",
    "runbooks/rehearsals/worlds/calm.yaml",
}
"""What others contradict; nothing is wrong with these themselves."""

KINDS: Final = {
    "a check's name": "unknown check `podz`; did you mean `pods`?",
    "a finding": "the check `pods` finds no `restart`; did you mean `restarts`?",
    "a unit": "unknown unit `secnds`; did you mean `seconds`?",
    "a unit beside a finding": '`"10m"` is a text: they cannot be compared; write 10 without quotes, in mi',
    "a label": "the label `alertnme` is probably misspelt; did you mean `alertname`?",
    "a duration": "`5mins` is not a duration; write it like 90s, 10m, 1h30m or 7d",
    "a PromQL expression": "this is no PromQL: unknown function with name 'rtae'; did you mean `rate`?",
    "two runbooks for one alert": 'an alert with alertname="DiskFull" is also served by `RivalFirst`',
    "a remediation without limits": "a remediation that scales needs `limits.max`",
    "a silence above the limit": "a silence of 7d would be refused: it lasts 1d at most",
    "an escalation that can never fire": "it can never hold",
    "an escalation that is none": "P2 is no escalation from P1: it can never fire",
    "a world that contradicts itself": "rests on itself, so it has no value",
    "a world with a second of one": "the world has deployment `churn-api` already",
    "an expectation that cannot come": "the runbook has no cause `high-trafic`; did you mean `high-traffic`?",
    "a misspelt key": "unknown key `titel`; did you mean `title`?",
}
"""One line of the golden text for each kind of bad input that is promised."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What `lightship check` says of everything here, from this folder."""
    folder = tmp_path_factory.mktemp("bot")
    shipped = (ROOT / "lightship.yaml").read_text(encoding="utf-8")
    folders = f"runbooks: [{HERE / 'runbooks'}, {ROOT / 'runbooks'}]"
    (folder / "lightship.yaml").write_text(shipped.replace("runbooks: [runbooks]", folders), encoding="utf-8")
    configurations = sorted(map(str, (HERE / "configurations").iterdir()))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(HERE)
        result = CliRunner().invoke(lightship, ["check", str(folder), *configurations])
    assert result.exit_code == 1
    return result.stdout.replace(f"{HERE}/", "").splitlines()


def test_every_fault_is_told_with_its_place(told: list[str]) -> None:
    """The faults are exactly those of the golden text, each as `file:line:column: message`."""
    if os.environ.get("LIGHTSHIP_TEST_WRITE_GOLDEN"):
        GOLDEN.write_text("\n".join(told) + "\n", encoding="utf-8")
    assert told == GOLDEN.read_text(encoding="utf-8").splitlines()
    assert [line for line in told if not re.match(r"[a-z/0-9-]+\.yaml:[1-9]\d*:[1-9]\d*: \S", line)] == []


def test_every_file_has_its_fault(told: list[str]) -> None:
    """None of the wrong files is taken for right, and none of the right ones for wrong."""
    files = {str(path.relative_to(HERE)) for path in HERE.rglob("*.yaml")}
    assert {line.partition(":")[0] for line in told} == files - FAULTLESS


@pytest.mark.parametrize("kind", KINDS)
def test_each_promised_kind_of_bad_input_is_among_them(told: list[str], kind: str) -> None:
    """A typo in each place that can have one is named, with the nearest right word where there is one."""
    assert any(KINDS[kind] in line for line in told)


def test_no_fault_shows_a_secret(told: list[str]) -> None:
    """The password in a refused fallback address is in no message."""
    assert "hunter2" not in "\n".join(told)
