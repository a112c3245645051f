"""A runbook on the screen: what it says, and how its steps stand. Called by `incidents` and `answers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.rendering.blocks import button, context, joined, section
from bot.rendering.buttons import ActionWord, CheckButton
from bot.rendering.escaping import NOTHING, bold, code, mrkdwn, paragraph
from bot.rendering.findings import finding_line

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.findings import Finding
    from bot.ports.notifier import Block
    from bot.rendering.views import RunbookView, StepView

STEPS: Final = 15
_SYMPTOMS: Final = 6
_OTHER_FINDINGS: Final = 10


def runbook_blocks(
    runbook: RunbookView, *, incident_id: int | None, now: datetime, steps: int = STEPS, wordy: bool = False
) -> tuple[Block, ...]:
    """Title, summary, symptoms and steps; at most `steps` + 4 blocks. `wordy` shows long texts in full."""
    title = f"📖 {bold(runbook.title or runbook.name, 200)}"
    summary = paragraph(runbook.summary, 2_500 if wordy else 600)
    blocks = [section(title if summary == NOTHING else f"{title}\n{summary}")]
    if runbook.symptoms:
        most = len(runbook.symptoms) if wordy else _SYMPTOMS
        lines = [f"• {mrkdwn(symptom, 400 if wordy else 200)}" for symptom in runbook.symptoms[:most]]
        rest = len(runbook.symptoms) - most
        blocks.append(section(joined(["*Symptoms*", *lines, *([f"_and {rest} more_"] if rest > 0 else [])])))
    for number, step in enumerate(runbook.steps[:steps], start=1):
        blocks.append(_step(number, step, incident_id=incident_id, now=now, wordy=wordy))
    left = len(runbook.steps) - steps
    if left > 0:
        blocks.append(context(f"and {left} more steps in {code(f'runbook {runbook.name}', 220)}"))
    return tuple(blocks)


def _step(number: int, step: StepView, *, incident_id: int | None, now: datetime, wordy: bool) -> Block:
    rows = [f"*{number}.* {mrkdwn(step.title or step.check or '', 200)}"]
    if step.text.strip():
        rows.append(paragraph(step.text, 2_000 if wordy else 500))
    if step.check is None:
        rows[0] = f"{rows[0]}  👤"
        return section("\n".join(rows))
    if step.finding is not None:
        rows.append(finding_line(step.finding, now=now, limit=300))
    else:
        rows.append(f"▫️ {code(step.check, 100)} has not run yet")
    if not incident_id:
        return section("\n".join(rows))
    label = "Run" if step.finding is None else "Run again"
    value = CheckButton(incident_id=incident_id, check=step.check)
    return section("\n".join(rows), accessory=button(ActionWord.RUN_CHECK, label, value, suffix=step.check))


def other_findings(
    runbook: RunbookView | None, findings: tuple[Finding, ...], *, now: datetime
) -> tuple[Block, ...]:
    """The findings that no step shows, such as those of checks that somebody ran by command."""
    shown = {step.check for step in runbook.steps[:STEPS]} if runbook else set()
    lines = [
        f"{code(found.check, 60)} {finding_line(found, now=now, limit=250)}"
        for found in [found for found in findings if found.check not in shown][:_OTHER_FINDINGS]
    ]
    return (section(joined(["*Also checked*", *lines])),) if lines else ()
