"""The environment variables of the bot, read once into one frozen value that never shows a secret.

Called by the command line before anything else; `bot.bootstrap` gets the value.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.documents import Place
from bot.domain.words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.faults import Fault

DEFAULT_DATABASE_URL: Final = "sqlite+aiosqlite:///lightship.db"
_DEFAULT_DATABASE: Final = SecretStr(DEFAULT_DATABASE_URL)
_LARGEST_SECRET: Final = 64 * 1024
_HIGHEST_PORT: Final = 65_535
_LOG_FORMATS: Final = ("console", "json")
_LOG_LEVELS: Final = ("debug", "info", "warning", "error")

SECRETS: Final = {
    "SLACK_BOT_TOKEN": "slack_bot_token",
    "SLACK_SIGNING_SECRET": "slack_signing_secret",
    "SLACK_APP_TOKEN": "slack_app_token",
    "LIGHTSHIP_DATABASE_URL": "database_url",
    "LIGHTSHIP_WEBHOOK_TOKEN": "webhook_token",
    "LIGHTSHIP_AUDIT_KEY": "audit_key",
    "MLFLOW_TRACKING_PASSWORD": "mlflow_password",
    "MLFLOW_TRACKING_TOKEN": "mlflow_token",
    "PROMETHEUS_URL": "prometheus_url",
    "ALERTMANAGER_URL": "alertmanager_url",
    "MLFLOW_TRACKING_URI": "mlflow_tracking_uri",
}
"""Variables that also come from a file named by the variable + `_FILE`. Addresses may carry a password."""

PLAIN: Final = {
    "SLACK_API_URL": "slack_api_url",
    "MLFLOW_TRACKING_USERNAME": "mlflow_username",
    "KUBECONFIG": "kubeconfig",
    "LIGHTSHIP_CONFIG": "config",
    "LIGHTSHIP_HTTP_HOST": "http_host",
    "LIGHTSHIP_HTTP_PORT": "http_port",
    "LIGHTSHIP_LOG_FORMAT": "log_format",
    "LIGHTSHIP_LOG_LEVEL": "log_level",
}
"""The other variables."""

_ADDRESSES: Final = ("PROMETHEUS_URL", "ALERTMANAGER_URL", "MLFLOW_TRACKING_URI", "SLACK_API_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the environment says; None where it says nothing. Its repr never shows a secret."""

    slack_bot_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_api_url: str = "https://slack.com/api/"
    database_url: SecretStr = _DEFAULT_DATABASE
    webhook_token: SecretStr | None = None
    audit_key: SecretStr | None = None
    prometheus_url: SecretStr | None = None
    alertmanager_url: SecretStr | None = None
    mlflow_tracking_uri: SecretStr | None = None
    mlflow_username: str | None = None
    mlflow_password: SecretStr | None = None
    mlflow_token: SecretStr | None = None
    kubeconfig: str | None = None
    config: str = "lightship.yaml"
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    log_format: str | None = None
    log_level: str = "info"

    @property
    def audit_keys(self) -> tuple[bytes, ...]:
        """The keys of LIGHTSHIP_AUDIT_KEY, one a line: the first signs, the others signed earlier entries."""
        lines = self.audit_key.get_secret_value().splitlines() if self.audit_key else []
        return tuple(line.strip().encode() for line in lines if line.strip())

    @property
    def listens_on_loopback(self) -> bool:
        """Whether only this machine can reach the HTTP server."""
        return is_loopback(self.http_host)


def read_environment(environ: Mapping[str, str]) -> tuple[Environment, tuple[Fault, ...]]:
    """The variables of `environ`, and the faults in them; what is at fault has its default."""
    faults: list[Fault] = []
    values: dict[str, object] = {}
    for name, attribute in SECRETS.items():
        text = variable(environ, name, faults)
        if text:
            values[attribute] = SecretStr(text)
    for name, attribute in PLAIN.items():
        text = environ.get(name, "").strip()
        # A Kubernetes Service called `lightship-http` puts tcp://… into LIGHTSHIP_HTTP_PORT: not for us.
        if text and not (name == "LIGHTSHIP_HTTP_PORT" and text.startswith("tcp://")):
            values[attribute] = text
    _check(values, faults)
    known = {field.name for field in fields(Environment)}
    return Environment(**{key: value for key, value in values.items() if key in known}), tuple(sorted(faults))  # type: ignore[arg-type]  # checked above


def variable(environ: Mapping[str, str], name: str, faults: list[Fault]) -> str:
    """The value of a variable, or of the file that `NAME_FILE` names; empty when there is none."""
    text, file = environ.get(name, "").strip(), environ.get(f"{name}_FILE", "").strip()
    if not file:
        return text
    place = Place(f"${name}_FILE")
    if text:
        faults.append(place.fault(f"{name} is set as well; set one of the two"))
        return text
    try:
        with Path(file).open("rb") as stream:
            content = stream.read(_LARGEST_SECRET + 1)
        found = content.decode().strip()
    except OSError as error:
        faults.append(place.fault(f"`{file[:200]}` cannot be read: {error.strerror or 'input error'}"))
        return ""
    except UnicodeDecodeError:
        faults.append(place.fault(f"`{file[:200]}` is not UTF-8 text"))
        return ""
    if not found or len(content) > _LARGEST_SECRET:
        faults.append(place.fault(f"`{file[:200]}` is {'too large' if found else 'empty'}"))
        return ""
    return found


def reasons_not_to_run(environment: Environment) -> tuple[str, ...]:
    """Why `lightship run` must not start with this environment; empty when it may."""
    reasons = []
    if environment.slack_bot_token is None:
        reasons.append("SLACK_BOT_TOKEN is not set: Slack gives it on the app's page, OAuth & Permissions")
    if environment.slack_signing_secret is None and environment.slack_app_token is None:
        reasons.append(
            "neither SLACK_SIGNING_SECRET (for Slack over HTTP) nor SLACK_APP_TOKEN (for Socket Mode) is set"
        )
    if environment.webhook_token is None and not environment.listens_on_loopback:
        reasons.append(
            "LIGHTSHIP_WEBHOOK_TOKEN is not set: without it anybody who reaches "
            f"{environment.http_host} could post alerts; set it, or listen on 127.0.0.1"
        )
    return tuple(reasons)


def is_loopback(host: str) -> bool:
    """Whether a listen address is reachable from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check(values: dict[str, object], faults: list[Fault]) -> None:
    port = values.get("http_port")
    if port is not None:
        values.pop("http_port")
        text = str(port)
        if text.isascii() and text.isdigit() and int(text[:9]) <= _HIGHEST_PORT:
            values["http_port"] = int(text)
        else:
            faults.append(Place("$LIGHTSHIP_HTTP_PORT").fault(f"`{text[:60]}` is not a port"))
    for attribute, known in (("log_format", _LOG_FORMATS), ("log_level", _LOG_LEVELS)):
        word = str(values.get(attribute, known[0])).lower()
        if word not in known:
            values.pop(attribute)
            message = f"expected {' or '.join(known)}, not `{word[:60]}`{did_you_mean(word, known)}"
            faults.append(Place(f"$LIGHTSHIP_{attribute.upper()}").fault(message))
        elif attribute in values:
            values[attribute] = word
    for name in _ADDRESSES:
        attribute = SECRETS.get(name) or PLAIN[name]
        value = values.get(attribute)
        address = value.get_secret_value() if isinstance(value, SecretStr) else value
        if address is not None and not _is_web_address(str(address)):
            values.pop(attribute)
            message = "an address that begins with http:// or https:// is expected"
            faults.append(Place(f"${name}").fault(message))


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
