"""Containers that end: wrong command, error, out of memory, killed by a probe, built for other machines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bot.checks.modes.images import BUILD_FOR_NODES, OTHER_MACHINE
from bot.checks.modes.probes import probe_words
from bot.checks.modes.sight import containers_of, is_alive, short
from bot.checks.reading import parse_time
from bot.domain.outside_text import one_line
from bot.domain.quantities import format_bytes, parse_quantity
from bot.domain.redaction import without_secrets
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.checks.modes.sight import ContainerSight, Sight

_NOT_RUNNABLE: Final = re.compile(
    r"executable file not found|no such file or directory|permission denied|is a directory"
    r"|command not found|not found in \$PATH",
    re.IGNORECASE,
)
_START_REASONS: Final = frozenset(
    {"StartError", "ContainerCannotRun", "RunContainerError", "CreateContainerError", "CannotStartContainer"}
)
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_LAST_LINES: Final = 3
_KILL: Final = re.compile(r"(?:Container (\S+) )?failed (liveness|startup) probe, will be restarted")
_FAILED: Final = re.compile(r"(Liveness|Startup) probe failed")


def endings(sight: Sight) -> Iterator[Suspect]:
    """Containers that ended lately or cannot be started."""
    for pod in sight.pods:
        for one in containers_of(pod) if is_alive(pod) else ():
            if one.waiting.get("reason") in _START_REASONS or one.ended_lately(now=sight.now):
                found = _judged(sight, one)
                if found is not None:
                    yield found


def _judged(sight: Sight, one: ContainerSight) -> Suspect | None:
    said = f"{one.waiting.get('message') or ''} {one.ended.get('message') or ''}".strip()
    log = sight.logs.get((one.pod, one.name), "")
    if OTHER_MACHINE.search(said) or OTHER_MACHINE.search(log):
        return _other_machine(sight, one, said if OTHER_MACHINE.search(said) else log)
    cannot_start = one.waiting.get("reason") in _START_REASONS or one.ended.get("reason") in _START_REASONS
    if cannot_start and _NOT_RUNNABLE.search(said):
        return _wrong_command(sight, one, said)
    return _ended(sight, one, said, log) if one.ended else None


def _ended(sight: Sight, one: ContainerSight, said: str, log: str) -> Suspect | None:
    if one.ended.get("reason") == "OOMKilled":
        return _out_of_memory(sight, one)
    killed = _killed_by_probe(sight, one)
    if killed is not None:
        return killed
    code = one.ended.get("exitCode")
    if code in {_NOT_FOUND, _NOT_EXECUTABLE} and not one.init:
        return _wrong_command(sight, one, said or log)
    if code == 0:
        return _ends_well(sight, one) if one.is_down and one.restarts and not one.init else None
    return None if one.init and not one.is_down else _error(sight, one, log)


def _other_machine(sight: Sight, one: ContainerSight, said: str) -> Suspect:
    image = one_line(one.spec.get("image", ""), limit=300)
    line = next((line for line in said.splitlines() if OTHER_MACHINE.search(line)), said)
    return Suspect(
        mode=FailureMode.IMAGE_ARCHITECTURE,
        title=f"The image {image} of {one.title} is not built for the node's architecture",
        subject=sight.subject,
        field=f"{one.path}.image",
        value=image,
        mend=BUILD_FOR_NODES,
        certainty=0.94,
        evidence=(f"pod {one.pod}: {short(line)}",),
        since=parse_time(one.ended.get("finishedAt")),
        action="rollback",
    )


def _out_of_memory(sight: Sight, one: ContainerSight) -> Suspect:
    limit = ((one.spec.get("resources") or {}).get("limits") or {}).get("memory")
    bound, used = parse_quantity(limit), sight.memory.get((one.pod, one.name))
    evidence = [
        f"pod {one.pod}: OOMKilled, exit code {one.ended.get('exitCode', 137)}, {one.restarts} restarts"
    ]
    if used is not None:
        share = f", {used / bound:.0%} of its limit {limit}" if bound else ""
        evidence.append(f"it uses {format_bytes(used)} now{share}")
    return Suspect(
        mode=FailureMode.OUT_OF_MEMORY,
        title=f"{_capital(one.title)} runs out of memory"
        + (f" at its limit of {limit}" if limit else "; it has no limit, so the node did"),
        subject=sight.subject,
        field=f"{one.path}.resources.limits.memory",
        value=str(limit or "none"),
        mend="raise the memory limit to what it needs, or find what fills the memory",
        certainty=0.95,
        evidence=tuple(evidence),
        since=parse_time(one.ended.get("finishedAt")),
        action="resources",
    )


def _wrong_command(sight: Sight, one: ContainerSight, said: str) -> Suspect:
    command = one.spec.get("command") or one.spec.get("args")
    written = " ".join(map(str, command)) if isinstance(command, list) else ""
    field = "args" if one.spec.get("args") and not one.spec.get("command") else "command"
    code = one.ended.get("exitCode")
    how = f"exit code {code}" if code is not None else str(one.waiting.get("reason"))
    return Suspect(
        mode=FailureMode.COMMAND_WRONG,
        title=f"The command of {one.title} cannot be run",
        subject=sight.subject,
        field=f"{one.path}.{field}",
        value=one_line(without_secrets(written), limit=200) or "the image's own",
        mend="correct the command to a program that is in the image, or roll back",
        certainty=0.93,
        evidence=(f"pod {one.pod}: {how}", *([short(said.strip())] if said.strip() else [])),
        since=parse_time(one.ended.get("finishedAt")),
        action="rollback",
    )


def _ends_well(sight: Sight, one: ContainerSight) -> Suspect:
    command = one.spec.get("command") or one.spec.get("args") or []
    return Suspect(
        mode=FailureMode.COMMAND_WRONG,
        title=f"{_capital(one.title)} ends by itself with exit code 0, as a Job would",
        subject=sight.subject,
        field=f"{one.path}.command",
        value=one_line(without_secrets(" ".join(map(str, command))), limit=200) or "the image's own",
        mend="give it a command that keeps running; what ends belongs into a Job",
        certainty=0.85,
        evidence=(f"pod {one.pod}: started again {one.restarts} times",),
        since=parse_time(one.ended.get("finishedAt")),
    )


def _error(sight: Sight, one: ContainerSight, log: str) -> Suspect:
    code, reason = one.ended.get("exitCode", "?"), str(one.ended.get("reason") or "Error")
    lines = [line for line in log.splitlines() if line.strip()][-_LAST_LINES:]
    said = str(one.ended.get("message") or "").strip()
    evidence = [f"pod {one.pod}: {reason}, exit code {code}, {one.restarts} restarts"]
    evidence += [f"log: {short(line)}" for line in lines]
    if said and not lines:
        evidence.append(short(said))
    mode = FailureMode.INIT_CONTAINER_FAILS if one.init else FailureMode.EXITS_WITH_ERROR
    last = f": {one_line(without_secrets(lines[-1]), limit=160)}" if lines else ""
    return Suspect(
        mode=mode,
        title=f"{_capital(one.title)} ends with exit code {code}{last}",
        subject=sight.subject,
        field=one.path,
        value=f"exit code {code}",
        mend="read its last log lines and mend what they say, or roll back",
        certainty=0.9 if one.is_down else 0.7,
        evidence=tuple(evidence),
        since=parse_time(one.ended.get("finishedAt")),
        action="rollback",
    )


def _killed_by_probe(sight: Sight, one: ContainerSight) -> Suspect | None:
    if one.init:
        return None
    found = next(iter(_probe_events(sight, one)), None)
    if found is None:
        return None
    kind, message = found
    probe = one.spec.get(f"{kind}Probe") or {}
    word = "liveness" if kind == "liveness" else "startup"
    return Suspect(
        mode=FailureMode.LIVENESS_KILLS,
        title=f"{_capital(one.title)} is killed again and again because its {word} probe fails",
        subject=sight.subject,
        field=f"{one.path}.{kind}Probe",
        value=probe_words(probe),
        mend="correct what the probe asks or give it more time; if it is right, find why the program hangs",
        certainty=0.93,
        evidence=(f"pod {one.pod}: {one.restarts} restarts", short(message)),
        since=parse_time(one.ended.get("finishedAt")),
        action="rollback",
    )


def _probe_events(sight: Sight, one: ContainerSight) -> Iterator[tuple[str, str]]:
    if not one.restarts:
        return
    for happening in sight.about("Pod", one.pod, "Unhealthy", "Killing"):
        killed, failed = _KILL.search(happening.message), _FAILED.match(happening.message)
        if killed is not None and killed[1] in {None, one.name}:
            yield killed[2], happening.message
        elif failed is not None and one.spec.get(f"{failed[1].lower()}Probe"):
            yield failed[1].lower(), happening.message


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
