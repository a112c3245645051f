"""A wrong runbook beside right ones; `tests/wrong` has every fault by itself."""

from __future__ import annotations

from pathlib import Path

from bot.adapters.runbook_files import load_runbooks

WRONG = Path(__file__).parents[1] / "wrong" / "runbooks"


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """A missing folder is told, not taken for an empty one."""
    loaded = load_runbooks([tmp_path / "none"])
    assert [fault.message for fault in loaded.faults] == ["there is no such folder of runbooks"]


def test_a_wrong_runbook_does_not_keep_the_others_from_loading(tmp_path: Path) -> None:
    """The sound runbooks of a folder are loaded beside the faults of the others."""
    (tmp_path / "a.yaml").write_text("name: [", encoding="utf-8")
    (tmp_path / "b.yaml").write_text((WRONG / "name-first.yaml").read_text(), encoding="utf-8")
    loaded = load_runbooks([tmp_path])
    assert [runbook.name for runbook in loaded.runbooks] == ["Twice"]
    assert len(loaded.faults) == 1


def test_rehearsals_below_the_folder_are_no_runbooks(tmp_path: Path) -> None:
    """Only the files directly in the folder are loaded."""
    (tmp_path / "rehearsals").mkdir()
    (tmp_path / "rehearsals" / "x.yaml").write_text("anything: 1", encoding="utf-8")
    assert load_runbooks([tmp_path]).faults == ()
