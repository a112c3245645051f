"""The environment's own variables: secrets that never show, files in their place, and when not to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.settings import Environment, read_environment, reasons_not_to_run

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-hunter2",
    "SLACK_SIGNING_SECRET": "signing-hunter2",
    "SLACK_APP_TOKEN": "xapp-hunter2",
    "LIGHTSHIP_DATABASE_URL": "postgresql+asyncpg://bot:hunter2@db/lightship",
    "LIGHTSHIP_WEBHOOK_TOKEN": "webhook-hunter2",
    "MLFLOW_TRACKING_PASSWORD": "hunter2",
    "MLFLOW_TRACKING_TOKEN": "hunter2",
    "PROMETHEUS_URL": "https://user:hunter2@prometheus",
    "ALERTMANAGER_URL": "https://user:hunter2@alertmanager",
    "MLFLOW_TRACKING_URI": "https://user:hunter2@mlflow",
}


def read(environ: dict[str, str]) -> Environment:
    """The environment, which must have no fault."""
    environment, faults = read_environment(environ)
    assert faults == ()
    return environment


def test_an_empty_environment_has_the_documented_defaults() -> None:
    """Loopback, port 8080, SQLite, level info."""
    environment = read({})
    assert (environment.http_host, environment.http_port) == ("127.0.0.1", 8080)
    assert environment.database_url.get_secret_value() == "sqlite+aiosqlite:///lightship.db"
    assert environment.log_level == "info"
    assert environment.slack_api_url == "https://slack.com/api/"


def test_no_secret_is_in_the_repr() -> None:
    """Every secret is read, and none is shown by repr or str."""
    environment = read(SECRETS)
    assert "hunter2" not in f"{environment!r} {environment!s}"
    assert environment.webhook_token is not None
    assert environment.webhook_token.get_secret_value() == "webhook-hunter2"


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_every_secret_comes_from_a_file_as_well(name: str, tmp_path: Path) -> None:
    """`NAME_FILE` gives the same as `NAME`, without the line's end."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRETS[name]}\n", encoding="utf-8")
    assert read({f"{name}_FILE": str(file)}) == read({name: SECRETS[name]})


def test_a_secret_given_twice_missing_or_empty_is_a_fault(tmp_path: Path) -> None:
    """Both a value and a file, a file that is not there, and an empty file are told, without the value."""
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    _, faults = read_environment(
        {
            "SLACK_BOT_TOKEN": "hunter2",
            "SLACK_BOT_TOKEN_FILE": str(tmp_path / "empty"),
            "SLACK_APP_TOKEN_FILE": str(tmp_path / "none"),
            "SLACK_SIGNING_SECRET_FILE": str(tmp_path / "empty"),
        }
    )
    told = "\n".join(map(str, faults))
    assert "$SLACK_BOT_TOKEN_FILE:1:1: SLACK_BOT_TOKEN is set as well" in told
    assert "none` cannot be read: No such file or directory" in told
    assert "empty` is empty" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("LIGHTSHIP_HTTP_PORT", "http", "is not a port"),
        ("LIGHTSHIP_HTTP_PORT", "70000", "is not a port"),
        ("LIGHTSHIP_LOG_LEVEL", "inof", "did you mean `info`?"),
        ("LIGHTSHIP_LOG_FORMAT", "jsn", "did you mean `json`?"),
        ("PROMETHEUS_URL", "prometheus:9090", "http://"),
        ("ALERTMANAGER_URL", "https://[::1", "http://"),
    ],
)
def test_a_wrong_value_is_a_fault_at_its_variable(name: str, value: str, part: str) -> None:
    """What cannot be used is named and has its default meanwhile."""
    environment, faults = read_environment({name: value})
    assert len(faults) == 1
    assert str(faults[0]).startswith(f"${name}:1:1: ")
    assert part in faults[0].message
    assert environment == read({})


def test_a_service_link_of_kubernetes_is_no_port() -> None:
    """A Service called `lightship-http` puts tcp://… into LIGHTSHIP_HTTP_PORT; the default port stays."""
    assert read({"LIGHTSHIP_HTTP_PORT": "tcp://10.0.0.1:80"}).http_port == 8080


def test_run_is_refused_without_slack() -> None:
    """Without a token and a secret or an app token, both are said to be missing, by their names."""
    reasons = " ".join(reasons_not_to_run(read({})))
    assert "SLACK_BOT_TOKEN" in reasons
    assert "SLACK_SIGNING_SECRET" in reasons
    assert "SLACK_APP_TOKEN" in reasons


@pytest.mark.parametrize("kind", ["SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"])
def test_run_is_allowed_on_loopback_with_a_token_and_either_secret(kind: str) -> None:
    """A bot token and one of the two ways to hear Slack are enough on loopback."""
    assert reasons_not_to_run(read({"SLACK_BOT_TOKEN": "xoxb-1", kind: "x"})) == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "bot.example.org"])
def test_run_is_refused_off_loopback_without_a_webhook_token(host: str) -> None:
    """Whoever can reach the port could post alerts, so a token is demanded."""
    environ = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "x", "LIGHTSHIP_HTTP_HOST": host}
    assert "LIGHTSHIP_WEBHOOK_TOKEN" in reasons_not_to_run(read(environ))[0]
    assert reasons_not_to_run(read({**environ, "LIGHTSHIP_WEBHOOK_TOKEN": "t"})) == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.53", "[::1]"])
def test_loopback_addresses_are_known(host: str) -> None:
    """Addresses that only this machine reaches need no webhook token."""
    assert read({"LIGHTSHIP_HTTP_HOST": host}).listens_on_loopback
