"""`lightship rbac`: the least Kubernetes Roles that the configured checks and remediations need, as YAML.

With `--admission` it prints the policies that narrow what those Roles allow.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from bot.cli.options import config_option, show_faults
from bot.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.domain.roles import Role, RoleRule
    from bot.domain.services import WatchedService
    from bot.settings import Settings

_RBAC: Final = "rbac.authorization.k8s.io"
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WIDTH: Final = 110


class AccountType(click.ParamType[tuple[str, str]]):
    """`NAMESPACE/NAME` of a ServiceAccount."""

    name = "NAMESPACE/NAME"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Read it, or say what is expected."""
        if isinstance(value, tuple):
            return value
        namespace, slash, name = value.partition("/")
        if not slash or not _NAME.fullmatch(namespace) or not _NAME.fullmatch(name):
            self.fail(f"expected NAMESPACE/NAME, such as lightship/lightship, not `{value[:80]}`", param, ctx)
        return namespace, name


@click.command(
    epilog="\b\nExamples:\n  lightship rbac | kubectl apply -f -\n"
    "  lightship rbac --config deploy/lightship.yaml --service-account ops/lightship\n"
    "  lightship rbac --admission | kubectl apply -f -"
)
@config_option
@click.option(
    "--service-account",
    "account",
    type=AccountType(),
    default="lightship/lightship",
    show_default=True,
    help="Whom the Roles are bound to.",
)
@click.option(
    "--admission",
    is_flag=True,
    help="Print the ValidatingAdmissionPolicies that keep the account to what remediations send.",
)
def rbac(config: Path, account: tuple[str, str], *, admission: bool) -> None:
    """Print the least Kubernetes Roles that the configuration needs, as YAML.

    Each rule says which checks and remediations need it. Nothing grants access to Secrets, or to exec. Who
    may create Jobs or patch a Deployment reaches Secrets through a pod, though: `--admission` prints what
    keeps the account from that, for Kubernetes 1.30 and newer.
    """
    from bot.bootstrap.services import watched_services  # noqa: PLC0415 - `--help` needs none of the checks
    from bot.domain.guardrails import guardrails  # noqa: PLC0415 - as above

    loaded = load_settings(config, os.environ)
    if loaded.settings is None:
        show_faults(loaded.faults)
        sys.exit(1)
    services = watched_services(loaded.settings)
    if admission:
        acting = services.values() if loaded.settings.remediations.enabled else ()
        click.echo(policies_written(guardrails(acting, account=account)), nl=False)
        return
    click.echo(roles_text(loaded.settings, services, account=account), nl=False)


def roles_text(
    settings: Settings, services: Mapping[str, WatchedService], *, account: tuple[str, str]
) -> str:
    """What the command prints: the Roles, or a comment that says that none are needed."""
    from bot.bootstrap.rights import needs_of  # noqa: PLC0415 - `--help` needs none of the checks
    from bot.domain.roles import least_roles  # noqa: PLC0415 - as above

    roles = least_roles(needs_of(settings, services.values()))
    if not roles:
        return "# No service of the configuration is in Kubernetes: no rights are needed.\n"
    return written(roles, account=account)


def written(roles: tuple[Role, ...], *, account: tuple[str, str]) -> str:
    """The Roles and their bindings as YAML documents, each rule with a comment that says what needs it."""
    return "---\n".join(document for role in roles for document in _documents(role, account))


def policies_written(policies: tuple[dict[str, Any], ...]) -> str:
    """The policies and their bindings as YAML documents; what is long in them keeps its lines."""
    if not policies:
        return "# The configuration changes nothing in Kubernetes: there is nothing to bind.\n"
    return "---\n".join(_yaml(_readable(policy)) for policy in policies)


def _readable(value: Any) -> Any:
    """The same with block scalars for texts of several lines."""
    from ruamel.yaml.scalarstring import LiteralScalarString  # noqa: PLC0415 - `--help` needs no YAML

    if isinstance(value, dict):
        return {key: _readable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_readable(one) for one in value]
    return LiteralScalarString(value) if isinstance(value, str) and "\n" in value else value


def _documents(role: Role, account: tuple[str, str]) -> tuple[str, str]:
    kind = "Role" if role.namespace else "ClusterRole"
    metadata: dict[str, Any] = {"name": "lightship"}
    if role.namespace:
        metadata["namespace"] = role.namespace
    metadata["labels"] = {"app.kubernetes.io/name": "lightship"}
    head = {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata}
    binding = {
        **head,
        "kind": f"{kind}Binding",
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": "lightship"},
        "subjects": [{"kind": "ServiceAccount", "name": account[1], "namespace": account[0]}],
    }
    return f"{_yaml(head)}rules:\n{''.join(_rule(rule) for rule in role.rules)}", _yaml(binding)


def _rule(rule: RoleRule) -> str:
    # A JSON list of names is a YAML list as well, and keeps a rule to four lines.
    fields = [f"{key}: {json.dumps(value)}" for key, value in rule.manifest().items()]
    lines = [*_comment(rule.needed_by), f"- {fields[0]}", *(f"  {field}" for field in fields[1:])]
    return "".join(f"  {line}\n" for line in lines)


def _comment(needed_by: tuple[str, ...]) -> list[str]:
    """`# checks hpa, pods; remediation scale`, broken where it is long."""
    parts = []
    for word in ("check", "remediation"):
        names = [one.removeprefix(f"{word} ") for one in needed_by if one.startswith(f"{word} ")]
        if names:
            parts.append(f"{word}{'s' if len(names) > 1 else ''} {', '.join(names)}")
    lines = [""]
    for token in "; ".join(parts).split():
        if len(lines[-1]) + len(token) > _WIDTH - 8:
            lines.append("")
        lines[-1] = f"{lines[-1]} {token}".strip()
    return [f"# {line}" for line in lines if line]


def _yaml(value: Any) -> str:
    from io import StringIO  # noqa: PLC0415 - with the writer it serves

    from ruamel.yaml import YAML  # noqa: PLC0415 - `--help` needs no YAML

    writer = YAML(typ="rt")
    writer.default_flow_style = False
    writer.width = _WIDTH
    writer.indent(mapping=2, sequence=4, offset=2)
    text = StringIO()
    writer.dump(value, text)
    return text.getvalue()
