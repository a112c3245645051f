"""What admission must refuse the bot's account although its Roles allow it, as ValidatingAdmissionPolicies.

RBAC ends at verbs: who may create Jobs or patch a Deployment could run any image with any Secret of the
namespace mounted. These policies narrow that to what remediations send. `lightship rbac --admission` prints
them, and the end-to-end tests let the bot work behind them. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.domain.calls import CRON_JOB_LABEL
from bot.domain.guardrail_rules import (
    AUTOSCALER_RULES,
    DEPLOYMENT_RULES,
    DEPLOYMENT_VARIABLES,
    JOB_EDIT_RULES,
    JOB_RULES,
    evictable,
    known_cron_job,
    known_deployment,
    label_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.domain.guardrail_rules import Rule
    from bot.domain.services import WatchedService

API_VERSION: Final = "admissionregistration.k8s.io/v1"
_LABELS: Final = {"app.kubernetes.io/name": "lightship"}
_BOTH: Final = ("CREATE", "UPDATE")


def guardrails(services: Iterable[WatchedService], *, account: tuple[str, str]) -> tuple[dict[str, Any], ...]:
    """The policies with their bindings for (namespace, name) of the bot's ServiceAccount.

    Empty where nothing in Kubernetes may be changed.
    """
    placed = [service for service in services if service.deployment and not service.is_looked_at_only]
    if not placed:
        return ()
    made: list[dict[str, Any]] = []
    cron_jobs = sorted({(one.namespace, one.cronjob) for one in placed if one.cronjob})
    if cron_jobs:
        made.append(
            _policy("lightship-jobs", account, "jobs", ["CREATE"], JOB_RULES, group="batch", param=True)
        )
        made += [_cron_job_binding(namespace, name) for namespace, name in cron_jobs]
    rules = (known_cron_job(cron_jobs), *JOB_EDIT_RULES)
    made += _bound(_policy("lightship-job-edits", account, "jobs", _BOTH, rules, group="batch"))
    names = sorted({f"{one.namespace}/{one.deployment}" for one in placed})
    made += _bound(
        _policy(
            "lightship-deployments",
            account,
            "deployments",
            _BOTH,
            (known_deployment(names), *DEPLOYMENT_RULES),
            group="apps",
            variables=DEPLOYMENT_VARIABLES,
        )
    )
    made += _bound(
        _policy(
            "lightship-autoscalers",
            account,
            "horizontalpodautoscalers",
            _BOTH,
            AUTOSCALER_RULES,
            group="autoscaling",
            version="v2",
        )
    )
    made += _bound(
        _policy("lightship-evictions", account, "pods/eviction", ["CREATE"], (evictable(names),), group="")
    )
    return tuple(made)


def _policy(
    name: str,
    account: tuple[str, str],
    resource: str,
    operations: Sequence[str],
    rules: Iterable[Rule],
    *,
    group: str,
    version: str = "v1",
    param: bool = False,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    matching = {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": list(operations),
        "resources": [resource],
    }
    user = f"system:serviceaccount:{account[0]}:{account[1]}"
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        **({"paramKind": {"apiVersion": "batch/v1", "kind": "CronJob"}} if param else {}),
        "matchConstraints": {"resourceRules": [matching]},
        "matchConditions": [
            {"name": "asked-by-lightship", "expression": f"request.userInfo.username == '{user}'"}
        ],
    }
    if variables:
        spec["variables"] = [{"name": key, "expression": value} for key, value in variables.items()]
    spec["validations"] = [rule.manifest() for rule in rules]
    return {
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": dict(_LABELS)},
        "spec": spec,
    }


def _bound(policy: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return policy, _binding(policy["metadata"]["name"], policy["metadata"]["name"], {})


def _binding(name: str, policy: str, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "labels": dict(_LABELS)},
        "spec": {"policyName": policy, "validationActions": ["Deny"], **more},
    }


def _cron_job_binding(namespace: str, name: str) -> dict[str, Any]:
    """Jobs that say they are of this CronJob are held against it; without it nothing is allowed."""
    return _binding(
        f"lightship-jobs-{namespace}-{name}",
        "lightship-jobs",
        {
            "paramRef": {"name": name, "namespace": namespace, "parameterNotFoundAction": "Deny"},
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "objectSelector": {"matchLabels": {CRON_JOB_LABEL: label_of(name)}},
            },
        },
    )
