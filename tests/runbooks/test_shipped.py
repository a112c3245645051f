"""The shipped runbooks: they load, serve their alerts, and their texts can be made.

Six are of the service and its model; five are of the drift score and of Lightship itself.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.adapters.runbook_files import ACTIONS, CHECKS, RunbookLoader, Vocabulary, load_runbooks
from bot.adapters.runbook_files.vocabulary import CHECK_ARGUMENTS, FINDINGS
from bot.bootstrap.runbooks import vocabulary_of
from bot.documents.reading import parse_document
from bot.domain.durations import parse_duration
from bot.domain.runbooks import Runbook, SelectionReason, proposed_replicas, select_runbook
from bot.domain.severity import Severity
from bot.rehearsal.scenarios.knowing import Knowledge, knowledge_of
from bot.rehearsal.scenarios.loading import load_scenarios
from bot.rendering.contexts import text_context
from bot.rendering.templates import evaluate, render_text
from bot.settings import load_settings

ROOT = Path(__file__).parents[2]
WRONG = ROOT / "tests" / "wrong" / "runbooks" / "name-first.yaml"
SEVERITIES = {
    "HighAPILatency": Severity.P2,
    "HighErrorRate": Severity.P1,
    "APIDown": Severity.P1,
    "DataDriftDetected": Severity.P3,
    "HighChurnRate": Severity.P3,
    "PodCrashLooping": Severity.P1,
}
OWN = {
    "DriftScoreMissing": Severity.P3,
    "DriftScoreStale": Severity.P3,
    "LightshipAlertsRejected": Severity.P3,
    "LightshipRemediationFailed": Severity.P1,
    "LightshipSchedulerLate": Severity.P3,
}
ALL = {**SEVERITIES, **OWN}


@pytest.fixture(scope="module")
def shipped() -> dict[str, Runbook]:
    """The shipped runbooks by name, checked against the shipped configuration."""
    settings = load_settings(ROOT / "lightship.yaml", {}).settings
    assert settings is not None
    loaded = load_runbooks([ROOT / "runbooks"], vocabulary_of(settings))
    assert [str(fault) for fault in loaded.faults] == []
    return {runbook.name: runbook for runbook in loaded.runbooks}


def test_there_is_one_for_each_alert_with_its_severity(shipped: dict[str, Runbook]) -> None:
    """One runbook an alert, each of the severity that its alert has."""
    assert {name: runbook.severity for name, runbook in shipped.items()} == ALL


def test_who_does_not_watch_lightship_removes_the_service_and_nothing_else() -> None:
    """Without it every runbook is right all the same, and the rehearsals about it are left out, not wrong."""
    settings = load_settings(ROOT / "lightship.yaml", {}).settings
    assert settings is not None
    services = {name: one for name, one in settings.services.items() if name != "lightship"}
    without = settings.model_copy(update={"services": services})
    runbooks = load_runbooks([ROOT / "runbooks"], vocabulary_of(without))
    assert [str(fault) for fault in runbooks.faults] == []
    played = load_scenarios([ROOT / "runbooks"], knowledge_of(runbooks.runbooks, without, actions=ACTIONS))
    assert [str(fault) for fault in played.faults] == []
    about = {one.file.runbook for one in played.scenarios}
    assert about == set(ALL) - {name for name in ALL if name.startswith("Lightship")}
    assert len(played.left_out) == 6
    assert set(played.left_out.values()) == {"lightship"}


@pytest.mark.parametrize("service", ["service: lightship\n", ""])
def test_the_metrics_of_a_service_that_is_not_configured_are_not_judged(service: str) -> None:
    """Where a runbook says for which service it is written; else an unknown metric is a typo as before."""
    text = (ROOT / "runbooks" / "lightship-scheduler-late.yaml").read_text()
    assert "\nservice: lightship\n" in text
    document, _ = parse_document(text.replace("service: lightship\n", service), file="late.yaml")
    assert document is not None
    loader = RunbookLoader(Vocabulary(metrics=frozenset({"p95_latency"}), services=frozenset({"churn"})))
    loader.add_document(document)
    assert bool(loader.loaded.faults) is (service == "")


def test_a_service_that_is_nearly_configured_is_a_typo(tmp_path: Path) -> None:
    """Else the word that lets unknown metrics pass would let every one of them pass."""
    vocabulary = Vocabulary(metrics=frozenset({"p95_latency"}), services=frozenset({"lightships"}))
    runbook = ROOT / "runbooks" / "lightship-scheduler-late.yaml"
    loaded = load_runbooks([runbook], vocabulary)
    assert [fault.message for fault in loaded.faults] == [
        "no service `lightship` is configured; did you mean `lightships`?"
    ]
    shutil.copytree(ROOT / "runbooks" / "rehearsals" / "worlds", tmp_path / "worlds")
    knowledge = Knowledge(services=frozenset({"lightships"}), metrics=frozenset({"p95_latency"}))
    (fault,) = [
        one for one in load_scenarios([tmp_path], knowledge).faults if one.file.endswith("lightship.yaml")
    ]
    assert fault.message == loaded.faults[0].message


@pytest.mark.parametrize("alert", sorted(ALL))
def test_each_alert_finds_its_runbook(shipped: dict[str, Runbook], alert: str) -> None:
    """By its name alone, and by its `runbook` label."""
    by_name = select_runbook(shipped.values(), {"alertname": alert, "service": "churn"})
    by_label = select_runbook(shipped.values(), {"alertname": "Other", "runbook": alert})
    assert by_name.runbook is shipped[alert]
    assert by_name.reason is SelectionReason.MATCHED
    assert by_label.runbook is shipped[alert]
    assert by_label.reason is SelectionReason.NAMED_BY_LABEL


@pytest.mark.parametrize("alert", sorted(SEVERITIES))
def test_each_says_what_to_look_at_what_it_may_be_and_what_may_be_done(
    shipped: dict[str, Runbook], alert: str
) -> None:
    """Symptoms, checks, a step for people, three causes or more with evidence, remediations that verify."""
    runbook = shipped[alert]
    assert runbook.symptom_templates
    assert len(runbook.checks) >= 4
    assert len(runbook.steps) > len(runbook.checks)
    assert len(runbook.causes) >= 3
    assert all(cause.evidence and cause.explanation_template for cause in runbook.causes)
    assert runbook.remediations
    assert all(one.verification or one.action == "silence" for one in runbook.remediations)
    used = {cause.remediation for cause in runbook.causes if cause.remediation}
    assert used == {one.name for one in runbook.remediations}


@pytest.mark.parametrize("alert", sorted(OWN))
def test_those_of_the_bot_itself_say_what_people_do(shipped: dict[str, Runbook], alert: str) -> None:
    """Symptoms, checks, steps for people, and no remediation: the bot does not repair itself."""
    runbook = shipped[alert]
    assert runbook.symptom_templates
    assert len(runbook.checks) >= 4
    assert [step for step in runbook.steps if hasattr(step, "text_template")]
    assert not runbook.remediations


@pytest.mark.parametrize("folder", ["runbooks", "examples/payments/runbooks", "examples/extension/runbooks"])
def test_every_runbook_has_three_causes_and_two_rehearsals(folder: str) -> None:
    """One rehearsal where the first cause is true and one where another is, of every runbook that ships."""
    yaml = YAML(typ="safe")
    rehearsed: dict[str, set[str]] = {}
    for path in sorted((ROOT / folder / "rehearsals").glob("*.yaml")):
        written = yaml.load(path)
        rehearsed.setdefault(written["runbook"], set()).add(written["expect"]["causes"][0])
    for path in sorted((ROOT / folder).glob("*.yaml")):
        runbook = yaml.load(path)
        name, causes = runbook["name"], runbook["causes"]
        assert len(causes) >= 3, name
        assert all(one["evidence"] and one["explanation"] for one in causes), name
        first = causes[0]["name"]
        assert first in rehearsed[name], f"no rehearsal of {name} has its first cause {first}"
        assert rehearsed[name] - {first}, f"no rehearsal of {name} has another cause than {first}"


@pytest.mark.parametrize("alert", sorted(ALL))
def test_every_text_can_be_made_without_a_single_label(shipped: dict[str, Runbook], alert: str) -> None:
    """Summary, symptoms, human steps and explanations need nothing that an alert may lack."""
    runbook = shipped[alert]
    context = text_context(runbook=runbook)
    sources = [runbook.summary_template, *runbook.symptom_templates]
    sources += [step.text_template for step in runbook.steps if hasattr(step, "text_template")]
    sources += [cause.explanation_template for cause in runbook.causes]
    for source in sources:
        rendered = render_text(source, context, runbook=alert, place="text")
        assert rendered.fault == ""
        assert rendered.text
        assert not rendered.cut


@pytest.mark.parametrize("alert", sorted(ALL))
def test_evidence_without_findings_is_missing_not_false(shipped: dict[str, Runbook], alert: str) -> None:
    """Before any check has run, no expression holds and each says that something is not known."""
    runbook = shipped[alert]
    context = text_context(runbook=runbook)
    for cause in runbook.causes:
        for evidence in cause.evidence:
            evaluation = evaluate(evidence.expression, context)
            assert not evaluation.holds
            assert evaluation.missing, evidence.expression


def test_the_seeds_escalations_are_expressions(shipped: dict[str, Runbook]) -> None:
    """Latency asks for the share above 5 s for 15 minutes; drift above 0.5 rises to P2, degrading to P1."""
    latency = shipped["HighAPILatency"].escalation[0]
    assert 'bucket{le="5.0"}' in latency.expression
    assert latency.held_for == parse_duration("15m")
    assert latency.severity is Severity.P1
    drift = shipped["DataDriftDetected"].escalation
    assert [rule.severity for rule in drift] == [Severity.P2, Severity.P1]
    assert "> 0.5" in drift[0].expression


@pytest.mark.parametrize(("current", "proposed"), [(1, 2), (3, 6), (4, 8), (6, 10), (0, 2)])
def test_scaling_for_latency_doubles_within_its_limits(
    shipped: dict[str, Runbook], current: int, proposed: int
) -> None:
    """Twice as many replicas, at least two, at most ten."""
    remediation = shipped["HighAPILatency"].remediation("scale-up")
    assert remediation is not None
    assert proposed_replicas(remediation, current=current) == proposed


def test_the_readme_names_every_word_that_a_runbook_may_use() -> None:
    """Every check, fact, argument and action of the vocabulary is in `runbooks/README.md`."""
    readme = (ROOT / "runbooks" / "README.md").read_text(encoding="utf-8")
    words = {*CHECKS, *ACTIONS}
    for part in (*FINDINGS.values(), *ACTIONS.values(), *CHECK_ARGUMENTS.values()):
        words.update(part)
    assert {word for word in words if f"`{word}`" not in readme} == set()


def test_the_fact_of_a_named_metric_is_known() -> None:
    """`findings.model.metric_accuracy` is one of the facts that the check declares as `metric_NAME`."""
    text = WRONG.read_text(encoding="utf-8") + "causes: [{name: a, title: A, evidence: [%s]}]"
    for expression, faults in (("findings.model.metric_accuracy > 0.9", 0), ("findings.model.metrik_x", 1)):
        document, _ = parse_document(text % expression, file="x.yaml")
        assert document is not None
        loader = RunbookLoader(Vocabulary())
        loader.add_document(document)
        assert len(loader.loaded.faults) == faults


def test_every_evidence_says_in_words_what_speaks_for_and_what_against(shipped: dict[str, Runbook]) -> None:
    """Hand-written words on both sides: nobody has to read an expression."""
    silent = [
        (name, cause.name, one.expression)
        for name, runbook in shipped.items()
        for cause in runbook.causes
        for one in cause.evidence
        if not one.words_template or not one.otherwise_template
    ]
    assert silent == []
