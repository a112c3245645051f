"""Judging evidence: what holds, what does not, and what is never taken for a yes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.causes import JudgedEvidence, Judgement, WhyNot
from bot.domain.findings import Fact, Finding, Verdict
from bot.domain.runbooks import Cause, Evidence, Runbook
from bot.rendering.contexts import text_context
from bot.rendering.evidence import incident_values, judge
from bot.testing import START

FACTS: dict[str, Fact] = {
    "oom_killed": 2,
    "unready": 0,
    "cpu_usage_ratio": None,
    "nodes": ("node-a", "node-b"),
    "stuck": False,
}
OTHERS = incident_values([("Pods crash", ["PodCrashLooping", "PodCrashLooping"]), ("Drift", ["Drift"])])


def found(check: str, facts: dict[str, Fact], *, verdict: Verdict = Verdict.OK, age: int = 0) -> Finding:
    """A finding, `age` seconds old."""
    return Finding(
        check=check,
        target="churn",
        verdict=verdict,
        summary="found",
        observed_at=START - timedelta(seconds=age),
        fresh_for=timedelta(minutes=2),
        facts=facts,
    )


FINDINGS = (
    found("pods", FACTS),
    found("hpa", {"current": 3}, verdict=Verdict.UNKNOWN),
    found("metrics", {"p95_latency.value": 3.0}, age=121),
)


def judged(expression: str, words: str = "", otherwise: str = "", labels: str = "x") -> JudgedEvidence:
    """One expression, judged over the findings above."""
    one = Evidence(expression=expression, words_template=words, otherwise_template=otherwise)
    runbook = Runbook(
        name="r",
        title="R",
        severity=None,
        match=(),
        summary_template=labels,
        causes=(Cause(name="c", title="C", weight=0.5, evidence=(one,)),),
    )
    context = text_context(runbook=runbook, findings=FINDINGS)
    (cause,) = judge(runbook, FINDINGS, incidents=OTHERS, context=context)
    return cause.evidence[0]


@pytest.mark.parametrize(
    ("expression", "words", "otherwise", "judgement", "said"),
    [
        ("findings.pods.oom_killed > 0", "{{ findings.pods.oom_killed }} died", "", Judgement.FOR, "2 died"),
        ("findings.pods.oom_killed > 0", "", "", Judgement.FOR, "pods.oom_killed is 2"),
        ("findings.pods.unready > 0", "no", "All are ready", Judgement.AGAINST, "All are ready"),
        ("findings.pods.stuck", "", "", Judgement.AGAINST, "pods.stuck is no"),
        ("'node-c' in findings.pods.nodes", "", "", Judgement.AGAINST, "pods.nodes is node-a, node-b"),
        ("findings.incidents.count == 2", "", "", Judgement.FOR, "incidents.count is 2"),
        ("'Drift' in findings.incidents.alerts", "so", "", Judgement.FOR, "so"),
        ("findings.incidents.titles", "{{ bad", "", Judgement.FOR, "incidents.titles is Pods crash, Drift"),
        ("findings.hpa.verdict == 'unknown'", "so", "", Judgement.FOR, "so"),
        ("findings.pods.oom_killed > 1 or findings.drift.score > 1", "so", "", Judgement.FOR, "so"),
    ],
)
def test_evidence_speaks_for_or_against_in_words(
    expression: str, words: str, otherwise: str, judgement: Judgement, said: str
) -> None:
    """What can be known is for or against, with the runbook's words or the facts that were read."""
    one = judged(expression, words, otherwise)
    assert (one.judgement, one.words) == (judgement, said)


@pytest.mark.parametrize(
    ("expression", "check", "why_not"),
    [
        ("findings.drift.score > 0", "drift", WhyNot.NOT_CHECKED),
        ("findings.hpa.current == 3", "hpa", WhyNot.COULD_NOT_LOOK),
        ("findings.metrics.p95_latency.value > 1", "metrics", WhyNot.TOO_OLD),
        ("findings.metrics.verdict == 'ok'", "metrics", WhyNot.TOO_OLD),
        ("findings.pods.cpu_usage_ratio > 0", "pods", WhyNot.NOT_FOUND_OUT),
        ("findings.pods.cpu_usage_ratio | default(1) > 0", "pods", WhyNot.NOT_FOUND_OUT),
        ("findings.drift.score | default(1) > 0", "drift", WhyNot.NOT_CHECKED),
        ("findings.drift is undefined", "drift", WhyNot.NOT_CHECKED),
        ("findings.hpa.current is undefined", "hpa", WhyNot.COULD_NOT_LOOK),
        ("findings.nonsense", "nonsense", WhyNot.NOT_CHECKED),
        ("findings.pods.oom_killed > 'two'", "pods", WhyNot.FAILS),
        ("findings.pods.oom_killed / findings.pods.unready > 0", "pods", WhyNot.FAILS),
        ("findings.pods.oom_killed ** 9999 > 0", "pods", WhyNot.FAILS),
        ("range(100) | map('string') | join and findings.pods.oom_killed ==", "", WhyNot.FAILS),
        ("labels.pod == 'x' or findings.pods.oom_killed > 9", "pods", WhyNot.NOT_FOUND_OUT),
        ("service", "", WhyNot.NOT_FOUND_OUT),
    ],
)
def test_what_cannot_be_known_or_fails_is_never_a_yes(expression: str, check: str, why_not: WhyNot) -> None:
    """Each way not to know has its reason and its check; also where the expression has a default for it."""
    one = judged(expression, "so")
    assert (one.judgement, one.check, one.why_not) == (Judgement.CANNOT_JUDGE, check, why_not)
    assert one.words == ""
