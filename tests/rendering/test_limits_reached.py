"""Every bound in the renderers is reached by some input: none is there for show, and none is crossed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.events import EventKind
from bot.domain.findings import Table
from bot.domain.remedies import Change
from bot.rendering import answers, modals
from bot.rendering.approvals import approval_message
from bot.rendering.blocks import (
    ACTIONS,
    BUTTON,
    HEADER,
    MESSAGE_BLOCKS,
    MESSAGE_SIZE,
    SECTION,
    actions,
    block_size,
    button,
)
from bot.rendering.buttons import ActionWord, CheckButton, action_id
from bot.rendering.escaping import units
from bot.rendering.findings import TABLE_CELLS, TABLE_ROWS, TABLE_TEXT, finding_message
from bot.rendering.forms import FormTarget, encode_target
from bot.rendering.incidents import incident_message
from bot.rendering.notices import notice_message
from bot.rendering.views import NoticeView, OfferedRemediation, StepView, TimelineView
from tests.rendering.samples import (
    NOW,
    approval,
    approval_view,
    event,
    finding,
    finding_view,
    group_of,
    incident,
    incident_view,
    plan,
    runbook,
    worst_incident_view,
)
from tests.rendering.soundness import all_texts, assert_sound

LONG = "long " * 3_000


def _elements(blocks: Any) -> list[dict[str, Any]]:
    return [element for block in blocks if block["type"] == "actions" for element in block["elements"]]


def test_header_is_cut_at_its_limit_with_the_number_in_sight() -> None:
    """A title of 15,000 characters is cut visibly, and the incident's number stays."""
    head = incident_message(incident_view(incident(title=LONG))).blocks[0]["text"]["text"]
    assert HEADER - 6 <= len(head) <= HEADER
    assert head.endswith("… · #12")


def test_button_labels_are_cut_at_their_limit() -> None:
    """A remediation's long name is cut on its button."""
    offered = (OfferedRemediation(name="scale-up", label="x" * 500),)
    shown = _elements(incident_message(incident_view(runbook=runbook(remediations=offered))).blocks)
    assert max(units(element["text"]["text"]) for element in shown) == BUTTON


def test_confirm_texts_are_cut_at_their_limit() -> None:
    """The question before an approval shows what fits of the plan."""
    changes = (Change(field="spec.replicas", before="&" * 300, after="6"),)
    shown = _elements(approval_message(approval_view(approval(plan(changes=changes)))).blocks)
    assert 290 <= len(shown[0]["confirm"]["text"]["text"]) <= 300


def test_a_row_of_buttons_ends_at_its_limit() -> None:
    """Of 40 buttons one row takes 25."""
    made = [
        button(ActionWord.RUN_CHECK, "Run", CheckButton(incident_id=1, check=f"c{n}"), suffix=f"c{n}")
        for n in range(40)
    ]
    assert len(actions(made)[0]["elements"]) == ACTIONS


def test_the_worst_incident_says_what_it_leaves_out() -> None:
    """500 alerts, 200 steps and the rest of the worst group show the first of each and count the others."""
    message = incident_message(worst_incident_view("x"))
    assert len(message.blocks) <= MESSAGE_BLOCKS
    said = all_texts(message)
    for words in (
        "and 495 more",
        "reopened 1000000 times",
        "+25",
        "and 94 more",
        "Shortened: ",
    ):
        assert words in said


def test_the_longest_texts_are_dropped_from_the_end() -> None:
    """A message too long in all keeps its head, its buttons and its foot, and says that it was shortened."""
    blocks = incident_message(worst_incident_view()).blocks
    assert [block["type"] for block in blocks[:4]] == ["header", "section", "context", "section"]
    assert "acknowledge" in {element["action_id"] for element in _elements(blocks)}
    assert "Shortened: " in blocks[-2]["elements"][0]["text"]
    assert "as of" in blocks[-1]["elements"][0]["text"]
    assert MESSAGE_SIZE * 0.6 <= sum(map(block_size, blocks)) <= MESSAGE_SIZE


def test_steps_are_folded() -> None:
    """Of 200 short steps 15 are shown and the others counted."""
    steps = (StepView(title="Look", text="", check=None, finding=None),) * 200
    said = all_texts(incident_message(incident_view(runbook=runbook(steps=steps))))
    assert "and 185 more steps" in said


def test_folded_alerts_are_counted_by_name() -> None:
    """What is not shown of a group is counted by the name of the alert."""
    said = all_texts(incident_message(incident_view(incident(truncated=3), firing=group_of(500))))
    assert "and 495 more: 248 *ChurnPodRestarting*, 247 *ChurnHighLatency*" in said
    assert "Alertmanager left 3 more out of its message" in said


def test_a_table_ends_at_its_rows() -> None:
    """Of 300 rows a table shows 99 below its head, and the rest is counted."""
    table = Table(columns=("pod",), rows=(("a",),) * 300)
    blocks = finding_message(finding_view(finding(table=table))).blocks
    assert len(blocks[1]["rows"]) == TABLE_ROWS
    assert "201 more rows" in blocks[2]["elements"][0]["text"]


def test_a_table_ends_at_its_characters() -> None:
    """Long cells end a table before its hundredth row."""
    table = Table(columns=("a", "b"), rows=(("x" * 10_000, "y" * 10_000),) * 99)
    rows = finding_message(finding_view(finding(table=table))).blocks[1]["rows"]
    shown = sum(len(cell["text"]) for row in rows for cell in row)
    assert TABLE_TEXT - 400 <= shown <= TABLE_TEXT


def test_a_wide_table_becomes_fixed_width_text() -> None:
    """More columns than a table block takes are drawn as text."""
    wide = tuple(f"c{number}" for number in range(TABLE_CELLS + 1))
    blocks = finding_message(finding_view(finding(table=Table(columns=wide, rows=(wide,))))).blocks
    assert blocks[1]["type"] == "section"
    assert blocks[1]["text"]["text"].startswith("```\nc0")


def test_a_notice_fills_a_section() -> None:
    """A long notice is shown as far as a section goes."""
    message = notice_message(NoticeView(title=LONG, text=LONG, now=NOW))
    assert_sound(message)
    assert SECTION - 120 <= len(message.blocks[1]["text"]["text"]) <= SECTION


def test_a_timeline_shows_the_newest() -> None:
    """Of 1,000 entries the newest hundred are shown, fewer where they are long."""
    short = tuple(replace(event(EventKind.ACKNOWLEDGED), id=str(number)) for number in range(1_000))
    message = answers.timeline_answer(TimelineView(incident=incident(), events=short, now=NOW))
    assert_sound(message)
    assert "earlier entries are not shown" in all_texts(message)
    assert "Shortened" not in all_texts(message)
    long = (event(EventKind.SILENCED, reason=LONG),) * 1_000
    message = answers.timeline_answer(TimelineView(incident=incident(), events=long, now=NOW))
    assert_sound(message)
    assert "Shortened" not in all_texts(message)


def test_a_long_suffix_stays_unique() -> None:
    """Action ids of names longer than Slack allows differ where the names do."""
    first, second = (action_id(ActionWord.RUN_CHECK, "x" * 400 + end) for end in "ab")
    assert first != second
    assert max(len(first), len(second)) <= 255


def test_a_modal_refuses_a_target_that_it_cannot_carry() -> None:
    """A target longer than private_metadata is a mistake of the caller, said at once."""
    with pytest.raises(ValueError, match="cannot carry"):
        encode_target(FormTarget(service="x" * 4_000, channel="C1"))


def test_modal_titles_are_short() -> None:
    """Title, submit and close are within 24 characters whatever the modal is about."""
    view = modals.scale_modal(FormTarget(service="churn", channel="C1"), subject=LONG, present=3)
    assert max(len(view[key]["text"]) for key in ("title", "submit", "close")) <= 24
