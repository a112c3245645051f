"""The shipped manifests as files: what is generated is up to date, and what must not be in them is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from bot import __version__
from bot.cli.granting import rbac
from bot.settings.environment import PLAIN, SECRETS

ROOT = Path(__file__).parents[2]
BASE = ROOT / "k8s" / "base"


def loaded(path: Path) -> Any:
    """The one document of a file."""
    return YAML(typ="safe").load(path)


def container() -> dict[str, Any]:
    """The bot's container."""
    (only,) = loaded(BASE / "deployment.yaml")["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


@pytest.mark.parametrize(("file", "words"), [("rbac.yaml", []), ("admission.yaml", ["--admission"])])
def test_rights_and_guardrails_are_what_the_command_prints(file: str, words: list[str]) -> None:
    """`lightship rbac` for the shipped configuration, letter by letter."""
    result = CliRunner().invoke(rbac, ["--config", str(ROOT / "lightship.yaml"), *words])
    assert result.exit_code == 0, result.output
    mend = f"run: lightship rbac {' '.join(words)} > k8s/base/{file}"
    assert (BASE / file).read_text() == result.stdout, mend


def test_the_configuration_is_the_shipped_one() -> None:
    """The ConfigMap is made of a copy, because kustomize reads nothing above its folder."""
    assert (BASE / "lightship.yaml").read_text() == (ROOT / "lightship.yaml").read_text()


def test_the_image_has_this_version() -> None:
    """The tag that is applied is the one of this tree."""
    (image,) = loaded(BASE / "kustomization.yaml")["images"]
    assert image["newTag"] == __version__


def test_the_environment_is_one_that_the_bot_knows() -> None:
    """Every variable of the container is one that the bot reads, and no secret stands in it."""
    names = {one["name"]: one.get("value", "") for one in container()["env"]}
    for overlay in ("sqlite", "postgresql"):
        patch = loaded(ROOT / "k8s" / "overlays" / overlay / "deployment.yaml")
        (patched,) = patch["spec"]["template"]["spec"]["containers"]
        names |= {one["name"]: one["value"] for one in patched["env"]}
    known = {*PLAIN, *SECRETS, *(f"{name}_FILE" for name in SECRETS)}
    assert set(names) <= known
    secret = {name for name in names if name in SECRETS} - {"LIGHTSHIP_DATABASE_URL"}
    assert not secret, "secrets come from files"
    assert names["LIGHTSHIP_DATABASE_URL"].startswith("sqlite")


def test_the_way_out_has_its_time() -> None:
    """The pod is given longer than the bot takes to end, after the wait for the endpoints."""
    from handlers.server import STOP_WITHIN  # noqa: PLC0415 - the server is loaded for this test alone

    spec = loaded(BASE / "deployment.yaml")["spec"]["template"]["spec"]
    wait = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] >= wait + STOP_WITHIN + 5


def test_slack_s_way_in_leads_nowhere_else() -> None:
    """The Ingress has one path, exactly: webhooks and metrics are not reachable from outside."""
    rules = loaded(BASE / "ingress.yaml")["spec"]["rules"]
    paths = [(one["path"], one["pathType"]) for rule in rules for one in rule["http"]["paths"]]
    assert paths == [("/slack/events", "Exact")]


def test_the_receiver_is_one_that_alertmanager_and_the_bot_agree_on() -> None:
    """It posts to the Service's /alerts with the token from a file, resolves too, and bounds its groups."""
    (receiver,) = loaded(ROOT / "k8s" / "alertmanager-receiver.yaml")["receivers"]
    (hook,) = receiver["webhook_configs"]
    service = loaded(BASE / "service.yaml")
    (port,) = service["spec"]["ports"]
    name = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert hook["url"] == f"http://{name}:{port['port']}/alerts"
    assert hook["send_resolved"]
    assert hook["max_alerts"]
    assert hook["http_config"]["authorization"]["credentials_file"].endswith("/webhook-token")
