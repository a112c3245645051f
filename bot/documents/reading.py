"""One YAML file as plain values, with the place of every key and value, or the faults it cannot be read for.

YAML 1.2 and strict: a key twice, a tag, a merge key or a reference in a circle is a fault, not a surprise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from bot.documents.composing import MAPPINGS, SCALARS, SEQUENCES, compose
from bot.domain.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path as FilePath

Key = str | int
Path = tuple[Key, ...]

LARGEST_FILE: Final = 256 * 1024
"""Bytes; a larger file is refused before it is parsed (the parser does about 100 kB a second)."""
_DEEPEST: Final = 40
_MOST_NODES: Final = 50_000
_TAG: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written; `literal` when it is a `|` block, whose lines are those of the file.

    `indent` is that of such a block's lines. `plain` when it stands in one line just as its text is, from
    `inner` columns behind its beginning on.
    """

    file: str
    line: int = 1
    column: int = 1
    literal: bool = False
    indent: int = 0
    plain: bool = False
    inner: int = 0

    def fault(self, message: str, *, line: int = 1) -> Fault:
        """A fault here, or on the given line (from 1) of the text that begins here."""
        if self.literal:
            return Fault(self.file, self.line + line, 1, message)
        return Fault(self.file, self.line, self.column, message)

    def fault_at(self, message: str, text: str, offset: int) -> Fault:
        """A fault at a character of the text that begins here; at its beginning where that cannot be told."""
        before = text[:offset]
        if self.literal:
            column = len(before.rpartition("\n")[2]) + 1 + self.indent
            return Fault(self.file, self.line + before.count("\n") + 1, column, message)
        if self.plain:
            return Fault(self.file, self.line, self.column + self.inner + offset, message)
        return Fault(self.file, self.line, self.column, message)


@dataclass(slots=True)
class Document:
    """A file that could be read. `value` is plain data; what it is made of can be placed by its path."""

    file: str
    value: Any = None
    _keys: dict[Path, Place] = field(default_factory=dict)
    _values: dict[Path, Place] = field(default_factory=dict)

    def put(self, path: Path, place: Place, *, key: Place | None = None) -> None:
        """Remember where the value at `path` is written, and its key."""
        self._values[path] = place
        self._keys[path] = key or place

    def place(self, path: Path) -> Place:
        """Where the value at `path` is, or that of the nearest thing around it."""
        return self._nearest(self._values, path)

    def key_place(self, path: Path) -> Place:
        """Where the key of `path` is, or the nearest thing around it."""
        return self._nearest(self._keys, path)

    def paths(self) -> tuple[Path, ...]:
        """Every path that has a place, but the document's own."""
        return tuple(path for path in self._values if path)

    def _nearest(self, places: dict[Path, Place], path: Path) -> Place:
        for length in range(len(path), -1, -1):
            found = places.get(path[:length])
            if found is not None:
                return found
        return Place(self.file)


def read_document(path: FilePath, *, shown: str = "") -> tuple[Document | None, tuple[Fault, ...]]:
    """The document in `path`, or None, and every fault of its YAML. `shown` is how messages call the file."""
    file = shown or str(path)
    at_start = Place(file)
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return None, (at_start.fault("there is no such file"),)
    except IsADirectoryError:
        return None, (at_start.fault("this is a directory, not a file"),)
    except OSError as error:
        return None, (at_start.fault(f"the file cannot be read: {error.strerror or 'input error'}"),)
    if len(content) > LARGEST_FILE:
        message = f"the file is larger than {LARGEST_FILE // 1024} KiB"
        return None, (at_start.fault(message),)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2]) + 1
        return None, (Fault(file, line, column, "the file is not UTF-8 text"),)
    return parse_document(text, file=file)


def parse_document(text: str, *, file: str) -> tuple[Document | None, tuple[Fault, ...]]:
    """As `read_document`, of a text."""
    try:
        root = compose(text)
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
        return None, (Fault(file, line, column, "a control character cannot be in YAML"),)
    except MarkedYAMLError as error:
        return None, (_syntax_fault(error, file),)
    except RecursionError:
        return None, (Fault(file, 1, 1, "the file is nested too deeply"),)
    except (YAMLError, ValueError) as error:
        return None, (Fault(file, 1, 1, f"this is not YAML: {str(error)[:200]}"),)
    reader = _Reader(file, text.split("\n"))
    document = reader.read(root)
    return document, tuple(reader.faults)


def _syntax_fault(error: MarkedYAMLError, file: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    problem = (error.problem or "it cannot be read").strip()
    if "'\\t'" in problem:
        problem = "a tab cannot indent YAML; use spaces"
    elif "another document" in problem:
        problem = "one file holds one document; `---` begins a second"
    elif error.context and "while scanning for" not in error.context:
        problem = f"{problem} ({error.context.strip()})"
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Fault(file, line, column, f"YAML: {problem}")


class _Reader:
    """Walks the parser's tree once, making values and remembering places."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.faults: list[Fault] = []
        self._lines = lines
        self._document = Document(file)
        self._file = file
        self._nodes = 0
        self._open: set[int] = set()

    def read(self, root: Any) -> Document:
        if root is not None:
            self._document.put((), self._place(root))
            self._document.value = self._value(root, ())
        return self._document

    def _place(self, node: Any) -> Place:
        mark = node.start_mark
        if not isinstance(node, SCALARS):
            return Place(self._file, mark.line + 1, mark.column + 1)
        literal, inner = node.style == "|", 1 if node.style in {"'", '"'} else 0
        width = node.end_mark.column - mark.column - 2 * inner
        return Place(
            self._file,
            mark.line + 1,
            mark.column + 1,
            literal=literal,
            indent=_indent_below(self._lines, mark.line) if literal else 0,
            plain=node.end_mark.line == mark.line and width == len(str(node.value)),
            inner=inner,
        )

    def _fault(self, node: Any, message: str) -> None:
        self.faults.append(Fault(self._file, node.start_mark.line + 1, node.start_mark.column + 1, message))

    def _value(self, node: Any, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > _DEEPEST:
            if not any("too much" in fault.message for fault in self.faults):
                self._fault(node, "there is too much in this file (or it is nested too deeply)")
            return None
        if id(node) in self._open:
            self._fault(node, "this reference goes in a circle")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, MAPPINGS):
                return self._mapping(node, path)
            if isinstance(node, SEQUENCES):
                return self._sequence(node, path)
            return self._scalar(node)
        finally:
            self._open.discard(id(node))

    def _sequence(self, node: Any, path: Path) -> list[Any]:
        self._refuse_tag(node, "seq")
        values = []
        for position, item in enumerate(node.value):
            self._document.put((*path, position), self._place(item))
            values.append(self._value(item, (*path, position)))
        return values

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        self._refuse_tag(node, "map")
        values: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, item in node.value:
            if not isinstance(key_node, SCALARS):
                self._fault(key_node, "a key must be a text; quote a value that begins with `{` or `[`")
                continue
            key = key_node.value
            if str(key_node.tag) == f"{_TAG}merge":
                self._fault(key_node, "merge keys (`<<`) are not taken; write the entries out")
                continue
            if key in values:
                self._fault(key_node, f"the key `{key}` was given before, in line {first[key]}")
                continue
            first[key] = key_node.start_mark.line + 1
            self._document.put((*path, key), self._place(item), key=self._place(key_node))
            values[key] = self._value(item, (*path, key))
        return values

    def _refuse_tag(self, node: Any, usual: str) -> None:
        if str(node.tag) != f"{_TAG}{usual}":
            self._fault(node, f"the tag `{str(node.tag)[:60]}` is not taken")

    def _scalar(self, node: Any) -> Any:
        kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
        try:
            match kind:
                case "null":
                    return None
                case "bool":
                    return text.lower() in {"true", "yes", "on"}
                case "int":
                    return _integer(text)
                case "float":
                    return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
                case "str" | "timestamp" | "value":
                    return text
                case _:
                    self._fault(node, f"the tag `{str(node.tag)[:60]}` is not taken")
        except ValueError:
            self._fault(node, f"`{text[:40]}` is not a number; quote it if it is a text")
        return None


def _indent_below(lines: list[str], line: int) -> int:
    """The indentation of the block that begins in the line after this one (counted from 0)."""
    for text in lines[line + 1 :]:
        if text.strip():
            return len(text) - len(text.lstrip(" "))
    return 0


def _integer(text: str) -> int:
    plain = text.replace("_", "")
    return int(plain, 0) if re.match(r"[-+]?0[xob]", plain) else int(plain)
