"""The CronJob that may run the reports in place of the bot's schedule says what the command understands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.testing import CliRunner
from ruamel.yaml import YAML

from bot.cli import lightship
from bot.domain.quantities import parse_quantity
from bot.settings.environment import PLAIN, SECRETS
from bot.settings.models import DriftSettings

MANIFEST = Path(__file__).parents[2] / "k8s" / "drift-cronjob.yaml"


def manifest() -> dict[str, Any]:
    """The CronJob."""
    return dict(YAML(typ="safe", pure=True).load(MANIFEST.read_text(encoding="utf-8")))


def container(cronjob: dict[str, Any]) -> dict[str, Any]:
    """Its only container."""
    (only,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return dict(only)


def test_its_command_and_variables_are_ours() -> None:
    """`lightship drift run` of one service, told by variables that the command reads."""
    only = container(manifest())
    assert only["args"][:2] == ["drift", "run"]
    assert CliRunner().invoke(lightship, [*only["args"][:2], "--help"]).exit_code == 0
    names = {one["name"].removesuffix("_FILE") for one in only["env"]}
    assert names <= {*PLAIN, *SECRETS}
    assert not names & {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"}


def test_it_runs_one_at_a_time_in_utc_with_room_for_the_process_that_compares() -> None:
    """As the bot's own schedule does; the container's limit is above that of the process."""
    cronjob = manifest()
    spec = cronjob["spec"]
    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
    assert spec["schedule"] == DriftSettings.model_fields["schedule"].default
    limit = parse_quantity(container(cronjob)["resources"]["limits"]["memory"])
    assert limit is not None
    assert limit > DriftSettings.model_fields["memory"].default
