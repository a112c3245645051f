"""The dashboard, built of its panels by Grafana's own SDK: `python -m tests.monitoring.dashboard`.

It writes `k8s/monitoring/grafana-dashboard-churn.yaml`, which a test keeps equal to the panels.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.builders import common, gauge, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableOption,
)
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from bot.adapters.grafana import TAG
from tests.monitoring.panels import MARKS, ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from grafana_foundation_sdk.models.dashboard import Dashboard

    from tests.monitoring.panels import Panel

FILE: Final = Path(__file__).parents[2] / "k8s" / "monitoring" / "grafana-dashboard-churn.yaml"
KEY: Final = "churn-dashboard.json"
RUNBOOKS: Final = "https://lightship.example/runbooks"
SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
HEADER: Final = """\
# The dashboard "Churn Prediction Service" for Grafana's sidecar, which imports the labelled ConfigMap.
# Made by `python -m tests.monitoring.dashboard`; change the table there.
"""
_KINDS: Final[Mapping[str, Callable[[], Any]]] = {
    "timeseries": timeseries.Panel,
    "stat": stat.Panel,
    "gauge": gauge.Panel,
}
_COLOURS: Final = ("green", "orange", "red")


def dashboard() -> Dashboard:
    """The whole of it, as the SDK's model."""
    made = (
        build.Dashboard("Churn Prediction Service")
        .uid("churn-mlops")
        .description("The churn service, its model, and what Lightship does about their incidents.")
        .tags(["churn", "lightship"])
        .timezone("utc")
        .refresh("30s")
        .time("now-3h", "now")
        .readonly()
        .with_variable(build.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_namespace())
        .annotations([*(_mark(name, *mark) for name, mark in MARKS.items()), _written()])
        .link(_link("Runbooks", RUNBOOKS))
    )
    number = 0
    for title, panels in ROWS:
        made.with_row(build.Row(title).id(number := number + 1))
        for panel in panels:
            made.with_panel(_panel(panel, number := number + 1))
    return made.build()


def text() -> str:
    """The ConfigMap as it is shipped."""
    content = json.dumps(dashboard(), cls=JSONEncoder, indent=2, sort_keys=True)
    yaml = YAML()
    yaml.width = 4096
    whole: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "grafana-dashboard-churn",
            "namespace": "monitoring",
            "labels": {"grafana_dashboard": "1"},
        },
        "data": {KEY: LiteralScalarString(content + "\n")},
    }
    written = io.StringIO()
    yaml.dump(whole, written)
    return HEADER + written.getvalue()


def _namespace() -> build.TextBoxVariable:
    chosen = VariableOption(selected=True, text="churn-mlops", value="churn-mlops")
    made = build.TextBoxVariable("namespace").label("Namespace").default_value("churn-mlops")
    made._internal.current = chosen  # the builder has no word for it, and Grafana starts with it
    return made


def _mark(name: str, colour: str, asks: str) -> build.AnnotationQuery:
    return build.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour).expr(asks)


def _written() -> build.AnnotationQuery:
    """What Lightship itself writes into Grafana, where `grafana` is configured."""
    target = build.AnnotationTarget().limit(500).match_any(False).tags([TAG]).type("tags")
    return (
        build.AnnotationQuery()
        .name("Lightship")
        .datasource(DataSourceRef(type_val="grafana", uid="-- Grafana --"))
        .enable(True)
        .icon_color("purple")
        .target(target)
    )


def _panel(panel: Panel, number: int) -> Any:
    made: Any = (
        _KINDS[panel.kind]()
        .id(number)
        .title(panel.title)
        .description(panel.says)
        .datasource(SOURCE)
        .span(panel.wide)
        .height(7)
        .unit(panel.unit)
        .thresholds(_thresholds(panel))
        .links([_link(f"Runbook {alert}", f"{RUNBOOKS}/{alert}") for alert in panel.alerts])
    )
    if panel.least is not None:
        made.min(panel.least)
    if panel.most is not None:
        made.max(panel.most)
    if panel.decimals is not None:
        made.decimals(panel.decimals)
    if panel.kind == "timeseries" and panel.limits:
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    if panel.nothing:
        made.no_value(panel.nothing)
    query = Dataquery().expr(panel.asks).legend_format(panel.legend).ref_id("A").datasource(SOURCE)
    return made.with_target(query.instant() if panel.instant else query.range())


def _thresholds(panel: Panel) -> build.ThresholdsConfig:
    """Green, then orange, then red as the value rises; the other way round where less is worse."""
    colours = _COLOURS[: len(panel.limits) + 1] if len(panel.limits) > 1 else ("green", "red")
    if panel.falling:
        colours = tuple(reversed(colours))
    steps = [
        Threshold(value=value, color=colour)
        for value, colour in zip((None, *panel.limits), colours, strict=False)
    ]
    return build.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _link(title: str, url: str) -> build.DashboardLink:
    return build.DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(True)


if __name__ == "__main__":
    FILE.write_text(text())
