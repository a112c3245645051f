"""`lightship init`: what it asks, what it writes, and that what it wrote is right."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from bot.bootstrap.examining_slack import SCOPES
from bot.cli import lightship
from bot.setting_up.choices import Choices
from bot.setting_up.drafting import draft_all
from tests.setting_up.rule_files import ODD, PAYMENTS, SHIPPED, as_file

if TYPE_CHECKING:
    from pathlib import Path

OWN = ("--service", "payments", "--deployment", "payments/payment-api", "--channel", "C0PAY")


def call(folder: Path, *arguments: str, answers: str | None = None, **environ: str) -> Result:
    """One command that sees no cluster and no variable of this machine."""
    hidden = ("LIGHTSHIP_", "KUBECONFIG", "PROMETHEUS_URL", "ALERTMANAGER_URL")
    cleared = dict.fromkeys((name for name in os.environ if name.startswith(hidden)), None)
    env = {**cleared, "HOME": str(folder / "home"), **environ}
    return CliRunner().invoke(lightship, list(arguments), env=env, input=answers)


def init(folder: Path, *arguments: str, answers: str | None = None, **environ: str) -> Result:
    """`lightship init` in that folder."""
    return call(folder, "init", "--folder", str(folder), *arguments, answers=answers, **environ)


def checked(folder: Path) -> str:
    """What `lightship check` says of the folder's configuration; fails where it finds a fault."""
    result = call(folder, "check", "--config", str(folder / "lightship.yaml"))
    assert result.exit_code == 0, result.output
    return result.stdout


def loaded(path: Path) -> list[Any]:
    """The documents of a YAML file."""
    return list(YAML(typ="safe").load_all(path.read_text(encoding="utf-8")))


def test_with_nothing_known_the_files_are_right(tmp_path: Path) -> None:
    """`--yes` alone writes files that `lightship check` accepts, and says what is left to fill in."""
    result = init(tmp_path, "--yes")
    assert result.exit_code == 0, result.output
    assert checked(tmp_path) == "All is right: 1 service, 1 runbook.\n"
    assert "put your channel's id in the place of C0REPLACE" in result.stdout
    assert "lightship doctor" in result.stdout


def test_each_alert_of_the_service_has_a_first_runbook(tmp_path: Path) -> None:
    """Rules of the service become runbooks with a metric and its threshold; those of others do not."""
    rules = as_file(tmp_path / "rules.yaml", PAYMENTS)
    result = init(tmp_path, "--yes", *OWN, "--rules", str(rules))
    assert result.exit_code == 0, result.output
    assert '2 of 3 are of alerts with service="payments"' in result.stdout
    assert checked(tmp_path) == "All is right: 1 service, 3 runbooks.\n"
    (configuration,) = loaded(tmp_path / "lightship.yaml")
    metrics = configuration["services"]["payments"]["metrics"]
    assert metrics["payment_errors"] == {
        "title": "Payment errors",
        "query": 'sum(rate(payments_total{outcome="error"}[5m])) / sum(rate(payments_total[5m]))',
        "unit": "ratio",
        "threshold": 0.02,
    }
    (runbook,) = loaded(tmp_path / "runbooks" / "payment-errors.yaml")
    assert runbook["match"] == ['alertname="PaymentErrors"']
    assert runbook["remediations"][0]["verify"] == {"metric": "payment_errors", "for": "10m"}
    assert runbook["links"] == [{"title": "What was written before", "url": "https://wiki.example/payments"}]


def test_the_shipped_rules_give_right_runbooks(tmp_path: Path) -> None:
    """All alert rules of this project, whatever their expressions are like, give runbooks without a fault."""
    result = init(tmp_path, "--yes", "--service", "churn", "--rules", str(SHIPPED))
    assert result.exit_code == 0, result.output
    assert "9 runbooks" in checked(tmp_path)


def test_odd_rules_harm_nothing(tmp_path: Path) -> None:
    """Names that are no words, braces, quotes, two alike, expressions that are none: the files are right."""
    rules = as_file(tmp_path / "rules.yaml", ODD)
    result = init(tmp_path, "--yes", *OWN, "--rules", str(rules), "--match", 'alertname=~".*"')
    assert result.exit_code == 0, result.output
    checked(tmp_path)


def test_the_five_questions(tmp_path: Path) -> None:
    """Five questions, each asked again after a wrong answer that is told what would be right."""
    wrong_and_right = (
        ("Payments!", "payments"),
        ("#payments", "C0PAY"),
        ("payment-api", "payments/payment-api"),
        ("prometheus", "-"),
        ("alice", "U0ALICE, S0TEAM"),
    )
    result = init(tmp_path, answers="".join(f"{answer}\n" for pair in wrong_and_right for answer in pair))
    assert result.exit_code == 0, result.output
    asked = re.findall(r"^(\d)\. ", result.stdout, re.MULTILINE)
    assert sorted(set(asked)) == ["1", "2", "3", "4", "5"]
    assert "is no channel id: it begins with C" in result.output
    (configuration,) = loaded(tmp_path / "lightship.yaml")
    service = configuration["services"]["payments"]
    assert (service["channel"], service["approvers"]) == ("C0PAY", ["U0ALICE", "S0TEAM"])
    assert service["kubernetes"] == {"namespace": "payments", "deployment": "payment-api"}
    checked(tmp_path)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--service", "Payments", "is no name of a service"),
        ("--channel", "#payments", "is no channel id"),
        ("--deployment", "payment-api", "is no NAMESPACE/DEPLOYMENT"),
        ("--prometheus", "prometheus:9090", "is no address"),
        ("--approvers", "alice", "is no id of a person"),
        ("--match", "service=", "is no matcher"),
        ("--address", "example.com", "is no address"),
    ],
)
def test_a_wrong_option_is_told_and_nothing_is_written(
    tmp_path: Path, option: str, value: str, told: str
) -> None:
    """A usage error says what would be right, ends with 2, and leaves the folder as it was."""
    result = init(tmp_path, "--yes", option, value)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert told in " ".join(result.stderr.replace("\u2502", " ").split())


def test_nothing_is_overwritten_without_a_word(tmp_path: Path) -> None:
    """With `--yes` an own file stays and is named; asked, it stays unless the answer is yes."""
    init(tmp_path, "--yes", *OWN)
    own = tmp_path / "slack-app.yaml"
    own.write_text("mine\n", encoding="utf-8")
    kept = init(tmp_path, "--yes", *OWN)
    assert f"kept as it is {own}" in kept.stdout
    assert "1 file was kept; --overwrite replaces" in kept.stdout
    assert own.read_text(encoding="utf-8") == "mine\n"
    init(tmp_path, *OWN, "--prometheus", "-", "--approvers", "-", answers="n\n")
    assert own.read_text(encoding="utf-8") == "mine\n"
    init(tmp_path, *OWN, "--prometheus", "-", "--approvers", "-", answers="y\n")
    assert own.read_text(encoding="utf-8").startswith("# The Slack app")
    own.write_text("mine\n", encoding="utf-8")
    assert f"replaced      {own}" in init(tmp_path, "--yes", "--overwrite", *OWN).stdout


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    """The same answers give the same files, which are left as they are."""
    init(tmp_path, "--yes", *OWN)
    again = init(tmp_path, "--yes", *OWN)
    assert "written" not in again.stdout
    assert "kept" not in again.stdout


def test_a_prometheus_that_is_not_there_is_told_and_no_obstacle(tmp_path: Path) -> None:
    """The files come all the same, without runbooks of its rules."""
    result = init(tmp_path, "--yes", *OWN, "--prometheus", "http://127.0.0.1:9")
    assert result.exit_code == 0, result.output
    assert "Prometheus cannot be reached" in result.stdout
    checked(tmp_path)


def test_a_rule_file_that_is_none_is_a_fault_with_its_place(tmp_path: Path) -> None:
    """`file:line:column: message`, and 1."""
    other = tmp_path / "other.yaml"
    other.write_text("a: 1\n", encoding="utf-8")
    result = init(tmp_path, "--yes", "--rules", str(other))
    assert result.exit_code == 1
    assert f"{other}:1:1: no alert rules: `groups` is expected" in result.stdout


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The path and the reason, and no traceback."""
    (tmp_path / "runbooks").write_text("in the way", encoding="utf-8")
    result = init(tmp_path, "--yes", *OWN)
    assert result.exit_code == 1
    assert f"lightship init: {tmp_path / 'runbooks'}" in result.stderr


def test_the_slack_app_has_the_command_and_every_scope_that_doctor_wants() -> None:
    """The manifest is within Slack's lengths; with an address Slack comes by HTTP, else by Socket Mode."""
    for address in ("", "https://bot.example"):
        drafts = {one.name: one.text for one in draft_all(Choices(service="payments", address=address), ())}
        manifest = YAML(typ="safe").load(drafts["slack-app.yaml"])
        (command,) = manifest["features"]["slash_commands"]
        assert command["command"] == "/payments"
        assert command["should_escape"] is True
        assert set(manifest["oauth_config"]["scopes"]["bot"]) == {*SCOPES, "usergroups:read"}
        assert manifest["settings"]["socket_mode_enabled"] is (not address)
        assert command.get("url") == (f"{address}/slack/events" if address else None)
        assert len(manifest["display_information"]["description"]) <= 140
        assert len(manifest["display_information"]["name"]) <= 35


def test_the_manifests_fit_together(tmp_path: Path) -> None:
    """The kustomization names each file that is there, and the Roles are bound to the bot's account."""
    init(tmp_path, "--yes", *OWN)
    (kustomization,) = loaded(tmp_path / "kustomization.yaml")
    named = [*kustomization["resources"]]
    named += [file for maps in kustomization["configMapGenerator"] for file in maps["files"]]
    assert all((tmp_path / name).is_file() for name in named), named
    bindings = [one for one in loaded(tmp_path / "kubernetes/rbac.yaml") if one["kind"].endswith("Binding")]
    accounts = [
        one for one in loaded(tmp_path / "kubernetes/lightship.yaml") if one["kind"] == "ServiceAccount"
    ]
    assert bindings
    for binding in bindings:
        (subject,) = binding["subjects"]
        assert (subject["namespace"], subject["name"]) == (
            accounts[0]["metadata"]["namespace"],
            accounts[0]["metadata"]["name"],
        )
