"""The pages that people read, cut into the commands and the files that they show."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parent.parent.parent
GENERATED: Final = frozenset(
    line.removeprefix("docs/reference/")
    for line in (REPOSITORY / ".gitignore").read_text("utf-8").splitlines()
    if line.startswith("docs/reference/")
)
_FENCE: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block of a page; `line` is that of its first line."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Where it is, as a test's name."""
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def pages() -> list[Path]:
    """Every page written by hand: the READMEs and `docs/`, the decisions aside, which tell of their day."""
    written = [
        path
        for path in sorted((REPOSITORY / "docs").rglob("*.md"))
        if "decisions" not in path.parts and path.name not in GENERATED
    ]
    return [
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
        REPOSITORY / "runbooks" / "README.md",
        REPOSITORY / "examples" / "payments" / "README.md",
        *written,
    ]


def blocks(language: str) -> list[Block]:
    """All blocks of a language, over all pages."""
    found = []
    for page in pages():
        text = page.read_text("utf-8")
        for fence in _FENCE.finditer(text):
            if fence.group(1) == language:
                line = text.count("\n", 0, fence.start(2)) + 1
                found.append(Block(page=page, line=line, language=language, text=fence.group(2)))
    return found


def commands(block: Block) -> list[list[str]]:
    """The commands of a `console` block as words, without variables set before one and redirections."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := _words(line))]


def _words(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z][A-Z0-9_]*=.*", words[0]):
        words.pop(0)
    for end in (">", "|", "&&"):
        if end in words:
            words = words[: words.index(end)]
    return words
