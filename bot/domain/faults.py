"""What is wrong with a file that people write, and where.

Loaders of configuration and runbooks collect these, all of a file at once; `lightship check` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault; `file` is a path, or `$NAME` for an environment variable. Line and column count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """`file:line:column: message`, as editors and compilers write it."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"
