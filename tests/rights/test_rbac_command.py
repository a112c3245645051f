"""`lightship rbac`: the Roles as YAML, as somebody applies them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.testing import CliRunner
from ruamel.yaml import YAML

from bot.checks.registry import CHECKS
from bot.cli.granting import rbac
from bot.domain.remedies import Action
from bot.remediations.registry import REMEDIES

SHIPPED = Path(__file__).parents[2] / "lightship.yaml"


def printed(*arguments: str) -> list[dict[str, Any]]:
    """The documents that the command prints."""
    result = CliRunner().invoke(rbac, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return list(YAML(typ="safe").load_all(result.output))


def rules_of(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules of all Roles among them."""
    return [rule for document in documents for rule in document.get("rules", ())]


def test_the_shipped_configuration_gets_a_role_in_its_namespace_and_its_binding() -> None:
    """A Role and a RoleBinding in churn-mlops, bound to the ServiceAccount that is named."""
    documents = printed("--config", str(SHIPPED), "--service-account", "ops/bot")
    role, binding = documents[:2]
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "churn-mlops")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "bot", "namespace": "ops"}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_every_declared_right_is_in_it() -> None:
    """What checks and remediations cannot do without is granted."""
    rules = rules_of(printed("--config", str(SHIPPED)))
    declared = [right for check in CHECKS.values() for right in check.rights]
    declared += [right for action in Action for right in REMEDIES[action].rights]
    for right in declared:
        assert [
            rule
            for rule in rules
            if right.group in rule["apiGroups"]
            and right.resource in rule["resources"]
            and right.verb in rule["verbs"]
        ], right


def test_nothing_reaches_secrets_exec_or_everything() -> None:
    """No rule names secrets, exec, a wildcard, or lets anybody become somebody else."""
    for rule in rules_of(printed("--config", str(SHIPPED))):
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert not words & {"*", "secrets", "pods/exec", "pods/attach", "impersonate", "escalate", "bind"}


def test_changing_a_deployment_is_bound_to_the_one_that_is_watched() -> None:
    """Every rule that may patch deployments or their scale names churn-api alone."""
    patching = [
        rule
        for rule in rules_of(printed("--config", str(SHIPPED)))
        if "patch" in rule["verbs"] and rule["resources"][0].startswith("deployments")
    ]
    assert patching
    assert [rule["resourceNames"] for rule in patching] == [["churn-api"]] * len(patching)


def test_switched_off_remediations_need_no_right_to_change_anything(tmp_path: Path) -> None:
    """With remediations.enabled false, only get and list are left."""
    config = tmp_path / "lightship.yaml"
    config.write_text(f"{SHIPPED.read_text()}\nremediations: {{enabled: false}}\n")
    verbs = {verb for rule in rules_of(printed("--config", str(config))) for verb in rule["verbs"]}
    assert verbs <= {"get", "list"}


def test_a_service_that_is_looked_at_only_needs_no_right_to_change_anything() -> None:
    """The bot's own namespace has a Role that reads, and no guardrail has anything to bind there."""
    (role,) = [
        one
        for one in printed("--config", str(SHIPPED))
        if one["kind"] == "Role" and one["metadata"]["namespace"] == "lightship"
    ]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list"}
    assert "lightship/lightship" not in str(printed("--config", str(SHIPPED), "--admission"))


def test_a_service_outside_of_kubernetes_needs_none(tmp_path: Path) -> None:
    """Without `kubernetes` in any service, the command says that no rights are needed."""
    config = tmp_path / "lightship.yaml"
    config.write_text("services:\n  web:\n    channel: C0WEB\n    match: ['service=\"web\"']\n")
    result = CliRunner().invoke(rbac, ["--config", str(config)])
    assert (result.exit_code, "no rights are needed" in result.output) == (0, True)


def test_a_wrong_configuration_is_told_with_its_place(tmp_path: Path) -> None:
    """Faults are shown as `check` shows them, and nothing else is printed."""
    config = tmp_path / "lightship.yaml"
    config.write_text("services:\n  web:\n    chanel: C0WEB\n")
    result = CliRunner().invoke(rbac, ["--config", str(config)])
    assert result.exit_code == 1
    assert "lightship.yaml:3:5" in result.output
    assert "apiVersion" not in result.output
