"""Ranking causes: what evidence does to a cause, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.causes import (
    JudgedCause,
    JudgedEvidence,
    Judgement,
    Likelihood,
    RankingReason,
    WhyNot,
    rank,
    score,
)
from bot.domain.findings import Finding, Verdict
from bot.domain.suspects import FailureMode, Suspect
from bot.rendering.cause_words import first_words
from bot.testing import START

WEIGHTS = st.floats(min_value=0.1, max_value=10)
EVIDENCE = st.builds(
    JudgedEvidence,
    judgement=st.sampled_from(Judgement),
    weight=WEIGHTS,
    words=st.text(max_size=5),
    check=st.sampled_from(["pods", "hpa"]),
    why_not=st.none() | st.sampled_from(WhyNot),
)
CAUSES = st.builds(
    JudgedCause,
    name=st.sampled_from("abc"),
    title=st.text(max_size=5),
    weight=st.floats(min_value=0.01, max_value=1),
    evidence=st.lists(EVIDENCE, max_size=6).map(tuple),
    explains=st.frozensets(st.sampled_from(FailureMode), max_size=2),
)
SUSPECTS = st.builds(
    Suspect,
    mode=st.sampled_from(FailureMode),
    title=st.just("it"),
    subject=st.sampled_from(["pod a", "pod b"]),
    certainty=st.floats(min_value=0, max_value=1),
)
FINDINGS = st.lists(
    st.builds(
        Finding,
        check=st.sampled_from(["pods", "hpa", "logs"]),
        target=st.just("churn"),
        verdict=st.sampled_from(Verdict),
        summary=st.just("found"),
        observed_at=st.integers(0, 600).map(lambda seconds: START + timedelta(seconds=seconds)),
        fresh_for=st.just(timedelta(minutes=2)),
        suspects=st.lists(SUSPECTS, max_size=2).map(tuple),
    ),
    max_size=3,
    unique_by=lambda finding: finding.check,
)


def finding(
    check: str = "pods", verdict: Verdict = Verdict.FAIL, *suspects: Suspect, age: int = 0
) -> Finding:
    """What a check found, `age` seconds before the start."""
    return Finding(
        check=check,
        target="churn",
        verdict=verdict,
        summary="found",
        observed_at=START - timedelta(seconds=age),
        fresh_for=timedelta(minutes=2),
        suspects=suspects,
    )


def evidence(judgement: Judgement, weight: float = 3.0) -> JudgedEvidence:
    """One piece."""
    return JudgedEvidence(judgement=judgement, weight=weight, words="it")


def cause(*judgements: Judgement, name: str = "a", **changes: object) -> JudgedCause:
    """A cause with evidence of weight 3 each."""
    made = JudgedCause(name=name, title=name, weight=0.5, evidence=tuple(map(evidence, judgements)))
    return replace(made, **changes)  # type: ignore[arg-type]


def suspect(mode: FailureMode = FailureMode.IMAGE_MISSING, certainty: float = 0.95) -> Suspect:
    """A failure mode of the deployment."""
    return Suspect(mode=mode, title="it does not exist", subject="deployment churn-api", certainty=certainty)


@given(CAUSES, st.lists(CAUSES, max_size=3), FINDINGS, WEIGHTS)
def test_evidence_for_a_cause_never_lowers_it(
    one: JudgedCause, others: list[JudgedCause], findings: list[Finding], weight: float
) -> None:
    """With one more piece of evidence for it, its score is no lower and nothing passes it that did not."""
    one, others = replace(one, name="one"), [replace(other, name=f"other {other.name}") for other in others]
    more = replace(one, evidence=(*one.evidence, evidence(Judgement.FOR, weight)))
    before, after = rank([one, *others], findings).causes, rank([more, *others], findings).causes
    old = next(found for found in before if found.name == "one")
    new = next(found for found in after if found.name == "one")
    assert new.score >= old.score
    assert after.index(new) <= before.index(old)


@given(CAUSES, FINDINGS, st.integers(0, 5))
def test_evidence_that_turns_out_to_hold_never_lowers_its_cause(
    one: JudgedCause, findings: list[Finding], place: int
) -> None:
    """What could not be judged or spoke against it and then holds leaves its cause no lower."""
    if place >= len(one.evidence):
        return
    turned = [
        replace(piece, judgement=Judgement.FOR) if number == place else piece
        for number, piece in enumerate(one.evidence)
    ]
    assert score(turned, weight=one.weight) >= score(one.evidence, weight=one.weight)
    named = replace(one, name="one")
    before = next(c for c in rank([named], findings).causes if c.name == "one")
    after = next(
        c for c in rank([replace(named, evidence=tuple(turned))], findings).causes if c.name == "one"
    )
    assert after.score >= before.score


@given(st.lists(CAUSES, max_size=4), FINDINGS)
def test_scores_are_shares_in_falling_order(causes: list[JudgedCause], findings: list[Finding]) -> None:
    """Every score is from 0 to 1, the likeliest cause is first, and what stands has spoken for it."""
    ranking = rank(causes, findings)
    scores = [one.score for one in ranking.causes]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= one <= 1 for one in scores)
    assert all(one.spoke(Judgement.FOR) or one.suspect for one in ranking.standing)


@given(st.lists(CAUSES, max_size=4), FINDINGS)
def test_nothing_is_probable_while_every_check_says_ok(
    causes: list[JudgedCause], findings: list[Finding]
) -> None:
    """A calm service has no cause that there would be reason to act on, and is told to be calm."""
    calm = [replace(one, verdict=Verdict.OK, suspects=()) for one in findings]
    ranking = rank(causes, calm)
    assert not (calm and any(one.likelihood.is_strong for one in ranking.causes))
    assert ranking.reason is (RankingReason.NOTHING_WRONG if calm else RankingReason.NOT_LOOKED)


def test_what_was_seen_for_certain_comes_before_the_best_a_runbook_can_say() -> None:
    """A failure mode seen in an object beats any amount of evidence of a runbook."""
    ranking = rank([cause(*[Judgement.FOR] * 20)], [finding("pods", Verdict.FAIL, suspect())])
    assert [one.name for one in ranking.causes] == ["image_missing", "a"]
    assert [one.likelihood for one in ranking.causes] == [Likelihood.CERTAIN, Likelihood.LIKELY]


def test_a_cause_that_explains_what_was_seen_is_shown_once() -> None:
    """The runbook's cause takes the suspect's object with it and is at least as likely."""
    explaining = cause(
        Judgement.FOR, explains=frozenset({FailureMode.IMAGE_MISSING}), remediation="roll-back"
    )
    ranking = rank([explaining], [finding("pods", Verdict.FAIL, suspect())])
    (only,) = ranking.causes
    assert (only.name, only.remediation, only.suspect) == ("a", "roll-back", suspect())
    assert only.likelihood is Likelihood.CERTAIN


def test_one_failure_of_one_object_is_one_cause() -> None:
    """What two checks saw counts once, as certain as the surer of the two."""
    ranking = rank(
        [],
        [
            finding("pods", Verdict.FAIL, suspect(certainty=0.5)),
            finding("rollouts", Verdict.FAIL, suspect(certainty=0.8)),
        ],
    )
    assert [one.score for one in ranking.causes] == [0.8]


def test_a_change_in_a_healthy_service_is_possible_and_no_more() -> None:
    """What changed is told beside the calm, however certain it is that it changed."""
    ranking = rank([], [finding("pods", Verdict.OK, suspect(FailureMode.CHANGED_IMAGE))])
    assert ranking.reason is RankingReason.NOTHING_WRONG
    assert [one.likelihood for one in ranking.causes] == [Likelihood.POSSIBLE]


def test_calm_names_what_was_looked_at() -> None:
    """The checks by name, and the one that knows every way to fail in words."""
    ranking = rank([], [finding("failures", Verdict.OK), finding("hpa", Verdict.OK)])
    assert first_words(ranking) == "Nothing wrong found in hpa and the known ways to fail"


def test_a_finding_that_is_old_beside_the_newest_does_not_count() -> None:
    """Its suspects are no causes any more, and the check is named as too old."""
    ranking = rank([], [finding("pods", Verdict.FAIL, suspect(), age=121), finding("hpa", Verdict.OK)])
    assert ranking.causes == ()
    assert ranking.blind == (("pods", WhyNot.TOO_OLD),)
    assert ranking.looked == ("hpa",)


@pytest.mark.parametrize(
    ("judgements", "findings", "reason"),
    [
        ((), (), RankingReason.NOT_LOOKED),
        ((Judgement.FOR,), (finding(),), RankingReason.CAUSE_STANDS),
        ((Judgement.AGAINST,), (finding(),), RankingReason.NO_CAUSE_FITS),
        ((Judgement.AGAINST, Judgement.CANNOT_JUDGE), (finding(),), RankingReason.TOO_LITTLE_EVIDENCE),
        ((Judgement.AGAINST,), (finding(verdict=Verdict.UNKNOWN),), RankingReason.TOO_LITTLE_EVIDENCE),
        ((Judgement.AGAINST,), (finding(verdict=Verdict.OK),), RankingReason.NOTHING_WRONG),
    ],
)
def test_a_ranking_says_what_it_comes_to(
    judgements: tuple[Judgement, ...], findings: tuple[Finding, ...], reason: RankingReason
) -> None:
    """Each way to end has its own reason."""
    assert rank([cause(*judgements)], findings).reason is reason
