"""Traffic that cannot arrive: a Service that finds no pod or port, a policy that shuts it, DNS set aside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bot.checks.modes.sight import is_alive, short
from bot.checks.reading import created_at, name_of
from bot.domain.outside_text import one_line
from bot.domain.selectors import selector_matches, selector_text
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.checks.modes.sight import Sight
    from bot.ports.readers import KubeObject

_DNS_PORT: Final = 53
_NAME: Final = "kubernetes.io/metadata.name"
"""The label that the API server gives every namespace: its name."""
_UNRESOLVED: Final = re.compile(
    r"no such host|name resolution|getaddrinfo|NXDOMAIN|could not resolve|Name or service not known"
    r"|EAI_AGAIN|ENOTFOUND|SERVFAIL",
    re.IGNORECASE,
)


def networking(sight: Sight) -> Iterator[Suspect]:
    """Services, network policies and DNS of the deployment's pods."""
    yield from _services(sight)
    yield from _policies(sight)
    yield from _dns(sight)


def labels_of(sight: Sight) -> Mapping[str, str]:
    """The labels that its pods carry."""
    return (sight.template.get("metadata") or {}).get("labels") or {}


def is_meant_for(service: KubeObject, *, names: Sequence[str], labels: Mapping[str, str]) -> bool:
    """Whether a Service is the deployment's: its selector fits the pods, or its name or part of it does."""
    spec = service.get("spec") or {}
    selector = spec.get("selector") or {}
    if not selector or spec.get("type") == "ExternalName":
        return False
    if selector_matches({"matchLabels": selector}, labels):
        return True
    return name_of(service) in names or any(
        labels.get(key) == value
        for key, value in selector.items()
        if key in {"app", "app.kubernetes.io/name", "app.kubernetes.io/instance"}
    )


def _services(sight: Sight) -> Iterator[Suspect]:
    labels = labels_of(sight)
    for one in sight.services:
        spec, name = one.manifest.get("spec") or {}, name_of(one.manifest)
        selector = spec.get("selector") or {}
        if selector_matches({"matchLabels": selector}, labels):
            yield from _ports(sight, name, spec.get("ports") or ())
        elif not one.finds_pods:
            wrong = {key: value for key, value in selector.items() if labels.get(key) != value}
            near = ", ".join(f"{key}={labels[key]}" for key in wrong if key in labels)
            yield Suspect(
                mode=FailureMode.SERVICE_SELECTS_NOTHING,
                title=f"The Service {name} finds no pod: none has the labels that it looks for",
                subject=f"service {name}",
                field="spec.selector",
                value=_pairs(wrong),
                mend=f"select what the pods have: {near or _pairs(labels)}",
                certainty=0.93,
                evidence=(f"the pods of {sight.subject} have {_pairs(labels)}",),
            )


def _ports(sight: Sight, service: str, ports: Sequence[Mapping[str, Any]]) -> Iterator[Suspect]:
    declared = [port for one in _containers(sight) for port in one.get("ports") or ()]
    names = {str(port.get("name")) for port in declared if port.get("name")}
    numbers = {port.get("containerPort") for port in declared}
    for index, port in enumerate(ports):
        target = port.get("targetPort", port.get("port"))
        named = isinstance(target, str) and not target.isdecimal()
        wanted = target if named else int(str(target))
        if wanted in names or wanted in numbers or (not named and not declared):
            continue
        known = [_port_words(one) for one in declared]
        yield Suspect(
            mode=FailureMode.SERVICE_PORT_MATCHES_NOTHING,
            title=f"The Service {service} sends to port {target}, which no container has",
            subject=f"service {service}",
            field=f"spec.ports[{port.get('name') or index}].targetPort",
            value=one_line(target, limit=60),
            mend=f"send to a port of the pods: {', '.join(known) or 'they name none'}",
            certainty=0.94 if named else 0.82,
            evidence=(f"the containers have {', '.join(known) or 'no named port'}",),
        )


def _port_words(port: Mapping[str, Any]) -> str:
    name = f" ({port['name']})" if port.get("name") else ""
    return one_line(f"{port.get('containerPort')}{name}", limit=60)


def callers_of(sight: Sight) -> tuple[str, ...]:
    """The selectors of pods of the namespace that the policies over the deployment's pods let in, as text."""
    found = [
        selector
        for policy in _inward(sight)
        for rule in _rules(policy, "ingress")
        for peer in rule.get("from") or ()
        if (selector := _of_the_namespace(peer, sight))
    ]
    return tuple(dict.fromkeys(found))


def _of_the_namespace(peer: Mapping[str, Any], sight: Sight) -> str:
    """The selector of a peer that is pods of the namespace alone; empty for any other, and for all pods.

    Which labels other namespaces have would need a right of the whole cluster. The label that every namespace
    has, its name, needs none.
    """
    spaces = peer.get("namespaceSelector")
    if peer.get("ipBlock") or (spaces is not None and not _names_alone(spaces, sight)):
        return ""
    return selector_text(peer.get("podSelector") or {})


def _names_alone(spaces: Mapping[str, Any], sight: Sight) -> bool:
    """Whether a selector of namespaces names the deployment's own one and no other."""
    own = (sight.deployment.get("metadata") or {}).get("namespace")
    labels, terms = spaces.get("matchLabels") or {}, spaces.get("matchExpressions") or ()
    if labels:
        return bool(own) and not terms and dict(labels) == {_NAME: own}
    return [(one.get("key"), one.get("operator"), list(one.get("values") or ())) for one in terms] == [
        (_NAME, "In", [own])
    ]


def _inward(sight: Sight) -> list[KubeObject]:
    labels = labels_of(sight)
    mine = [one for one in sight.policies if selector_matches(_selector(one), labels)]
    return [one for one in mine if "Ingress" in _types(one)]


def _lets_somebody_in(rule: Mapping[str, Any], sight: Sight) -> bool:
    """Whether anybody who exists is among those that the rule lets in; without a list everybody is."""
    peers = rule.get("from") or ()
    return not peers or any(_of_the_namespace(peer, sight) not in sight.nobody for peer in peers)


def _policies(sight: Sight) -> Iterator[Suspect]:
    labels = labels_of(sight)
    mine = [one for one in sight.policies if selector_matches(_selector(one), labels)]
    inward = _inward(sight)
    outward = [one for one in mine if "Egress" in _types(one)]
    for port, name in _served(sight) if inward else ():
        rules = [rule for one in inward for rule in _rules(one, "ingress") if _opens(rule, port, name, "TCP")]
        if rules and not any(_lets_somebody_in(rule, sight) for rule in rules):
            yield _lets_nobody_in(sight, inward, rules, f"{port}" + (f" ({name})" if name else ""))
        elif not rules:
            shut = f"{port}" + (f" ({name})" if name else "")
            yield _shut(sight, inward, "ingress", shut, f"nobody can reach port {shut} of the pods")
    if outward and not any(
        _opens(rule, _DNS_PORT, "", "UDP") for one in outward for rule in _rules(one, "egress")
    ):
        yield _shut(sight, outward, "egress", "53 (DNS)", "the pods cannot resolve names")


def _shut(sight: Sight, policies: Sequence[KubeObject], way: str, port: str, what: str) -> Suspect:
    newest = _newest(policies)
    names = ", ".join(name_of(one) for one in policies[:3])
    return Suspect(
        mode=FailureMode.NETWORK_POLICY_SHUTS_PORT,
        title=f"The network policy {name_of(newest)} shuts port {port}: {what}",
        subject=f"network policy {name_of(newest)}",
        field=f"spec.{way}",
        value=f"no rule for port {port}",
        mend=f"add a rule for port {port}",
        certainty=0.9 if way == "ingress" else 0.75,
        evidence=(f"of the policies that cover the pods of {sight.subject} ({names}) none opens it",),
        since=created_at(newest),
    )


def _lets_nobody_in(
    sight: Sight, policies: Sequence[KubeObject], rules: Sequence[Mapping[str, Any]], port: str
) -> Suspect:
    own = [one for one in policies if any(rule in rules for rule in _rules(one, "ingress"))]
    newest = _newest(own)
    wanted = [
        selector for rule in rules for peer in rule["from"] if (selector := _of_the_namespace(peer, sight))
    ]
    shown = one_line(" or ".join(dict.fromkeys(wanted)), limit=160)
    return Suspect(
        mode=FailureMode.NETWORK_POLICY_SHUTS_PORT,
        title=f"The network policy {name_of(newest)} lets nobody who exists in to port {port}",
        subject=f"network policy {name_of(newest)}",
        field="spec.ingress.from.podSelector",
        value=shown,
        mend="select the labels that the callers have",
        certainty=0.85,
        evidence=(f"no pod of the namespace has {shown}; nobody else is let in to {sight.subject}",),
        since=created_at(newest),
    )


def _newest(policies: Sequence[KubeObject]) -> KubeObject:
    return max(
        policies, key=lambda one: (str((one.get("metadata") or {}).get("creationTimestamp")), name_of(one))
    )


def _dns(sight: Sight) -> Iterator[Suspect]:
    spec = sight.template.get("spec") or {}
    policy, host = spec.get("dnsPolicy") or "ClusterFirst", bool(spec.get("hostNetwork"))
    if policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not host):
        return
    said = next(
        (line for text in sight.logs.values() for line in text.splitlines() if _UNRESOLVED.search(line)), ""
    )
    mend = "set `dnsPolicy: ClusterFirst`"
    if policy == "ClusterFirst":
        mend = "set `dnsPolicy: ClusterFirstWithHostNet`: ClusterFirst means the node's DNS here"
    elif policy == "None":
        mend = "set `dnsPolicy: ClusterFirst`, or name the cluster's DNS in `dnsConfig.nameservers`"
    yield Suspect(
        mode=FailureMode.DNS_POLICY,
        title="The pods do not ask the cluster's DNS, so they cannot find other services by name",
        subject=sight.subject,
        field="spec.template.spec.dnsPolicy",
        value=str(policy) + (" with hostNetwork" if host else ""),
        mend=mend,
        certainty=0.9 if said else 0.5,
        evidence=(f"log: {short(said)}",)
        if said
        else (f"{len([pod for pod in sight.pods if is_alive(pod)])} pods run so",),
        action="rollback" if said else "",
    )


def _served(sight: Sight) -> tuple[tuple[int, str], ...]:
    """The ports of the pods that Services send to, numbers with their names; else those that are declared."""
    declared = [port for one in _containers(sight) for port in one.get("ports") or ()]
    by_name = {str(port.get("name")): int(port["containerPort"]) for port in declared if port.get("name")}
    by_number = {number: name for name, number in by_name.items()}
    found: list[tuple[int, str]] = []
    for service in sight.services:
        spec = service.manifest.get("spec") or {}
        if not selector_matches({"matchLabels": spec.get("selector") or {}}, labels_of(sight)):
            continue
        for port in spec.get("ports") or ():
            target = port.get("targetPort", port.get("port"))
            number = by_name.get(str(target)) or (int(target) if str(target).isdecimal() else 0)
            if number and (port.get("protocol") or "TCP") == "TCP":
                found.append((number, by_number.get(number, "")))
    if not found:
        found = [(int(port["containerPort"]), str(port.get("name") or "")) for port in declared]
    return tuple(dict.fromkeys(found))


def _opens(rule: Mapping[str, Any], number: int, name: str, protocol: str) -> bool:
    ports = rule.get("ports")
    if not ports:
        return True
    for one in ports:
        if (one.get("protocol") or "TCP") != protocol:
            continue
        port = one.get("port")
        if port is None or port == number or (name and port == name):
            return True
        last = one.get("endPort")
        if isinstance(port, int) and isinstance(last, int) and port <= number <= last:
            return True
    return False


def _selector(policy: KubeObject) -> Mapping[str, Any]:
    return (policy.get("spec") or {}).get("podSelector") or {}


def _types(policy: KubeObject) -> Sequence[str]:
    spec = policy.get("spec") or {}
    return spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _rules(policy: KubeObject, way: str) -> Sequence[Mapping[str, Any]]:
    return (policy.get("spec") or {}).get(way) or ()


def _containers(sight: Sight) -> Sequence[Mapping[str, Any]]:
    spec = sight.template.get("spec") or {}
    sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    return (*(spec.get("containers") or ()), *sidecars)


def _pairs(labels: Mapping[str, str]) -> str:
    return one_line(", ".join(f"{key}={value}" for key, value in sorted(labels.items())), limit=200)
