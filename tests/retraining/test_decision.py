from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.drift import DriftSide
from bot.domain.retraining import (
    Ground,
    Judged,
    Objection,
    RetrainingDecision,
    RetrainingRules,
    RetrainingVerdict,
    decide_retraining,
)
from bot.testing import START
from tests.making import make_drift_report
from tests.retraining.making import DAY, drifted, emptied, make_facts, moved

RULES = RetrainingRules()


def decide(rules: RetrainingRules = RULES, **facts: Any) -> RetrainingDecision:
    """The decision at START."""
    return decide_retraining(make_facts(**facts), rules, now=START)


def judged(decision: RetrainingDecision, what: Ground | Objection) -> Judged:
    """One of what was weighed."""
    return next(one for one in (*decision.grounds, *decision.objections) if one.what is what)


def test_nothing_speaks_for_it() -> None:
    """A young, accurate model on data that has not moved: every ground says its number."""
    decision = decide()
    assert decision.verdict is RetrainingVerdict.NOT_NEEDED
    assert [one.words for one in decision.grounds] == [
        "the drift score is 0.12, not above 0.3",
        (
            "the accuracy in production is 0.905, 0.9 points below what version 7 had in training (0.914), "
            "not more than 5 below"
        ),
        "version 7 is 12 days old, not more than 30 days",
    ]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            {"report": drifted(moved("tenure", 0.8), moved("age", 0.3))},
            "the drift score is 0.46, above 0.3 (tenure, age)",
        ),
        (
            {"accuracy": 0.85},
            (
                "the accuracy in production is 0.85, 6.4 points below what version 7 had in training "
                "(0.914), more than 5 below"
            ),
        ),
        ({"made_at": START - 41 * DAY}, "version 7 is 41 days old, more than 30 days"),
    ],
)
def test_each_ground_alone_is_enough(facts: dict[str, Any], words: str) -> None:
    """Drift, accuracy or age: any one of them proposes it, in words with numbers."""
    decision = decide(**facts)
    assert (decision.verdict, decision.words) == (RetrainingVerdict.PROPOSED, words)


@pytest.mark.parametrize(
    ("facts", "objection", "words"),
    [
        (
            {"trained_at": START - 3 * DAY},
            Objection.TOO_SOON,
            "the last training was 3 days ago, less than 7 days",
        ),
        (
            {"report": drifted(emptied("tenure", 0.2), moved("age", 0.3))},
            Objection.BROKEN_DATA,
            (
                "the data looks broken: missing or never seen content makes 77% of the drift (tenure), "
                "more than 50%; a model would learn the fault"
            ),
        ),
        (
            {"report": drifted(moved("age", 0.8), rows=900)},
            Objection.TOO_FEW_ROWS,
            "there are 900 fresh rows, fewer than 1,000",
        ),
        ({"running": ("training-9",)}, Objection.RUNNING, "a training runs already: Job training-9"),
        (
            {"begun": (START - 6 * DAY, START - DAY)},
            Objection.BUDGET,
            "2 of the 2 trainings a week that may be asked for were begun",
        ),
    ],
)
def test_each_objection_alone_refuses(facts: dict[str, Any], objection: Objection, words: str) -> None:
    """Whatever speaks for it: one objection is enough, and says its numbers."""
    decision = decide(**{"made_at": START - 90 * DAY, **facts})
    assert decision.verdict is RetrainingVerdict.REFUSED
    assert [(one.what, one.words) for one in decision.forbidding] == [(objection, words)]


def test_what_is_not_known_is_unknown_and_not_zero() -> None:
    """No report, no evaluation, no registry: nothing is proposed, and each says why it is not known."""
    decision = decide(
        report=None,
        accuracy=None,
        made_at=None,
        trained_at=None,
        running=None,
        begun=None,
        unknown={"accuracy": "no run", "model": "MLflow is away", "jobs": "no right"},
    )
    assert decision.verdict is RetrainingVerdict.UNKNOWN
    assert {one.what for one in decision.untold} == {*Ground, *Objection}
    assert [one.words for one in decision.grounds] == [
        "the drift is unknown: there is no drift report",
        "the accuracy in production is unknown: no run",
        "the model's age is unknown: MLflow is away",
    ]


def test_an_accuracy_of_zero_is_an_accuracy() -> None:
    """Zero is the worst there is, not a missing number."""
    decision = decide(accuracy=0.0)
    assert judged(decision, Ground.ACCURACY).holds is True
    assert "is 0, 91.4 points below" in decision.words


def test_an_insufficient_report_tells_its_rows_and_no_score() -> None:
    """Too little data: the drift is unknown, and that there are too few rows is known."""
    report = make_drift_report(score=None, current=DriftSide(name="current", rows=150))
    decision = decide(report=report, made_at=START - 90 * DAY)
    assert judged(decision, Ground.DRIFT).holds is None
    assert judged(decision, Objection.TOO_FEW_ROWS).holds is True
    assert decision.verdict is RetrainingVerdict.REFUSED


def test_an_old_report_says_nothing_any_more() -> None:
    """What was true three days ago is not known now, neither the score nor the rows nor the faults."""
    report = drifted(emptied("tenure", 0.9), rows=10)
    decision = decide(report=report, reported_at=START - 3 * DAY)
    unknown = {Ground.DRIFT, Objection.BROKEN_DATA, Objection.TOO_FEW_ROWS}
    assert {one.what for one in decision.untold} == unknown
    assert "the newest drift report is 3d old" in judged(decision, Ground.DRIFT).words


def test_a_fault_in_one_small_column_is_not_the_drift() -> None:
    """Most of the drift is a shape that moved: a few missing values beside it refuse nothing."""
    decision = decide(report=drifted(moved("tenure", 0.9), emptied("age", 0.03)))
    assert judged(decision, Objection.BROKEN_DATA) == Judged(
        what=Objection.BROKEN_DATA,
        holds=False,
        words="missing or never seen content makes 25% of the drift",
    )
    assert decision.verdict is RetrainingVerdict.PROPOSED


def test_the_limits_themselves() -> None:
    """At the threshold nothing holds; at the least distance a training may be asked for again."""
    at_the_limit = decide(
        report=drifted(moved("age", 0.3), score=0.3, rows=1_000),
        accuracy=0.864,
        made_at=START - 30 * DAY,
        trained_at=START - 7 * DAY,
    )
    assert at_the_limit.verdict is RetrainingVerdict.NOT_NEEDED
    assert at_the_limit.forbidding == ()


FACTS = st.fixed_dictionaries(
    {
        "report": st.sampled_from(
            [
                None,
                make_drift_report(score=None),
                drifted(moved("a", 0.9)),
                drifted(emptied("a", 0.5), rows=20),
                make_drift_report(score=0.1),
            ]
        ),
        "accuracy": st.none() | st.floats(0, 1),
        "baseline": st.none() | st.floats(0, 1),
        "made_at": st.none() | st.timedeltas(-DAY, 400 * DAY).map(lambda age: START - age),
        "trained_at": st.none() | st.timedeltas(-DAY, 400 * DAY).map(lambda age: START - age),
        "running": st.sampled_from([None, (), ("t",)]),
        "begun": st.none() | st.lists(st.timedeltas(0 * DAY, 9 * DAY).map(lambda d: START - d)).map(tuple),
    }
)


@given(facts=FACTS)
def test_a_proposal_has_a_ground_and_no_objection(facts: dict[str, Any]) -> None:
    """A proposal says why, nothing forbids it, and it never comes sooner than the least distance."""
    decision = decide(**facts)
    if decision.verdict is RetrainingVerdict.PROPOSED:
        assert decision.words
        assert not decision.forbidding
        assert facts["trained_at"] is None or START - facts["trained_at"] >= RULES.min_between
    if decision.verdict is RetrainingVerdict.REFUSED:
        assert decision.forbidding
    if decision.verdict in {RetrainingVerdict.NOT_NEEDED, RetrainingVerdict.UNKNOWN}:
        assert not decision.speaking


@given(facts=FACTS, missing=st.sampled_from(["report", "accuracy", "made_at", "running", "begun"]))
def test_knowing_less_never_makes_an_objection_or_a_ground(facts: dict[str, Any], missing: str) -> None:
    """Taking a fact away leaves what holds a part of what held."""
    before, after = decide(**facts), decide(**{**facts, missing: None})
    assert {one.what for one in after.speaking} <= {one.what for one in before.speaking}
    assert {one.what for one in after.forbidding} <= {one.what for one in before.forbidding}


@given(facts=FACTS)
def test_every_word_is_one_line_with_no_number_that_is_none(facts: dict[str, Any]) -> None:
    """People read it: nothing says nan, None, or runs over a line."""
    for one in (*decide(**facts).grounds, *decide(**facts).objections):
        assert "\n" not in one.words
        assert not {"nan", "None", "inf"} & set(one.words.replace(",", " ").split())


def test_the_configured_thresholds_hold() -> None:
    """Every threshold is the service's own."""
    strict = replace(RULES, drift_above=0.1, accuracy_drop=0.001, oldest=DAY)
    assert {one.what for one in decide(strict).speaking} == set(Ground)
    lax = replace(RULES, min_between=timedelta(hours=1), most_a_week=9, fewest_rows=1, broken_above=1.0)
    broken = drifted(emptied("a", 0.5), rows=20)
    decision = decide(lax, report=broken, trained_at=START - timedelta(hours=2), begun=(START,) * 8)
    assert decision.verdict is RetrainingVerdict.PROPOSED
