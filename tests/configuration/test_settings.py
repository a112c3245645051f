"""The configuration that is right: the shipped one, the smallest, and what the environment puts over them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.bootstrap.services import check_target, watched_services
from bot.domain.severity import Severity
from bot.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
SMALLEST = "services: {churn: {channel: C0CHURN, match: ['service=\"churn\"']}}\n"


@pytest.fixture
def smallest(tmp_path: Path) -> Path:
    """A file with the smallest configuration that works."""
    path = tmp_path / "lightship.yaml"
    path.write_text(SMALLEST, encoding="utf-8")
    return path


def loaded(path: Path, **environ: str) -> Settings:
    """The settings, which must have no fault."""
    found = load_settings(path, environ)
    assert [str(fault) for fault in found.faults] == []
    assert found.settings is not None
    return found.settings


def test_the_shipped_configuration_is_right() -> None:
    """`lightship.yaml` at the top of the project loads, and its runbooks are the project's."""
    found = load_settings(ROOT / "lightship.yaml", {})
    assert found.faults == ()
    assert found.runbook_folders == (ROOT / "runbooks",)
    churn = found.settings.services["churn"] if found.settings else None
    assert churn is not None
    assert churn.kubernetes is not None
    assert (churn.kubernetes.namespace, churn.kubernetes.hpa) == ("churn-mlops", "churn-api-hpa")


def test_the_smallest_configuration_has_a_default_for_everything_else(smallest: Path) -> None:
    """A service with a channel and a matcher is enough; the defaults are the promised ones."""
    settings = loaded(smallest)
    churn = settings.services["churn"]
    assert settings.command_of("churn") == "/churn"
    assert settings.metrics_prefix_of("churn") == "churn"
    assert churn.mention == (Severity.P1,)
    assert churn.remediation.approval_timeout == timedelta(minutes=30)
    assert churn.remediation.requester_may_approve is False
    assert settings.intake.max_body == 16 * 1024 * 1024
    assert settings.intake.resolve_settle == timedelta(seconds=60)
    assert settings.intake.reopen_within == timedelta(minutes=15)
    assert settings.retention.incidents == timedelta(days=400)


def test_any_setting_comes_from_the_environment(smallest: Path) -> None:
    """`LIGHTSHIP_` and the path joined by `__` sets numbers, lists, texts and whole parts."""
    settings = loaded(
        smallest,
        LIGHTSHIP_INTAKE__QUEUE="7",
        LIGHTSHIP_DEFAULT_CHANNEL="C0OPS",
        LIGHTSHIP_SERVICES__CHURN__APPROVERS="[U0ALICE, S0LEADS]",
        LIGHTSHIP_SERVICES__CHURN__DRIFT="{reference: a, current: b}",
        LIGHTSHIP_SERVICES__CHURN__DRIFT__SCHEDULE="*/5 * * * *",
        LIGHTSHIP_SERVICES__CHURN__MENTION="[critical, P2]",
    )
    churn = settings.services["churn"]
    assert settings.intake.queue == 7
    assert settings.default_channel == "C0OPS"
    assert churn.approvers == ("U0ALICE", "S0LEADS")
    assert churn.drift is not None
    assert churn.drift.schedule == "*/5 * * * *"
    assert churn.mention == (Severity.P1, Severity.P2)


def test_a_list_can_be_written_without_brackets(smallest: Path) -> None:
    """With commas between its entries, as variables elsewhere have it; a matcher's quotes keep theirs."""
    settings = loaded(
        smallest,
        LIGHTSHIP_RUNBOOKS="runbooks",
        LIGHTSHIP_SERVICES__CHURN__APPROVERS="U0ALICE, S0LEADS",
        LIGHTSHIP_SERVICES__CHURN__MATCH='service="churn",pod=~"a{1,2}"',
    )
    churn = settings.services["churn"]
    assert settings.runbooks == ("runbooks",)
    assert churn.approvers == ("U0ALICE", "S0LEADS")
    assert [str(one) for one in churn.match] == ['service="churn"', 'pod=~"a{1,2}"']
    found = load_settings(smallest, {"LIGHTSHIP_SERVICES__CHURN__APPROVERS": "U0ALICE,bob"})
    assert [str(fault).partition(": ")[0] for fault in found.faults] == [
        "$LIGHTSHIP_SERVICES__CHURN__APPROVERS:1:1"
    ]


@pytest.mark.parametrize("nothing", ["null", "~"])
def test_null_unsets_a_text_that_may_be_left_out(nothing: str) -> None:
    """`LIGHTSHIP_…__HPA=null` takes the autoscaler out of the shipped configuration; it is no name."""
    settings = loaded(ROOT / "lightship.yaml", LIGHTSHIP_SERVICES__CHURN__KUBERNETES__HPA=nothing)
    kubernetes = settings.services["churn"].kubernetes
    assert kubernetes is not None
    assert kubernetes.hpa is None


def test_a_name_with_a_dash_is_reached_with_an_underscore(tmp_path: Path) -> None:
    """A variable cannot hold a dash, so `CHURN_EU` means the service `churn-eu` of the file."""
    path = tmp_path / "lightship.yaml"
    path.write_text(SMALLEST.replace("churn:", "churn-eu:"), encoding="utf-8")
    settings = loaded(path, LIGHTSHIP_SERVICES__CHURN_EU__CHANNEL="C0EUROPE")
    assert settings.services["churn-eu"].channel == "C0EUROPE"


def test_a_wrong_variable_is_a_fault_at_the_variable(smallest: Path) -> None:
    """A variable that names no setting, or holds a wrong value, is named with the nearest right word."""
    found = load_settings(
        smallest, {"LIGHTSHIP_INTAKE__QUEU": "7", "LIGHTSHIP_INTAKE__REOPEN_WITHIN": "soon"}
    )
    assert [str(fault) for fault in found.faults] == [
        "$LIGHTSHIP_INTAKE__QUEU:1:1: there is no setting `intake.queu`; did you mean `queue`?",
        (
            "$LIGHTSHIP_INTAKE__REOPEN_WITHIN:1:1: `intake.reopen_within`: `soon` is not a duration; "
            "write it like 90s, 10m, 1h30m or 7d"
        ),
    ]


def test_what_kubernetes_sets_for_a_service_called_lightship_is_no_setting(smallest: Path) -> None:
    """Service links such as LIGHTSHIP_PORT and LIGHTSHIP_SERVICE_HOST are left alone."""
    with_links = loaded(
        smallest,
        LIGHTSHIP_PORT="tcp://10.0.0.1:8080",
        LIGHTSHIP_SERVICE_HOST="10.0.0.1",
        LIGHTSHIP_SERVICE_PORT_HTTP="8080",
        LIGHTSHIP_PORT_8080_TCP_ADDR="10.0.0.1",
    )
    assert with_links == loaded(smallest)


def test_a_secret_setting_comes_from_a_file_and_is_never_shown(smallest: Path, tmp_path: Path) -> None:
    """`LIGHTSHIP_FALLBACK__URL_FILE` names a file with the address, which no repr shows."""
    secret = tmp_path / "url"
    secret.write_text("https://example.org/hook?key=hunter2\n", encoding="utf-8")
    settings = loaded(smallest, LIGHTSHIP_FALLBACK__URL_FILE=str(secret))
    assert settings.fallback is not None
    assert settings.fallback.url.get_secret_value() == "https://example.org/hook?key=hunter2"
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


def test_grafana_is_an_address_and_a_token_that_is_never_shown(smallest: Path) -> None:
    """Both come from the environment; what is no address is a fault."""
    given = {"LIGHTSHIP_GRAFANA__URL": "https://grafana.example", "LIGHTSHIP_GRAFANA__TOKEN": "hunter2"}
    settings = loaded(smallest, **given)
    assert settings.grafana is not None
    assert settings.grafana.token.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)
    wrong = load_settings(smallest, {**given, "LIGHTSHIP_GRAFANA__URL": "grafana.example"})
    assert any("begins with http" in str(fault) for fault in wrong.faults)


def test_settings_cannot_be_changed(smallest: Path) -> None:
    """A loaded value is frozen."""
    settings = loaded(smallest)
    with pytest.raises(ValueError, match="frozen"):
        settings.default_channel = "C0OTHER"  # type: ignore[misc]  # the point of the test


def test_relative_paths_count_from_the_file(smallest: Path, tmp_path: Path) -> None:
    """A path of the configuration is found beside it; an address stays as it is."""
    found = load_settings(smallest, {})
    assert found.resolved("data/a.parquet") == str(tmp_path / "data/a.parquet")
    assert found.resolved("s3://bucket/a") == "s3://bucket/a"


def test_the_smallest_configuration_needs_no_runbooks(tmp_path: Path) -> None:
    """The default folder of runbooks may be missing; a folder that is named is kept, to be a fault."""
    small = "services:\n  churn:\n    channel: C0CHURN\n    match: ['service=\"churn\"']\n"
    path = tmp_path / "lightship.yaml"
    path.write_text(small, encoding="utf-8")
    assert load_settings(path, {}).runbook_folders == ()
    path.write_text(small + "runbooks: [elsewhere]\n", encoding="utf-8")
    assert load_settings(path, {}).runbook_folders == (tmp_path / "elsewhere",)


def test_what_a_service_depends_on_is_declared_by_its_ways(tmp_path: Path) -> None:
    """TCP, HTTP with the status to expect, and DNS targets become what the check probes."""
    path = tmp_path / "lightship.yaml"
    targets = (
        "[{name: db, tcp: 'db.internal:5432'}, {name: api, http: 'http://api/health', expect: 204}, "
        "{name: v6, tcp: '[::1]:80'}, {name: mlflow, dns: mlflow.internal}]"
    )
    path.write_text(SMALLEST.replace("]}}", f"], connectivity: {targets}}}}}"), encoding="utf-8")
    (churn,) = watched_services(loaded(path)).values()
    assert [(one.name, one.way.value, one.address, one.expect) for one in churn.connectivity] == [
        ("db", "tcp", "db.internal:5432", 200),
        ("api", "http", "http://api/health", 204),
        ("v6", "tcp", "[::1]:80", 200),
        ("mlflow", "dns", "mlflow.internal", 200),
    ]
    assert check_target(churn).connectivity == churn.connectivity
