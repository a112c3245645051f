"""Files read by the fast parser of YAML are read as the one that knows YAML 1.2 reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bot.documents import composing, reading

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[2]
FILES = [REPOSITORY / "lightship.yaml", *sorted((REPOSITORY / "runbooks").rglob("*.yaml"))]
PIECES = (
    *("a", "k: ", "- ", "  ", "\n", "\n  ", "'", '"', "|\n", ">-\n", "[", "] ", "{", "} ", ",", ":", "? "),
    *(
        "<<: ",
        "0o7",
        "010",
        "1_0",
        "1e3",
        "yes",
        "on",
        "true",
        "~",
        "2026-01-01",
        "=",
        "é",
        "#",
        " # c",
        "\t",
    ),
    *("\t", "http://x", "\\x", "@", "%", "---\n", "''", "x: |\n    # no comment\n", "\u2028", "\x85"),
)


def by_ruamel_alone(text: str) -> object:
    """The one parser."""
    return YAML(typ="safe", pure=True).compose(text)


def read(text: str, parser: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """Everything that a text is read as: values, places and faults."""
    monkeypatch.setattr(reading, "compose", parser)
    document, faults = reading.parse_document(text, file="f")
    if document is None:
        return repr(faults)
    places = [(path, document.place(path), document.key_place(path)) for path in document.paths()]
    return repr((document.value, places, faults))


def alike(text: str) -> None:
    """Fail where the two differ."""
    with pytest.MonkeyPatch.context() as patch:
        assert read(text, composing.compose, patch) == read(text, by_ruamel_alone, patch)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_shipped_files_are_read_alike(file: Path) -> None:
    """Values and places of every shipped file."""
    alike(file.read_text())


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_text_is_read_alike(text: str) -> None:
    """Whatever is pieced together of YAML's signs: the same values at the same places, or the same faults."""
    alike(text)


@pytest.mark.parametrize(
    "text", ["k: yes", "k: 010", "k: |\n  a\n", "k: '1'", "k: 1e3", "k: {a: [b, 'c d']}", "k: <<"]
)
def test_plain_files_need_the_fast_parser_alone(text: str) -> None:
    """What is right and usual is not parsed a second time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composing, "YAML", None)
        assert composing.compose(text) is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", "yes"), ("010", 10), ("0o10", 8), ("2026-01-01", "2026-01-01"), ("1:30", "1:30")],
)
def test_words_mean_what_they_mean_in_yaml_1_2(text: str, value: object) -> None:
    """Also where libyaml, which knows 1.1, reads them."""
    document, faults = reading.parse_document(f"k: {text}\n", file="f")
    assert document is not None
    assert (document.value, faults) == ({"k": value}, ())
