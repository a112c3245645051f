"""The least Roles: every needed right is granted, nothing else is, names bind where RBAC can bind them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.rights import Right
from bot.domain.roles import CLUSTER_SCOPED, Need, RoleRule, least_roles

RIGHTS = st.builds(
    Right,
    verb=st.sampled_from(["get", "list", "patch", "create"]),
    group=st.sampled_from(["", "apps"]),
    resource=st.sampled_from(["pods", "deployments", "deployments/scale", "nodes"]),
)
NEEDS = st.builds(
    Need,
    namespace=st.sampled_from(["a", "b"]),
    right=RIGHTS,
    names=st.sampled_from([(), ("api",), ("api", "web")]),
    needed_by=st.sampled_from(["check pods", "remediation scale"]),
)


def granted(rule: RoleRule, right: Right, name: str) -> bool:
    """Whether a rule holds a right on an object of that name, as the API server decides."""
    same = rule.group == right.group and rule.resource == right.resource and right.verb in rule.verbs
    return same and (not rule.names or name in rule.names)


@given(st.lists(NEEDS, max_size=12))
def test_every_need_is_granted_on_its_objects(needs: list[Need]) -> None:
    """A needed right is in the Role of its namespace, or the cluster's, for each of its objects."""
    roles = {role.namespace: role.rules for role in least_roles(needs)}
    for need in needs:
        scope = "" if need.right.resource in CLUSTER_SCOPED else need.namespace
        for name in need.names or ("any-object",):
            assert any(granted(rule, need.right, name) for rule in roles[scope])


@given(st.lists(NEEDS, max_size=12))
def test_nothing_is_granted_that_nobody_needs(needs: list[Need]) -> None:
    """Each verb of each rule goes back to a need of that right, and names are kept unless one wants all."""
    for role in least_roles(needs):
        for rule in role.rules:
            for verb in rule.verbs:
                right = Right(verb=verb, group=rule.group, resource=rule.resource)
                causes = [
                    need
                    for need in needs
                    if need.right == right and (not role.namespace or need.namespace == role.namespace)
                ]
                assert causes
                everybody = verb in {"list", "create"} or any(not need.names for need in causes)
                assert set(rule.names) == (set() if everybody else {n for c in causes for n in c.names})


def test_what_is_in_no_namespace_goes_into_a_role_of_the_cluster() -> None:
    """Nodes are granted by the last Role, whose namespace is empty."""
    needs = [
        Need(namespace="a", right=Right(verb="list", group="", resource="nodes")),
        Need(namespace="a", right=Right(verb="list", group="", resource="pods")),
    ]
    assert [role.namespace for role in least_roles(needs)] == ["a", ""]
