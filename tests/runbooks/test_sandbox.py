"""Runbook text runs in a sandbox: no way to Python, no bomb, no exception at the caller."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.findings import Finding, Verdict
from bot.domain.runbooks import Runbook
from bot.rendering.contexts import finding_values, text_context
from bot.rendering.templates import (
    CUT_MARK,
    RenderedText,
    evaluate,
    expression_faults,
    render_text,
    text_faults,
)

CONTEXT = {
    "labels": {"pod": "api-1", "items": "three", "long": "x" * 10_000},
    "findings": {"pods": {"restarts": 4}},
    "alert": {"name": "A"},
    "annotations": {},
    "incident": {},
    "service": {},
    "runbook": {},
}
SECONDS = 2.0  # on a busy machine; each of these takes milliseconds on a quiet one


def render(source: str, limit: int = 3_000) -> RenderedText:
    """The text of a template over CONTEXT."""
    return render_text(source, CONTEXT, runbook="R", place="summary", limit=limit)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ labels['__class__'] }}",
        "{{ labels.__class__ }}",
        "{{ labels | attr('__class__') }}",
        "{{ labels.pod | map(attribute='__class__') | list }}",
        "{{ labels.values() | map(attribute='__class__') | list }}",
        "{{ labels.pod.format(labels) }}",
        "{{ labels.pod.upper }}",
        "{{ labels.pod.upper.__self__ }}",
        "{{ range.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ namespace(x=1) }}",
        "{{ _budget.spend() }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% macro f() %}{% endmacro %}{{ f() }}",
        "{% set _budget = 1 %}",
        "{{ labels.update({'a': 'b'}) }}",
        "{{ labels.pop('pod') }}",
        "{{ labels.clear() }}",
    ],
)
def test_there_is_no_way_out(source: str) -> None:
    """Attributes of Python, other templates, hidden names and changes to the data are all refused."""
    rendered = render(source)
    assert rendered.fault
    assert rendered.text.startswith("[the text of runbook R could not be made (summary, line 1):")
    assert CONTEXT["labels"] == {"pod": "api-1", "items": "three", "long": "x" * 10_000}


BOMBS = [
    "{{ 9 ** 9 ** 9 }}",
    "{{ 2 ** 100000000 }}",
    "{{ 'a' * 10 ** 9 }}",
    "{{ [1] * 1000000000 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ range(1000000000) | list }}",
    "{{ 1.5 | round(1000000000) }}",
    "{{ [1, 2] | join('x' * 30) }}",
    "{% set x = 'aaaaaaaaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 300 + "{{ x }}",
    "{% set x = labels.long %}" + "{% set x = x + x %}" * 300 + "{{ x }}",
    "{% set x = [1] %}" + "{% set x = [x, x] %}" * 60 + "{{ x }}",
    "{% for a in range(100) %}" * 3 + "{% endfor %}" * 3,
    "{% for a in range(100) %}" * 2 + "{% set x = labels.long | upper %}" + "{% endfor %}" * 2,
    "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
    "{{ " + "-" * 3_000 + "1 }}",
    "{{ 1" + "0" * 7_000 + " }}",
    "x" * 100_000,
]


@pytest.mark.parametrize("source", BOMBS, ids=range(len(BOMBS)))
def test_no_template_eats_the_bot(source: str) -> None:
    """Powers, repetitions, doublings, loops in loops and deep nesting end at once, with a fault or a cut."""
    began = time.monotonic()
    faults = text_faults(source)
    rendered = render(source)
    assert time.monotonic() - began < SECONDS
    assert rendered.fault or faults or rendered.cut
    assert len(rendered.text) <= 3_000


def test_a_long_text_is_cut_with_a_mark() -> None:
    """The output has at most the stated length, mark included."""
    rendered = render("{{ labels.long }}", limit=100)
    assert rendered.cut
    assert len(rendered.text) == 100
    assert rendered.text.endswith(CUT_MARK)


def test_text_from_an_alert_is_never_a_template() -> None:
    """A label that looks like a template comes out as it is."""
    context = {**CONTEXT, "labels": {"pod": "{{ 7 * 7 }}{% include 'x' %}"}}
    rendered = render_text("{{ labels.pod }}", context, runbook="R", place="summary")
    assert rendered.text == "{{ 7 * 7 }}{% include 'x' %}"


def test_a_label_may_be_called_like_a_method() -> None:
    """`labels.items` is the label, `labels.items()` all of them."""
    assert render("{{ labels.items }}").text == "three"
    assert render("{% for k, v in labels.items() %}{{ k }} {% endfor %}").text == "pod items long"


def test_a_missing_label_names_runbook_place_line_and_name() -> None:
    """The substitute says where to look, and `default` avoids it, even below something that is missing."""
    rendered = render("one\ntwo {{ labels.node }}")
    assert rendered.text == (
        "[the text of runbook R could not be made (summary, line 2): `node` is not known here]"
    )
    assert render("{{ labels.node | default('?') }}{{ findings.hpa.current | default(0) }}").text == "?0"


def test_unknown_names_and_filters_are_found_without_data() -> None:
    """`lightship check` can name them with their line and the nearest right word."""
    found = [(fault.line, fault.message) for fault in text_faults("{{ labels.pod }}\n{{ lables.pod }}")]
    assert found == [(2, "unknown name `lables`; did you mean `labels`?")]
    assert "did you mean `upper`" in text_faults("{{ labels.pod | uper }}")[0].message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (True, "yes"),
        (3, "3"),
        (0.123456, "0.1235"),
        (1234567.8, "1,234,568"),
        (["a", "b"], "a, b"),
        (timedelta(minutes=90), "1h30m"),
        (datetime(2026, 11, 2, 8, 30, tzinfo=UTC), "2026-11-02 08:30 UTC"),
        ("\ud800", "?"),
    ],
)
def test_values_are_written_for_people(value: object, text: str) -> None:
    """Numbers, lists, times and unknowns read well; what cannot be encoded is replaced."""
    context = {**CONTEXT, "labels": {"x": value}}
    assert render_text("{{ labels.x }}", context, runbook="R", place="p").text == text


@pytest.mark.parametrize(
    ("expression", "holds", "missing"),
    [
        ("findings.pods.restarts > 3", True, False),
        ("findings.pods.restarts > 4", False, False),
        ("findings.hpa.at_maximum", False, True),
        ("'x' in findings.events.reasons", False, True),
        ("findings.pods.restarts > 'x'", False, False),
        ("1 / 0", False, False),
        ("findings.pods.restarts >", False, False),
    ],
)
def test_evidence_has_a_value_or_says_why_not(expression: str, holds: bool, missing: bool) -> None:
    """An expression never raises; a missing finding is told apart from a fault."""
    evaluation = evaluate(expression, CONTEXT)
    assert (evaluation.holds, evaluation.missing) == (holds, missing)


def test_an_expression_is_one_expression() -> None:
    """Something behind it, an empty one, or a statement in it is a fault when the runbook is loaded."""
    for source in ("a b", "", "labels }} {{ 1", "{% if %}", "findings.pods.restarts > "):
        assert expression_faults(source), source


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("{}%|.()[]'\" abx109*+~=<>-,_\n") | st.characters(), max_size=60))
def test_no_source_raises(source: str) -> None:
    """Whatever somebody writes into a runbook, the caller gets a text or a fault."""
    text_faults(source)
    expression_faults(source)
    assert isinstance(render(source).text, str)
    evaluate(source, CONTEXT)


def test_facts_with_a_dot_are_read_as_a_path() -> None:
    """A fact `p95_latency.value` of the check `metrics` is `findings.metrics.p95_latency.value`."""
    finding = Finding(
        check="metrics",
        target="churn",
        verdict=Verdict.WARN,
        summary="slow",
        observed_at=datetime(2026, 11, 2, tzinfo=UTC),
        fresh_for=timedelta(minutes=5),
        facts={"p95_latency.value": 1.7, "p95_latency.above": True, "count": 1},
    )
    runbook = Runbook(name="R", title="R", severity=None, match=(), summary_template="x")
    context = text_context(runbook=runbook, findings=[finding])
    assert evaluate("findings.metrics.p95_latency.value > 1", context).holds
    assert finding_values(finding)["verdict"] == "warn"
