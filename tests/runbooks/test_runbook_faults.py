"""Every way to be wrong that the folder `wrong` holds, told all at once and with its place.

After a wanted change of a message: `LIGHTSHIP_TEST_WRITE_GOLDEN=1` writes the golden text anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from bot.adapters.runbook_files import load_runbooks

HERE = Path(__file__).parent
METRICS = ("p95_latency", "request_rate")


def test_every_fault_of_every_wrong_runbook_is_told_with_its_place() -> None:
    """The faults of the folder are exactly those of the golden text, and each file has one."""
    loaded = load_runbooks([HERE / "wrong"], metrics=METRICS)
    told = [str(fault).replace(f"{HERE}/", "") for fault in loaded.faults]
    golden = HERE / "faults.txt"
    if os.environ.get("LIGHTSHIP_TEST_WRITE_GOLDEN"):
        golden.write_text("\n".join(told) + "\n", encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8").splitlines()
    faulty = {Path(line.partition(":")[0]).name for line in told}
    assert faulty == {path.name for path in (HERE / "wrong").iterdir()} - {"name-first.yaml"}


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """A missing folder is told, not taken for an empty one."""
    loaded = load_runbooks([tmp_path / "none"])
    assert [fault.message for fault in loaded.faults] == ["there is no such folder of runbooks"]


def test_a_wrong_runbook_does_not_keep_the_others_from_loading(tmp_path: Path) -> None:
    """The sound runbooks of a folder are loaded beside the faults of the others."""
    (tmp_path / "a.yaml").write_text("name: [", encoding="utf-8")
    (tmp_path / "b.yaml").write_text((HERE / "wrong" / "name-first.yaml").read_text(), encoding="utf-8")
    loaded = load_runbooks([tmp_path])
    assert [runbook.name for runbook in loaded.runbooks] == ["Twice"]
    assert len(loaded.faults) == 1


def test_rehearsals_below_the_folder_are_no_runbooks(tmp_path: Path) -> None:
    """Only the files directly in the folder are loaded."""
    (tmp_path / "rehearsals").mkdir()
    (tmp_path / "rehearsals" / "x.yaml").write_text("anything: 1", encoding="utf-8")
    assert load_runbooks([tmp_path]).faults == ()
