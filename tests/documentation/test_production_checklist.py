"""`docs/production-checklist.md`: every item is there, and what it names as proof exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "production-checklist.md"
GROUPS = {
    "Data pipeline": 4,
    "Training pipeline": 4,
    "Deployment": 5,
    "CI/CD and GitOps": 5,
    "Monitoring and observability": 5,
    "Security": 5,
    "Operations": 5,
}
NO_FILE = re.compile(r"/predict.*|--?[a-z].*|make .*|lightship .*")
"""Words in code that are no file: a route, an option, a command."""


def rows() -> dict[str, list[tuple[str, str]]]:
    """By group, each item with its proof."""
    found: dict[str, list[tuple[str, str]]] = {}
    for part in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        cells = [line.strip("| ").split(" | ", 1) for line in rest.splitlines() if line.startswith("|")]
        found[title] = [(item, proof) for item, proof in cells[2:]]
    return found


def named() -> set[str]:
    """Everything in code that is a file or a test."""
    words = re.findall(r"`([^`]+)`", PAGE.read_text())
    return {word for word in words if not NO_FILE.fullmatch(word)}


def test_every_item_is_there() -> None:
    """The checklist's seven groups with all their items."""
    assert {title: len(items) for title, items in rows().items()} == GROUPS


def test_every_item_has_a_proof_or_a_reason() -> None:
    """A file or a test, or the word `outside` with why."""
    for items in rows().values():
        for item, proof in items:
            outside = re.search(r"\b[Oo]utside\b[^:.]*: \w+", proof)
            files = [word for word in re.findall(r"`([^`]+)`", proof) if not NO_FILE.fullmatch(word)]
            assert outside or files, item


def test_every_file_and_every_test_that_is_named_exists() -> None:
    """A path from the top, and after `::` a test function in it."""
    assert len(named()) > 30
    missing = []
    for word in named():
        path, _, test = word.partition("::")
        file = ROOT / path
        if not file.exists() or (test and test not in functions(file)):
            missing.append(word)
    assert missing == []


def functions(file: Path) -> set[str]:
    """The names of a module's functions."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, kinds)}
