"""The shipped alert rules: both forms are alike, each can be routed, and each has its unit tests."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.adapters.runbook_files import load_runbooks

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "k8s" / "monitoring"
SEED_ALERTS = {
    "HighAPILatency": ("warning", "5m"),
    "HighErrorRate": ("critical", "5m"),
    "APIDown": ("critical", "2m"),
    "DataDriftDetected": ("warning", "1h"),
    "HighChurnRate": ("warning", "30m"),
    "PodCrashLooping": ("critical", "5m"),
}


def load(name: str) -> Any:
    """One file of the monitoring folder."""
    return YAML(typ="safe").load(MONITORING / name)


def rules() -> dict[str, dict[str, Any]]:
    """Every alert by its name."""
    return {rule["alert"]: rule for group in load("rules.yaml")["groups"] for rule in group["rules"]}


def test_operator_and_plain_prometheus_get_the_same_rules() -> None:
    """The PrometheusRule holds exactly the groups of the plain rule file."""
    assert load("prometheus-rules.yaml")["spec"]["groups"] == load("rules.yaml")["groups"]


@pytest.mark.parametrize(("name", "said"), SEED_ALERTS.items())
def test_the_six_alerts_keep_their_severity_and_duration(name: str, said: tuple[str, str]) -> None:
    """The alerts of the churn service have the severity and the duration that people know."""
    rule = rules()[name]
    assert (rule["labels"]["severity"], rule["for"]) == said


def test_every_alert_can_be_routed_to_its_service_and_runbook() -> None:
    """Each alert says its service, the runbook of its own name, and where that can be read."""
    for name, rule in rules().items():
        assert rule["labels"]["service"] in {"churn", "lightship"}
        assert rule["labels"]["runbook"] == name
        assert rule["annotations"]["runbook_url"].endswith(f"/{name}")
        assert rule["annotations"]["summary"]


def test_every_alert_has_the_runbook_that_it_names() -> None:
    """One that Lightship plays, or a page where it cannot tell people itself; never both."""
    played = {runbook.name for runbook in load_runbooks([ROOT / "runbooks"]).runbooks}
    pages = {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert not played & pages
    assert played | pages == set(rules())


def test_a_page_says_how_bad_it_is_what_to_look_at_and_what_mends_it() -> None:
    """Each page begins with its alert and severity, and has commands and a table of causes."""
    for page in (ROOT / "docs" / "runbooks").glob("*.md"):
        text = page.read_text()
        assert text.startswith(f"# {page.stem}\n\n**P1.** ")
        assert rules()[page.stem]["labels"]["severity"] == "critical"
        for part in ("## Look first\n\n```console", "## Causes", "what mends it |"):
            assert part in text


def test_every_alert_is_shown_to_fire_to_stay_silent_and_to_resolve() -> None:
    """For each alert a unit test lets it fire, and has at least two moments of silence."""
    fires: dict[str, int] = {}
    silent: dict[str, int] = {}
    for name in ("churn_test.yaml", "lightship_test.yaml"):
        for case in load(f"tests/{name}")["tests"]:
            for moment in case["alert_rule_test"]:
                counted = fires if moment["exp_alerts"] else silent
                counted[moment["alertname"]] = counted.get(moment["alertname"], 0) + 1
    assert set(fires) == set(rules())
    assert all(silent[name] >= 2 for name in fires)


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["churn_test.yaml", "lightship_test.yaml"])
def test_the_rules_do_what_their_unit_tests_say(name: str) -> None:
    """`promtool test rules` passes."""
    run = subprocess.run(
        ["promtool", "test", "rules", name],
        cwd=MONITORING / "tests",
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
