"""The files around the configuration: the Slack app, Alertmanager's receiver, the Kubernetes objects.

Pure text, from the choices and the templates beside this module, which read like the files they become. The
Roles are not here: `lightship rbac` makes them from the configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot import __version__
from bot.bootstrap.examining_slack import SCOPES
from bot.setting_up.yaml_text import quoted

if TYPE_CHECKING:
    from bot.setting_up.choices import Choices

NAMESPACE: Final = "lightship"
BOT_ADDRESS: Final = f"http://lightship.{NAMESPACE}.svc:8080/alerts"
IMAGE: Final = f"lightship:{__version__}"


def slack_app(choices: Choices) -> str:
    """The manifest of the Slack app: name, command, scopes, and how Slack reaches the bot."""
    return _filled("slack-app.yaml.jinja", choices=choices, scopes=(*SCOPES, "usergroups:read"))


def alertmanager_receiver(choices: Choices) -> str:
    """What goes into Alertmanager's configuration: a route and the receiver."""
    return _filled("alertmanager-receiver.yaml.jinja", choices=choices, bot_address=BOT_ADDRESS)


def kustomization(runbooks: tuple[str, ...]) -> str:
    """Beside `lightship.yaml`: `kubectl apply -k .` makes ConfigMaps of it and the runbooks."""
    return _filled("kustomization.yaml.jinja", runbooks=runbooks, namespace=NAMESPACE)


def kubernetes_objects(choices: Choices) -> str:
    """Namespace, account, volume, Deployment and Service of the bot: one replica on SQLite.

    The addresses in it are as the newcomer's machine knows them; the pod may know them by other names.
    """
    return _filled("lightship.yaml.jinja", choices=choices, namespace=NAMESPACE, image=IMAGE)


def _filled(template: str, **values: object) -> str:
    environment = Environment(
        loader=PackageLoader("bot.setting_up"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - YAML, not HTML; what could need quotes goes through `quoted`
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = quoted
    return environment.get_template(template).render(values)
