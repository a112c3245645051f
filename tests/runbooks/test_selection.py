"""Which runbook an alert gets, and that nothing but its labels and the runbooks decide it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.matchers import parse_matchers
from bot.domain.runbooks import Runbook, SelectionReason, select_runbook


def runbook(name: str, match: str) -> Runbook:
    """A runbook that serves what `match` says."""
    return Runbook(
        name=name, title=name, severity=None, match=parse_matchers(match), summary_template="Hello"
    )


ANY_API = runbook("AnyAPI", 'alertname=~".*API.*"')
LATENCY = runbook("Latency", 'alertname="HighAPILatency"')
BATCH = runbook("Batch", 'alertname="HighAPILatency",endpoint="/predict/batch"')
ALL = (ANY_API, LATENCY, BATCH)
LABELS = {"alertname": "HighAPILatency", "endpoint": "/predict/batch"}


def test_the_most_specific_comes_first_and_the_others_after_it() -> None:
    """More equalities win over fewer, an equality over an expression."""
    selection = select_runbook(ALL, LABELS)
    assert selection.runbook is BATCH
    assert selection.others == (LATENCY, ANY_API)


def test_a_label_that_names_a_runbook_wins() -> None:
    """`runbook="AnyAPI"` takes it, and the others that hold stay offered."""
    selection = select_runbook(ALL, {**LABELS, "runbook": "AnyAPI"})
    assert selection.runbook is ANY_API
    assert selection.reason is SelectionReason.NAMED_BY_LABEL
    assert selection.others == (BATCH, LATENCY)


def test_a_label_that_names_none_falls_back_to_the_matchers_and_is_told() -> None:
    """A runbook that does not exist is named in the selection, and the matchers decide."""
    selection = select_runbook(ALL, {**LABELS, "runbook": "Latnecy"})
    assert selection.runbook is BATCH
    assert selection.unknown_name == "Latnecy"


def test_an_alert_that_nothing_matches_has_no_runbook() -> None:
    """The reason says so."""
    selection = select_runbook(ALL, {"alertname": "Watchdog"})
    assert (selection.runbook, selection.reason) == (None, SelectionReason.NONE_MATCHES)


@given(st.permutations([*ALL, runbook("Batch2", 'alertname="HighAPILatency",endpoint="/predict/batch"')]))
def test_the_order_of_loading_never_counts(order: list[Runbook]) -> None:
    """Equally specific runbooks go by their names."""
    selection = select_runbook(order, LABELS)
    names = [one.name for one in (selection.runbook, *selection.others) if one is not None]
    assert names == ["Batch", "Batch2", "Latency", "AnyAPI"]
