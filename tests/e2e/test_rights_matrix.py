"""The shipped Roles on a real API server: everything configured may be done, everything else is refused.

The matrix has every verb on all resources that the server has, sub-resources included, by namespace and name.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest

from tests.e2e.granting import discard, grant, needs_in
from tests.e2e.scenes import ACCOUNT
from tests.e2e.servers.access import Access, Api, Refused
from tests.e2e.servers.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bot.domain.roles import Need
    from tests.e2e.servers.cluster import Cluster

VERBS: Final = (
    *("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
    *("bind", "escalate", "impersonate"),
)
WATCHED, OTHER = "churn-api", "payments"
ACTS_AS_ONESELF: Final = frozenset({"authentication.k8s.io", "authorization.k8s.io"})


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Asked:
    """One question to the authorizer. The namespace is empty for what is in none, and for all of them."""

    namespace: str
    group: str
    resource: str
    verb: str
    name: str

    def review(self, namespace: str, account: str) -> dict[str, Any]:
        """As the API takes it."""
        resource, _, subresource = self.resource.partition("/")
        attributes = {
            "namespace": self.namespace,
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "verb": self.verb,
            "name": self.name,
        }
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{namespace}:{account}",
                "groups": [
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{namespace}",
                    "system:authenticated",
                ],
                "resourceAttributes": attributes,
            },
        }

    def fits(self, need: Need) -> bool:
        """Whether that need is a reason to say yes."""
        right = need.right
        same = (right.verb, right.group, right.resource) == (self.verb, self.group, self.resource)
        in_cluster = right.resource == "nodes"
        return (
            same
            and (in_cluster or need.namespace == self.namespace)
            and (not need.names or self.name in need.names or right.verb in {"list", "create"})
        )


def resources(api: Api) -> Iterator[tuple[str, str]]:
    """All that the server has, as (group, plural or plural/sub-resource); some that it may not have, too."""
    yield from (
        ("", "pods/exec"),
        ("", "pods/attach"),
        ("", "pods/portforward"),
        ("", "pods/ephemeralcontainers"),
    )
    yield from (("", "serviceaccounts/token"), ("", "users"), ("", "groups"), ("*", "*"))
    for one in api.call("/api/v1")["resources"]:
        yield "", one["name"]
    for group in api.call("/apis")["groups"]:
        for one in api.call(f"/apis/{group['preferredVersion']['groupVersion']}")["resources"]:
            yield group["name"], one["name"]


def questions(api: Api, namespaces: Iterable[str]) -> list[Asked]:
    """The matrix, each question once."""
    found = {
        Asked(namespace=namespace, group=group, resource=resource, verb=verb, name=name)
        for group, resource in resources(api)
        if group not in ACTS_AS_ONESELF
        for namespace in namespaces
        for verb in VERBS
        for name in (("",) if verb in {"list", "watch", "deletecollection"} else (WATCHED, OTHER))
    }
    return sorted(found)


async def answers(access: Access, asked: list[Asked], *, namespace: str, account: str) -> dict[Asked, bool]:
    """What the authorizer says, over a few connections that stay open."""
    tls = ssl.create_default_context(cafile=access.ca_file)
    url = f"{access.url}/apis/authorization.k8s.io/v1/subjectaccessreviews"
    said: dict[Asked, bool] = {}
    left = iter(asked)

    async def work(session: aiohttp.ClientSession) -> None:
        for one in left:
            async with session.post(url, json=one.review(namespace, account)) as answer:
                body = await answer.json()
                said[one] = body["status"]["allowed"]

    headers = {"Authorization": f"Bearer {access.token}"}
    async with aiohttp.ClientSession(
        headers=headers, connector=aiohttp.TCPConnector(ssl=tls), raise_for_status=True
    ) as session:
        await asyncio.gather(*(work(session) for _ in range(8)))
    return said


@pytest.mark.timeout(600)
async def test_everything_configured_and_nothing_else(cluster: Cluster, namespace: str) -> None:
    """Of every verb on every resource in four places the account may do what is configured, no more."""
    if not cluster.owned:
        pytest.skip("the authorizer is asked as the administrator of the tests' own cluster")
    grant(cluster, namespace, guarded=False)
    asked = questions(cluster.api, (namespace, "default", "kube-system", ""))
    needs = needs_in(namespace)
    expected = {one for one in asked if any(one.fits(need) for need in needs)}
    await eventually(
        lambda: answers(cluster.api.access, sorted(expected), namespace=namespace, account=ACCOUNT),
        lambda known: all(known.values()),
        "the Roles are in force",
    )
    said = await answers(cluster.api.access, asked, namespace=namespace, account=ACCOUNT)
    anybody = await answers(
        cluster.api.access, [one for one in asked if said[one]], namespace=namespace, account="nobody"
    )
    granted = {one for one, yes in said.items() if yes and not anybody[one]}
    assert granted == expected
    assert not [one for one in granted if one.resource.startswith("secrets") or one.resource == "pods/exec"]
    print(f"\nrights: {len(asked)} questions, {len(granted)} allowed")  # noqa: T201 - a figure of the run
    discard(cluster, namespace)


def attempts(namespace: str) -> dict[str, tuple[str, str, Mapping[str, Any] | None]]:
    """What a stolen token is tried for first: (method, path, body)."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    pod = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "x", "image": "x"}]}}
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    secret = f"/api/v1/namespaces/{namespace}/secrets"
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
    return {
        "list secrets": ("GET", secret, None),
        "read a secret": ("GET", f"{secret}/database", None),
        "secrets of all namespaces": ("GET", "/api/v1/secrets", None),
        "exec": ("POST", f"{pods}/x/exec?command=sh", {}),
        "attach": ("POST", f"{pods}/x/attach", {}),
        "port forwarding": ("POST", f"{pods}/x/portforward", {}),
        "a pod": ("POST", pods, pod),
        "a token": ("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token", {"spec": {}}),
        "a binding": ("POST", roles, {"metadata": {"name": "x"}}),
        "another deployment": (
            "PATCH",
            f"/apis/apps/v1/namespaces/{namespace}/deployments/{OTHER}",
            {"spec": {"paused": True}},
        ),
        "a deployment elsewhere": (
            "PATCH",
            f"/apis/apps/v1/namespaces/default/deployments/{WATCHED}",
            {"spec": {"paused": True}},
        ),
        "deleting the deployment": (
            "DELETE",
            f"/apis/apps/v1/namespaces/{namespace}/deployments/{WATCHED}",
            None,
        ),
        "changing the cron job": (
            "PATCH",
            f"/apis/batch/v1/namespaces/{namespace}/cronjobs/training-pipeline",
            {"spec": {"suspend": True}},
        ),
        "removing its guardrails": ("DELETE", policies, None),
        "a node": ("PATCH", "/api/v1/nodes/node-1", {"spec": {"unschedulable": True}}),
    }


def test_what_a_stolen_token_is_tried_for_first_is_refused(cluster: Cluster, namespace: str) -> None:
    """Secrets, exec, tokens, pods, bindings, other deployments and its own guardrails: 403 each."""
    grant(cluster, namespace, guarded=False)
    issued = cluster.api.call(
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token", "POST", {"spec": {}}
    )
    api = Api(cluster.api.access.with_token(issued["status"]["token"]))
    for what, (method, path, body) in attempts(namespace).items():
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        with pytest.raises(Refused) as refused:
            api.text(path, method, body, kind)
        assert refused.value.status == 403, what
    discard(cluster, namespace)
