"""What the configured metrics can have wrong beside keys and kinds: the expression, the unit.

Called by `bot.settings.loading`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.documents.finding import ANY, find_texts
from bot.documents.promql import promql_faults
from bot.domain.measures import UNITS
from bot.domain.words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.documents import Document
    from bot.domain.faults import Fault


def metric_faults(document: Document) -> Iterator[Fault]:
    """Every fault of `services.*.metrics`."""
    for path, text in find_texts(document.value, "services", ANY, "metrics", ANY, "query"):
        for fault in promql_faults(text):
            where = ".".join(map(str, path))
            yield document.place(path).fault_at(f"`{where}`: {fault.message}", text, fault.offset)
    for path, unit in find_texts(document.value, "services", ANY, "metrics", ANY, "unit"):
        message = unit_fault(unit)
        if message:
            yield document.place(path).fault(message)


def unit_fault(unit: str) -> str:
    """What is wrong with a unit; empty where nothing is. A word in braces is the user's own."""
    word = unit.strip()
    if re.fullmatch(r"\{[^{}]{1,30}\}(/(s|min|h|d))?", word):
        return ""
    counted, slash, per = word.partition("/")
    if counted in UNITS and (not slash or per in {"s", "min", "h", "d"}):
        return ""
    told = did_you_mean(counted, UNITS) or f"; known are {', '.join(sorted(UNITS))}"
    more = "each also as `…/s`; your own word in braces, such as {customers}"
    return f"unknown unit `{word[:60]}`{told} ({more})"
