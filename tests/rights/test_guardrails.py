"""The guardrails as documents: for whom they are, what they name. A real server proves that they hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from ruamel.yaml import YAML

from bot.bootstrap.services import watched_services
from bot.cli.granting import rbac
from bot.domain.guardrails import guardrails
from bot.settings import load_settings

SHIPPED = Path(__file__).parents[2] / "lightship.yaml"


def printed(*arguments: str) -> list[dict[str, Any]]:
    """The documents that the command prints."""
    result = CliRunner().invoke(rbac, ["--admission", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [document for document in YAML(typ="safe").load_all(result.output) if document]


def test_every_policy_is_for_the_account_alone_and_denies() -> None:
    """Each names the ServiceAccount that was asked for, fails closed, and has a binding that denies."""
    documents = printed("--config", str(SHIPPED), "--service-account", "ops/bot")
    policies = {
        one["metadata"]["name"]: one["spec"]
        for one in documents
        if one["kind"] == "ValidatingAdmissionPolicy"
    }
    bindings = [one["spec"] for one in documents if one["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert set(policies) == {binding["policyName"] for binding in bindings}
    assert all(binding["validationActions"] == ["Deny"] for binding in bindings)
    for spec in policies.values():
        (condition,) = spec["matchConditions"]
        assert condition["expression"] == "request.userInfo.username == 'system:serviceaccount:ops:bot'"
        assert spec["failurePolicy"] == "Fail"


def test_two_cron_jobs_are_held_apart() -> None:
    """Each CronJob has a binding of its own, which takes the Jobs that name it and holds them against it."""
    loaded = load_settings(SHIPPED, {})
    assert loaded.settings is not None
    churn = watched_services(loaded.settings)["churn"]
    other = replace(churn, name="fraud", namespace="fraud", deployment="fraud-api", cronjob="fraud-training")
    made = guardrails((churn, other), account=("lightship", "lightship"))
    held = {
        one["spec"]["paramRef"]["name"]: one["spec"]["matchResources"]["objectSelector"]["matchLabels"]
        for one in made
        if "paramRef" in one["spec"]
    }
    assert held == {name: {"lightship/cronjob": name} for name in ("training-pipeline", "fraud-training")}


def test_where_nothing_is_changed_there_is_nothing_to_bind(tmp_path: Path) -> None:
    """With remediations switched off the account has no right to change anything: no policy, and words."""
    config = tmp_path / "lightship.yaml"
    config.write_text(f"{SHIPPED.read_text()}\nremediations: {{enabled: false}}\n")
    assert printed("--config", str(config)) == []
