"""Findings: one line for a step, or in full with the table. Called by the composing engine and the doors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.domain.findings import Verdict
from bot.rendering.blocks import TEXT, actions, button, context, joined, message, section
from bot.rendering.buttons import ActionWord, CheckButton
from bot.rendering.dates import age, moment
from bot.rendering.escaping import bold, code, code_block, mrkdwn, paragraph, plain, units

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.domain.findings import Finding, Table
    from bot.ports.notifier import Block, RenderedMessage
    from bot.rendering.views import FindingView

MARKS: Final = {Verdict.OK: "✅", Verdict.WARN: "⚠️", Verdict.FAIL: "❌", Verdict.UNKNOWN: "❔"}
TABLE_ROWS: Final = 100
TABLE_CELLS: Final = 20
TABLE_TEXT: Final = 6_000  # Slack takes 10,000; the rest of the message needs room as well
_CELL: Final = 200
_DETAILS: Final = 20
_FIXED_ROWS: Final = 40
_FIXED_CELL: Final = 40


def finding_line(finding: Finding, *, now: datetime, limit: int = 500) -> str:
    """`✅ 3 of 3 pods are ready · 2 min ago`, marked where it is stale; escaped mrkdwn."""
    told = finding.verdict is not Verdict.UNKNOWN or finding.reason in finding.summary
    why = "" if told else f" ({mrkdwn(finding.reason, 150)})"
    return f"{MARKS[finding.verdict]} {mrkdwn(finding.summary, limit)}{why} · {_aged(finding, now)}"


def _aged(finding: Finding, now: datetime) -> str:
    how_old = age(finding.observed_at, now)
    return f"⌛ stale, {how_old}" if finding.is_stale(now=now) else how_old


def finding_message(view: FindingView, *, table_block: bool = True) -> RenderedMessage:
    """A finding in full. Without `table_block` the table is fixed-width text, for places without tables."""
    finding = view.finding
    text = f"{code(finding.check, 100)} {finding_line(finding, now=view.now, limit=TEXT - 500)}"
    return message(text, finding_blocks(view, table_block=table_block))


def finding_blocks(view: FindingView, *, table_block: bool = True) -> tuple[Block, ...]:
    """The blocks of a finding: verdict and summary, reason, table, details, age, a button to run it again."""
    finding = view.finding
    head = [f"{MARKS[finding.verdict]} {bold(finding.check, 150)} on {code(finding.target, 200)}"]
    head.append(mrkdwn(finding.summary, 1_000))
    if finding.reason:
        why = "Could not look" if finding.verdict is Verdict.UNKNOWN else "Why"
        head.append(f"{why}: {mrkdwn(finding.reason, 600)}")
    blocks = [section("\n".join(head))]
    if finding.table is not None and finding.table.columns:
        blocks += _table_blocks(finding.table, table_block=table_block)
    if finding.details:
        blocks.append(section(joined([f"• {mrkdwn(line, 250)}" for line in _bounded(finding.details)])))
    blocks.append(context(f"As of {moment(finding.observed_at)}, {_aged(finding, view.now)}"))
    if view.incident_id:
        again = CheckButton(incident_id=view.incident_id, check=finding.check)
        blocks += actions([button(ActionWord.RUN_CHECK, "Run again", again, suffix=finding.check)])
    return tuple(blocks)


def _bounded(details: Sequence[str]) -> list[str]:
    shown = list(details[:_DETAILS])
    rest = len(details) - _DETAILS
    return [*shown, f"and {rest} more"] if rest > 0 else shown


def _table_blocks(table: Table, *, table_block: bool) -> list[Block]:
    if table_block and len(table.columns) <= TABLE_CELLS:
        rows, left_out = _fitting_rows(table)
        block: Block = {"type": "table", "rows": rows}
    else:
        text, left_out = _fixed_width(table)
        block = section(text)
    return [block, context(f"{left_out} more rows are not shown")] if left_out else [block]


def _fitting_rows(table: Table) -> tuple[list[list[dict[str, Any]]], int]:
    width = len(table.columns)
    rows = [[_cell(name) for name in table.columns]]
    used = _length(rows[0])
    for row in table.rows[: TABLE_ROWS - 1]:
        cells = [_cell(row[place] if place < len(row) else "") for place in range(width)]
        used += _length(cells)
        if used > TABLE_TEXT:
            break
        rows.append(cells)
    return rows, len(table.rows) - (len(rows) - 1)


def _cell(text: str) -> dict[str, Any]:
    return {"type": "raw_text", "text": plain(text, _CELL)}


def _length(cells: list[dict[str, Any]]) -> int:
    return sum(len(cell["text"].encode()) for cell in cells)


def _fixed_width(table: Table) -> tuple[str, int]:
    width = min(len(table.columns), TABLE_CELLS)
    shown = [list(table.columns[:width]), *(list(row[:width]) for row in table.rows[:_FIXED_ROWS])]
    cells = [[plain(text, _FIXED_CELL) for text in row] + ["—"] * (width - len(row)) for row in shown]
    widths = [max(len(row[place]) for row in cells) for place in range(width)]
    lines = ["  ".join(text.ljust(size) for text, size in zip(row, widths, strict=True)) for row in cells]
    room = 2_800
    kept: list[str] = []
    for line in lines:
        room -= units(paragraph(line, 2_800)) + 1
        if room < 0 and kept:
            break
        kept.append(line.rstrip())
    return code_block("\n".join(kept), 2_900), len(table.rows) - (len(kept) - 1)
