"""What `lightship rbac` prints for the shipped configuration in another namespace, on the real cluster.

Objects of the cluster's own get the namespace into their names, so that tests leave each other alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from bot.bootstrap.rights import needs_of
from bot.bootstrap.services import watched_services
from bot.cli.granting import policies_written, written
from bot.domain.guardrails import guardrails
from bot.domain.roles import Need, least_roles
from bot.settings import Settings, load_settings
from tests.e2e.scenes import ACCOUNT, SERVICE
from tests.e2e.servers.programs import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.servers.cluster import Cluster

OWN = "lightship"
"""The service of the shipped configuration that is the bot, in a namespace of its own."""


def settings_in(namespace: str) -> Settings:
    """The shipped configuration, its service in that namespace; what it says of the bot itself left out."""
    environ = {f"{SERVICE}KUBERNETES__NAMESPACE": namespace}
    loaded = load_settings(REPOSITORY / "lightship.yaml", environ)
    assert loaded.settings is not None, loaded.faults
    services = {name: one for name, one in loaded.settings.services.items() if name != OWN}
    return loaded.settings.model_copy(update={"services": services})


def needs_in(namespace: str) -> tuple[Need, ...]:
    """The rights that it needs there."""
    settings = settings_in(namespace)
    return needs_of(settings, watched_services(settings).values())


def roles_for(namespace: str) -> list[dict[str, Any]]:
    """The Roles and bindings for an account of that namespace."""
    return _own(written(least_roles(needs_in(namespace)), account=(namespace, ACCOUNT)), namespace)


def guardrails_for(namespace: str) -> list[dict[str, Any]]:
    """The policies and their bindings for that account."""
    services = watched_services(settings_in(namespace)).values()
    return _own(policies_written(guardrails(services, account=(namespace, ACCOUNT))), namespace)


def grant(cluster: Cluster, namespace: str, *, guarded: bool) -> Path:
    """The bot's account with exactly these Roles, behind its guardrails or not; its kubeconfig."""
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": ACCOUNT, "namespace": namespace},
    }
    policies = guardrails_for(namespace) if guarded else []
    if guarded:
        keep_watching(cluster)
    cluster.apply(account, *roles_for(namespace), *policies)
    return cluster.kubeconfig_for(namespace, ACCOUNT)


def keep_watching(cluster: Cluster) -> None:
    """A policy over CronJobs that is for nobody, and stays.

    The API server stops to watch a kind that no policy takes as its parameter any more, and never begins
    again (1.36): policies of later tests would hold Jobs against CronJobs as they were then.
    """
    kind = "ValidatingAdmissionPolicy"
    version, name = "admissionregistration.k8s.io/v1", "e2e-keeps-watching"
    rule = {
        "apiGroups": ["batch"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["jobs"],
    }
    cluster.apply(
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name},
            "spec": {
                "paramKind": {"apiVersion": "batch/v1", "kind": "CronJob"},
                "matchConstraints": {"resourceRules": [rule]},
                "matchConditions": [{"name": "nobody", "expression": "request.userInfo.username == ''"}],
                "validations": [{"expression": "true"}],
            },
        },
        {
            "apiVersion": version,
            "kind": f"{kind}Binding",
            "metadata": {"name": name},
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "paramRef": {"name": name, "namespace": "default", "parameterNotFoundAction": "Allow"},
            },
        },
    )


def discard(cluster: Cluster, namespace: str) -> None:
    """Remove what is in no namespace."""
    for document in (*guardrails_for(namespace), *roles_for(namespace)):
        path = cluster.api.path_of(document)
        if "namespace" not in document["metadata"] and cluster.api.exists(path):
            cluster.api.call(path, "DELETE")


def _own(printed: str, namespace: str) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = list(YAML(typ="safe").load_all(printed))
    for document in documents:
        if "namespace" in document["metadata"]:
            continue
        document["metadata"]["name"] = f"{document['metadata']['name']}-{namespace}"
        if "roleRef" in document:
            document["roleRef"]["name"] = document["metadata"]["name"]
        if "policyName" in document.get("spec", {}):
            document["spec"]["policyName"] += f"-{namespace}"
    return documents
