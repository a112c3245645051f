"""Containers that run and are not ready: a readiness probe that never passes or flaps, an init that hangs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bot.checks.modes.sight import containers_of, is_alive, is_ready, short
from bot.checks.reading import condition_of
from bot.domain.durations import rough_duration
from bot.domain.outside_text import one_line
from bot.domain.redaction import without_secrets
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from bot.checks.modes.sight import ContainerSight, Happening, Sight
    from bot.ports.readers import KubeObject

_HANGS: Final = timedelta(minutes=2)
_SETTLED: Final = timedelta(minutes=10)
_GRACE: Final = timedelta(seconds=30)
_FLAPS: Final = 3


def probes(sight: Sight) -> Iterator[Suspect]:
    """Readiness of running containers, and init containers that do not end."""
    for pod in sight.pods:
        if not is_alive(pod):
            continue
        if not is_ready(pod):
            yield from _hanging(sight, pod)
        yield from _unready(sight, pod)


def probe_words(probe: Mapping[str, Any]) -> str:
    """`GET /healthz on port 8080, timeout 1 s, 3 failures in a row`."""
    if not probe:
        return "none"
    asked = "?"
    if http := probe.get("httpGet"):
        asked = f"GET {http.get('path') or '/'} on port {http.get('port')}"
    elif tcp := probe.get("tcpSocket"):
        asked = f"TCP to port {tcp.get('port')}"
    elif grpc := probe.get("grpc"):
        asked = f"gRPC on port {grpc.get('port')}"
    elif run := probe.get("exec"):
        asked = f"command {' '.join(map(str, run.get('command') or ()))}"
    seconds, failures = probe.get("timeoutSeconds", 1), probe.get("failureThreshold", 3)
    words = f"{asked}, timeout {seconds} s, {failures} failures in a row"
    return one_line(without_secrets(words), limit=200)


def _hanging(sight: Sight, pod: KubeObject) -> Iterator[Suspect]:
    for one in containers_of(pod):
        since = one.running_since
        sidecar = one.spec.get("restartPolicy") == "Always"
        if not one.init or sidecar or since is None or sight.now - since < _HANGS:
            continue
        command = one.spec.get("command") or one.spec.get("args") or []
        yield Suspect(
            mode=FailureMode.INIT_CONTAINER_HANGS,
            title=f"Init container {one.name} does not end, so the pod's own containers never start",
            subject=sight.subject,
            field=f"{one.path}.command",
            value=one_line(without_secrets(" ".join(map(str, command))), limit=200) or "the image's own",
            mend="find what it waits for (its log says), and bound its waiting",
            certainty=0.9,
            evidence=(
                f"pod {one.pod}: it has run for {rough_duration(sight.now - since)}",
                *(
                    f"log: {short(line)}"
                    for line in sight.logs.get((one.pod, one.name), "").splitlines()[-2:]
                ),
            ),
            since=since,
        )


def _unready(sight: Sight, pod: KubeObject) -> Iterator[Suspect]:
    for one in containers_of(pod):
        probe = one.spec.get("readinessProbe")
        since = one.running_since
        if one.init or not probe or since is None:
            continue
        failures = [
            event
            for event in sight.about("Pod", one.pod, "Unhealthy")
            if event.message.startswith("Readiness probe ")
        ]
        if not failures:
            if not one.status.get("ready") and sight.now - since > _patience(probe):
                yield _never(
                    sight, one, probe, f"its container has run for {rough_duration(sight.now - since)}"
                )
            continue
        if _flaps(pod, one, failures, since=since):
            yield _flapping(sight, one, probe, failures)
        elif not one.status.get("ready") and sight.now - since > _patience(probe):
            yield _never(sight, one, probe, short(failures[0].message))


def _patience(probe: Mapping[str, Any]) -> timedelta:
    """How long a start may take before its probe counts as failed."""
    rounds = int(probe.get("periodSeconds") or 10) * int(probe.get("failureThreshold") or 3)
    return timedelta(seconds=int(probe.get("initialDelaySeconds") or 0) + rounds) + _GRACE


def _flaps(pod: KubeObject, one: ContainerSight, failures: list[Happening], *, since: datetime) -> bool:
    """Whether it was ready in between: it lost readiness long after its start, or won it back."""
    changed = condition_of(pod, "Ready").since
    if changed is None or sum(event.count for event in failures) < _FLAPS:
        return False
    if not one.status.get("ready"):
        return changed - since > _GRACE
    # A slow start fails its probe too, but from its first minute on.
    return min(event.first for event in failures) - since > _SETTLED


def _never(sight: Sight, one: ContainerSight, probe: Mapping[str, Any], said: str) -> Suspect:
    return Suspect(
        mode=FailureMode.READINESS_NEVER_PASSES,
        title=f"The readiness probe of container {one.name} never passes, so it gets no traffic",
        subject=sight.subject,
        field=f"{one.path}.readinessProbe",
        value=probe_words(probe),
        mend="correct the probe's path, port or timing; if it is right, find why the program is not ready",
        certainty=0.88,
        evidence=(f"pod {one.pod}: {said}",),
        since=one.running_since,
        action="rollback",
    )


def _flapping(
    sight: Sight, one: ContainerSight, probe: Mapping[str, Any], failures: list[Happening]
) -> Suspect:
    times = sum(event.count for event in failures)
    return Suspect(
        mode=FailureMode.READINESS_FLAPS,
        title=f"Container {one.name} is ready and not ready in turns",
        subject=sight.subject,
        field=f"{one.path}.readinessProbe",
        value=probe_words(probe),
        mend="find what it waits for now and then, or give the probe a longer time-out and more failures",
        certainty=0.85,
        evidence=(
            f"pod {one.pod}: its readiness probe failed {times} times within the hour",
            short(failures[0].message),
        ),
        since=min(event.first for event in failures),
    )
