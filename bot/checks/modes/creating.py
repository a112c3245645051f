"""Pods that the API server refuses: no pod exists that could tell, only the ReplicaSet's warnings do.

Told also while some replicas live: the missing ones are what is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bot.checks.modes.sight import clean, short
from bot.checks.reading import condition_of, name_of
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bot.checks.modes.sight import Sight

_QUOTA: Final = re.compile(r"exceeded quota: ([^,]+), requested: (.+?), used: (.+?), limited: (.+?)(?: \(|$)")
_QUOTA_WANTS: Final = re.compile(r"failed quota: ([^:]+): must specify (.+)")
_RANGE: Final = re.compile(
    r"((?:maximum|minimum) (\S+) usage per (\w+) is ([^,\s]+)(?:, but (limit|request) is ([^\s,.\]]+))?"
    r"|(\S+) max limit to request ratio per (\w+) is ([^,\s]+), but (?:provided )?ratio is ([\d.]+))",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(r'admission webhook "([^"]+)" denied the request(?:: (.*))?')
_POLICY_DENIED: Final = re.compile(
    r"ValidatingAdmissionPolicy '([^']+)' with binding '[^']+' denied request: (.*)"
)
_SECURITY: Final = re.compile(r'violates PodSecurity "([^"]+)": (.*)')
_CALL: Final = re.compile(r'failed calling webhook "([^"]+)"')
_URL: Final = re.compile(r'"https?://([a-z0-9-]+)\.([a-z0-9-]+)\.svc[:/"]')
_NO_ENDPOINTS: Final = re.compile(r'no endpoints available for service "([^"]+)"|service "([^"]+)" not found')
_FIRST_LIMIT: Final = re.compile(r"([^=,\s]+)=([^,\s]+)")


def creating(sight: Sight) -> Iterator[Suspect]:
    """Why the ReplicaSet may not make its pods; only while pods are missing."""
    alive = len(
        [pod for pod in sight.pods if (pod.get("status") or {}).get("phase") not in {"Failed", "Succeeded"}]
    )
    for one in sight.sets:
        failure = condition_of(one, "ReplicaFailure")
        wanted = int((one.get("spec") or {}).get("replicas") or 0)
        made = int((one.get("status") or {}).get("replicas") or 0)
        if wanted <= made and not (failure.status == "True" and alive < sight.replicas):
            continue
        told = sight.about("ReplicaSet", name_of(one), "FailedCreate")
        said = failure.message if failure.status == "True" else (told[0].message if told else "")
        if not said:
            continue
        since = failure.since or (told[-1].first if told else None)
        missing = f"replica set {name_of(one)} has {made} of {wanted} pods"
        found = _judged(sight, said, missing=missing, since=since)
        if found is not None:
            yield found


def _judged(sight: Sight, said: str, *, missing: str, since: datetime | None) -> Suspect | None:
    evidence = (missing, short(said))
    quota, range_ = _quota(sight, said, evidence, since), _limit_range(sight, said, evidence, since)
    return quota or range_ or _webhook(sight, said, evidence, since)


def _quota(sight: Sight, said: str, evidence: tuple[str, ...], since: datetime | None) -> Suspect | None:
    if found := _QUOTA.search(said):
        name, limited = clean(found[1], limit=253), _FIRST_LIMIT.search(found[4])
        what, bound = (limited[1], limited[2]) if limited else ("?", "?")
        return Suspect(
            mode=FailureMode.REFUSED_BY_QUOTA,
            title=f"The quota {name} leaves no room for more pods ({what})",
            subject=f"resource quota {name}",
            field=f"spec.hard.{what}",
            value=bound,
            mend=f"raise the quota {name}, ask for fewer replicas, or request less",
            certainty=0.95,
            evidence=evidence,
            since=since,
        )
    if found := _QUOTA_WANTS.search(said):
        name, wanted = clean(found[1], limit=253), clean(found[2], limit=120)
        return Suspect(
            mode=FailureMode.REFUSED_BY_QUOTA,
            title=f"The quota {name} takes only pods that say their resources",
            subject=sight.subject,
            field="spec.template.spec.containers[].resources",
            value=f"without {wanted}",
            mend=f"set {wanted}",
            certainty=0.95,
            evidence=evidence,
            since=since,
            action="resources",
        )
    return None


def _limit_range(
    sight: Sight, said: str, evidence: tuple[str, ...], since: datetime | None
) -> Suspect | None:
    found = _RANGE.search(said)
    if found is None:
        return None
    resource = found[2] or found[7]
    bound, given, part = found[4] or found[9], found[6] or found[10] or "none", found[5] or "limit"
    which = {"limit": "limits", "request": "requests"}[part.casefold()]
    container = _container_with(sight, which, resource, given)
    return Suspect(
        mode=FailureMode.REFUSED_BY_LIMIT_RANGE,
        title=f"The namespace's LimitRange refuses the pods: {clean(found[1], limit=160)}",
        subject=sight.subject,
        field=f"spec.template.spec.containers[{container}].resources.{which}.{resource}",
        value=given,
        mend=f"stay within the LimitRange's bound of {bound}, or change the LimitRange",
        certainty=0.95,
        evidence=evidence,
        since=since,
        action="resources",
    )


def _container_with(sight: Sight, which: str, resource: str, value: str) -> str:
    containers = (sight.template.get("spec") or {}).get("containers") or ()
    named = [
        str(one.get("name"))
        for one in containers
        if str(((one.get("resources") or {}).get(which) or {}).get(resource)) == value
    ]
    return named[0] if named else str(containers[0].get("name")) if containers else "?"


def _webhook(sight: Sight, said: str, evidence: tuple[str, ...], since: datetime | None) -> Suspect | None:
    if found := _CALL.search(said):
        return _silent_webhook(said, found[1], evidence, since)
    denied, policy, security = _DENIED.search(said), _POLICY_DENIED.search(said), _SECURITY.search(said)
    found = denied or policy or security
    if found is None:
        return None
    who = "admission webhook" if denied else "admission policy" if policy else "pod security level"
    name, why = clean(found[1], limit=253), clean(found[2] or "it gives no reason", limit=200)
    return Suspect(
        mode=FailureMode.REFUSED_BY_WEBHOOK,
        title=f"The {who} {name} refuses the pods: {why}",
        subject=sight.subject,
        field="spec.template",
        value=f"{name}: {why}",
        mend=f"change the pods as {name} asks, or ask who owns it",
        certainty=0.95,
        evidence=evidence,
        since=since,
        action="rollback",
    )


def _silent_webhook(said: str, hook: str, evidence: tuple[str, ...], since: datetime | None) -> Suspect:
    place, absent = _URL.search(said), _NO_ENDPOINTS.search(said)
    service = f"{place[2]}/{place[1]}" if place else (absent[1] or absent[2]) if absent else "its service"
    why = "no pod is ready behind its service" if absent and absent[1] else "its service does not answer"
    if absent and absent[2]:
        why = "its service is not there"
    name = clean(hook, limit=253)
    return Suspect(
        mode=FailureMode.WEBHOOK_WITHOUT_PODS,
        title=f"No pod can be made: the admission webhook {name} cannot be called, {why}",
        subject=f"service {service}",
        field="spec.selector",
        value=f"no answer for {name}",
        mend=f"bring the pods behind service {service} up, or set the webhook's failurePolicy to Ignore",
        certainty=0.95,
        evidence=evidence,
        since=since,
    )
