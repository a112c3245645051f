"""The Markdown timeline: what a review needs, whatever alerts and people wrote into it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.auditing import Head
from bot.domain.events import EventKind
from bot.domain.files import KeptPicture
from bot.domain.incidents import IncidentState, Resolution
from bot.rendering.timelines import Graphs, timeline_markdown, timings
from bot.rendering.views import TimelineView
from tests.rendering.samples import ALICE, BOB, NOW, ago, event, finding, incident

WHOLE = TimelineView(
    incident=incident(
        state=IncidentState.RESOLVED,
        acknowledged_by=BOB,
        acknowledged_at=ago(minutes=8),
        resolved_at=ago(minutes=1),
        resolution=Resolution.ALERTS_RESOLVED,
    ),
    events=(
        event(EventKind.ACKNOWLEDGED, actor=BOB),
        replace(
            event(
                EventKind.REMEDIATION_FIXED,
                action="scale",
                target="deployment churn/churn-api",
                change="spec.replicas 3 → 6",
                seconds=180,
                metric="P95 latency",
                unit="s",
                before=1.7,
                after=0.4,
            ),
            id="e-2",
        ),
    ),
    findings=(finding(),),
    audited={"e-2": 57},
    head=Head(number=58, hash="ab" * 32),
    now=NOW,
)
FIXED = "**Fixed after 3 min**: P95 latency 1.7 s → 0.4 s"
MARKDOWN = f"""\
# Incident 12: ChurnHighLatency

- Service: churn
- Severity: P1
- Opened: 2026-11-24 03:05:00 UTC
- Time to acknowledge (MTTA): 4 min by @U0BOB
- Time to resolve (MTTR): 11 min (alerts resolved)
- Runbook: high-latency

## What happened

| Time (UTC) | What | Audit |
|---|---|---|
| 2026-11-24 03:16:55 | 👀 @U0BOB acknowledged it. |  |
| 2026-11-24 03:16:55 | ✅ {FIXED}. scale `deployment churn/churn-api`: \
spec.replicas 3 → 6. | 57 |

## What the checks found last

- pods, 2026-11-24 03:15:00 UTC: warn, 3 of 3 pods are ready, 1 restarted in the last hour

As of 2026-11-24 03:17:00 UTC. `lightship audit verify --head 58:abababababab` \
tells whether the audit was changed.
"""


def test_it_tells_the_whole_story_with_its_times() -> None:
    """MTTA, MTTR, who, the numbers of the verification, and the audit's entries."""
    assert timeline_markdown(WHOLE) == MARKDOWN
    assert timings(WHOLE.incident) == {"seconds_to_acknowledge": 240.0, "seconds_to_resolve": 660.0}


GRAPHS = tuple(
    KeptPicture(
        name="p95.png",
        title=f"P95 [{number}]",
        alt_text="High | still",
        content=b"PNG",
        at=ago(minutes=number),
    )
    for number in (9, 2)
)
LINKED = """\
## Graphs

P95 \\[9\\], 2026-11-24 03:08:00 UTC:

![High \\| still](incident-12-graph-1.png)

P95 \\[2\\], 2026-11-24 03:15:00 UTC:

![High \\| still](incident-12-graph-2.png)

As of"""


def test_graphs_are_linked_as_files_beside_it() -> None:
    """In the order of time, each with its title and its words for who cannot see it."""
    told = timeline_markdown(replace(WHOLE, pictures=GRAPHS), graphs=Graphs.LINKED)
    assert LINKED in told


def test_graphs_are_embedded_behind_everything_that_is_read() -> None:
    """The text refers to them; the data stand at the end, and what does not fit is named."""
    told = timeline_markdown(replace(WHOLE, pictures=GRAPHS), graphs=Graphs.EMBEDDED)
    assert "![High \\| still][graph-1]" in told
    ending = told.partition("As of")[2]
    assert "[graph-1]: data:image/png;base64,UE5H\n" in ending
    assert "[graph-2]: data:image/png;base64,UE5H\n" in ending
    large = replace(GRAPHS[0], content=b"x" * 2_000_000)
    told = timeline_markdown(replace(WHOLE, pictures=(large,)), graphs=Graphs.EMBEDDED)
    assert "data:" not in told
    assert "The rest is in the thread." in told


def test_on_a_terminal_graphs_are_named() -> None:
    """With the command that writes them."""
    told = timeline_markdown(replace(WHOLE, pictures=GRAPHS))
    assert "- P95 \\[9\\], 2026-11-24 03:08:00 UTC" in told
    assert "`lightship incident timeline 12 --out FOLDER` writes them beside this document." in told


@given(st.text(max_size=300))
def test_no_text_breaks_out_of_its_row(text: str) -> None:
    """Titles, reasons and findings are data: no cell, heading, link or tag of their own."""
    view = replace(
        WHOLE,
        incident=replace(WHOLE.incident, title=text),
        events=(event(EventKind.SILENCED, actor=ALICE, reason=text),),
        findings=(replace(finding(), summary=text, reason=text),),
    )
    lines = timeline_markdown(view).splitlines()
    assert len(lines) == len(MARKDOWN.splitlines()) - 1
    (row,) = [line for line in lines if line.startswith("| 2026")]
    assert row.replace("\\|", "").count("|") == 4
    assert not any("<" in line for line in lines)
