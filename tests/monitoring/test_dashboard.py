"""The shipped dashboard: what Grafana imports, with the panels, thresholds and links that it must have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard
from ruamel.yaml import YAML

from bot.adapters.grafana import TAG
from bot.documents.promql import promql_faults
from tests.monitoring.dashboard import FILE, KEY, RUNBOOKS, text
from tests.monitoring.test_rules import rules

SEED_PANELS = {
    "Predictions Per Minute",
    "P95 Latency",
    "Error Rate",
    "High Risk Customers",
    "Predicted Churn Rate",
    "Model Drift Score",
    "API Availability",
    "Pod CPU Usage",
    "Pod Memory Usage",
}
ADDED_PANELS = {
    "Drift Per Feature",
    "Open Incidents",
    "MTTA",
    "MTTR",
    "Undelivered Messages",
    "Oldest Undelivered",
}
LIMITS = {
    "P95 Latency": ("HighAPILatency", 1.0),
    "Error Rate": ("HighErrorRate", 0.05),
    "Predicted Churn Rate": ("HighChurnRate", 0.4),
    "Model Drift Score": ("DataDriftDetected", 0.3),
    "Oldest Undelivered": ("LightshipUndelivered", 300.0),
}
WIDTH = 24


def config_map() -> Any:
    """The shipped file."""
    return YAML(typ="safe").load(FILE)


def model() -> dict[str, Any]:
    """The dashboard in it."""
    return dict(json.loads(config_map()["data"][KEY]))


def panels() -> dict[str, dict[str, Any]]:
    """Its panels by title, without the rows."""
    return {panel["title"]: panel for panel in model()["panels"] if panel["type"] != "row"}


def test_the_shipped_file_is_what_the_table_says() -> None:
    """`python -m tests.monitoring.dashboard` would change nothing."""
    assert FILE.read_text() == text()


def test_the_sidecar_imports_it() -> None:
    """A labelled ConfigMap whose file is the dashboard itself, which Grafana's own SDK reads."""
    content = config_map()
    assert content["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert set(model()) > {"panels", "templating", "uid"}
    read = Dashboard.from_json(model())
    assert (read.uid, read.title) == ("churn-mlops", "Churn Prediction Service")
    assert read.panels is not None
    assert len(read.panels) == len(model()["panels"])


def test_it_has_the_nine_panels_that_people_know_and_those_of_the_bot() -> None:
    """No more and no less, none of a kind that Grafana has dropped."""
    assert set(panels()) == SEED_PANELS | ADDED_PANELS
    assert {panel["type"] for panel in panels().values()} <= {"timeseries", "stat", "gauge"}


def test_each_panel_says_its_unit_and_asks_the_chosen_data_source() -> None:
    """Units on every value, and the variable in place of one installation's data source."""
    for panel in panels().values():
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["description"]
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    variables = {one["name"]: one["type"] for one in model()["templating"]["list"]}
    assert variables == {"datasource": "datasource", "namespace": "textbox"}


@pytest.mark.parametrize(("title", "said"), LIMITS.items())
def test_a_threshold_is_where_its_alert_fires(title: str, said: tuple[str, float]) -> None:
    """The line in the panel is the number in the rule."""
    alert, limit = said
    assert rules()[alert]["expr"].rstrip().endswith(f"> {limit:g}") or f"> {limit}" in rules()[alert]["expr"]
    steps = panels()[title]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert limit in [step["value"] for step in steps]


def test_links_lead_to_the_runbooks_of_alerts_that_there_are() -> None:
    """Every runbook that a panel links is that of a shipped rule."""
    linked = [link["url"] for panel in panels().values() for link in panel.get("links", ())]
    assert linked
    assert {url.removeprefix(f"{RUNBOOKS}/") for url in linked} <= set(rules())


def test_no_panel_covers_another() -> None:
    """Every cell of the grid belongs to one panel, and none is outside."""
    taken: set[tuple[int, int]] = set()
    for panel in model()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= WIDTH
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        taken |= cells


def test_alerts_and_remediations_are_marked_in_every_panel() -> None:
    """Two queries of Prometheus, which need no right to write, and what Lightship writes where it may."""
    marks = {mark["name"]: mark for mark in model()["annotations"]["list"]}
    assert list(marks) == ["Alerts", "Remediations", "Lightship"]
    assert all(mark["enable"] for mark in marks.values())
    assert {marks[name]["datasource"]["type"] for name in ("Alerts", "Remediations")} == {"prometheus"}
    assert marks["Lightship"]["target"] == {"limit": 500, "matchAny": False, "tags": [TAG], "type": "tags"}


def test_every_query_is_promql() -> None:
    """Prometheus' own grammar takes it, once Grafana has filled its variables in."""
    asked = [target["expr"] for panel in panels().values() for target in panel["targets"]]
    marked = [mark["expr"] for mark in model()["annotations"]["list"] if "expr" in mark]
    for expression in (*asked, *marked):
        filled = expression.replace("$__range", "3h").replace("$namespace", "churn-mlops")
        assert "$" not in filled
        assert not list(promql_faults(filled))
