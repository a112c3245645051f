"""Configurations that are refused, some of them unread; `tests/wrong` has the messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import load_settings

WRONG = Path(__file__).parents[1] / "wrong" / "configurations"


@pytest.mark.parametrize("path", sorted(WRONG.iterdir()), ids=lambda path: path.stem)
def test_a_wrong_configuration_is_not_loaded(path: Path) -> None:
    """There are no settings where there is a fault."""
    loaded = load_settings(path, {})
    assert loaded.faults
    assert loaded.settings is None


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    """A file that is not there is told as such, with a place."""
    fault = load_settings(tmp_path / "none.yaml", {}).faults[0]
    assert str(fault) == f"{tmp_path}/none.yaml:1:1: there is no such file"


def test_a_directory_is_a_fault(tmp_path: Path) -> None:
    """A directory in place of the file is told as such."""
    assert "directory" in load_settings(tmp_path, {}).faults[0].message


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """A file above the limit is a fault and is not parsed."""
    path = tmp_path / "lightship.yaml"
    path.write_bytes(b"#" * 3_000_000)
    assert "larger than 256 KiB" in load_settings(path, {}).faults[0].message


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    """Nine levels of nine references each, a thousand million values, are one fault and no memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path = tmp_path / "lightship.yaml"
    path.write_text("\n".join(lines))
    assert any("too much" in fault.message for fault in load_settings(path, {}).faults)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "[" * 100_000 + "]" * 100_000,
        "[\n" * 100_000,
        "{a: " * 60_000,
        "- " * 100_000,
        "? - " * 50_000,
    ],
    ids=["open", "closed", "lines", "mappings", "sequences", "keys"],
)
def test_deep_nesting_is_refused(text: str, tmp_path: Path) -> None:
    """Nesting beyond any use is a fault; the parser of C would take the whole process with it."""
    path = tmp_path / "lightship.yaml"
    path.write_text(text)
    assert "nested too deeply" in load_settings(path, {}).faults[0].message
