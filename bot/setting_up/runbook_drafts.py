"""A first runbook for an alert: what its rule says, the checks that always help, two usual causes.

Pure text. It is meant to be read and bettered by who knows the service; `lightship check` passes as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.durations import rough_duration
from bot.domain.matchers import Matcher, Operator
from bot.setting_up.measuring import title_of
from bot.setting_up.yaml_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.ports.examiners import AlertRule
    from bot.setting_up.choices import Choices
    from bot.setting_up.measuring import Watched

OTHER_FILE: Final = "any-other-alert.yaml"
_SEVERITIES: Final = {"critical": "P1", "warning": "P3", "p1": "P1", "p2": "P2", "p3": "P3", "p4": "P4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookDraft:
    """A file of the folder of runbooks."""

    file: str
    text: str


def draft_runbook(rule: AlertRule, watched: Watched | None, choices: Choices) -> RunbookDraft:
    """The runbook of one alert rule."""
    name = _name(rule.name)
    matcher = Matcher(name="alertname", operator=Operator.EQUAL, value=rule.name)
    held = f" for {rough_duration(timedelta(seconds=rule.hold))}" if rule.hold else ""
    lines = [
        f"# Drafted from the alert rule {name}. It holds{held}:",
        *(f"#   {_printable(line)}" for line in rule.expression.splitlines()),
        f"name: {quoted(name)}",
        f"title: {quoted(title_of(rule.name))}",
        *_severity(rule),
        f"match: [{quoted(str(matcher))}]",
        "",
        *_summary(rule),
        "",
        *_steps(rule, watched, choices),
        *_causes(choices),
        *_remediations(watched, choices),
        *_links(rule),
    ]
    return RunbookDraft(file=f"{_file(name)}.yaml", text="\n".join(lines).rstrip() + "\n")


def draft_other(choices: Choices) -> RunbookDraft:
    """The runbook of whatever alert of the service has none of its own."""
    matcher = Matcher(name="alertname", operator=Operator.MATCHES, value=".+")
    lines = [
        "# For every alert that has no runbook of its own; more exact matchers come before these.",
        f"name: {quoted('AnyOtherAlert')}",
        f"title: {quoted('An alert without a runbook of its own')}",
        f"match: [{quoted(str(matcher))}]",
        "",
        *_from_annotations("An alert fires for which nobody has written a runbook yet."),
        "",
        *_steps(None, None, choices),
        *_causes(choices),
        *_remediations(None, choices),
    ]
    return RunbookDraft(file=OTHER_FILE, text="\n".join(lines).rstrip() + "\n")


def _severity(rule: AlertRule) -> Iterator[str]:
    if rule.labels.get("severity", "").lower() not in _SEVERITIES:
        yield "severity: P3                  # the rule's label `severity` says none that is known"


def _summary(rule: AlertRule) -> list[str]:
    for key in ("description", "summary"):
        if rule.annotations.get(key):
            return _from_annotations(f"{title_of(rule.name)}.")
    said = "Say here what it means for those who depend on {{ service.name }}."
    return ["summary: >-", f"  {title_of(rule.name)}. {said}"]


def _from_annotations(otherwise: str) -> list[str]:
    """What the alert itself says, as Prometheus has filled it in."""
    text = f'{{{{ annotations.description | default(annotations.summary | default("{otherwise}")) }}}}'
    return ["summary: >-", f"  {text}"]


def _steps(rule: AlertRule | None, watched: Watched | None, choices: Choices) -> Iterator[str]:
    yield "steps:"
    if watched is not None:
        yield f"  - title: {quoted(watched.title)}"
        yield f"    check: {{name: metrics, arguments: {{names: {watched.name}, range: 1h}}}}"
    if choices.deployment:
        for title, call in (
            ("Pods", "{name: pods}"),
            ("Autoscaler", "{name: hpa}"),
            ("What changed", "{name: rollouts}"),
            ("Logs", "{name: logs, arguments: {tail: 100}}"),
            ("Events", "{name: events}"),
        ):
            yield f"  - title: {title}"
            yield f"    check: {call}"
    yield "  - title: Look for yourself"
    yield "    human: >-"
    asked = "Say here where to look that no check looks, such as a dashboard, and what is usual there."
    yield f"      {asked}"
    if rule is not None and "runbook_url" in rule.annotations:
        yield "      What was written before stands under the link below."
    yield ""


def _causes(choices: Choices) -> Iterator[str]:
    if not choices.deployment:
        return
    yield from """\
causes:
  - name: new-release
    title: The newest release did it
    weight: 0.5
    evidence:
      - when: findings.rollouts.minutes_ago < 60 and findings.rollouts.image_changed
        weight: 3
        words: A new image went out {{ findings.rollouts.minutes_ago }} minutes ago
        otherwise: no new image went out within the hour
    explanation: Take the release back first, and look for the reason afterwards.
    remediation: roll-back
  - name: too-little-room
    title: The pods have less CPU than they want
    weight: 0.4
    explains: [autoscaler_at_maximum]
    evidence:
      - when: findings.pods.cpu_usage_ratio > 0.9
        weight: 3
        words: CPU is at {{ findings.pods.cpu_usage_ratio | percent }} of what the busiest pod may have
        otherwise: no pod is near its CPU limit
    explanation: More replicas help where there is more work, not where the pods wait for something else.
    remediation: scale-up
""".splitlines()
    yield ""


def _remediations(watched: Watched | None, choices: Choices) -> Iterator[str]:
    if not choices.deployment:
        return
    verify = f"    verify: {{metric: {watched.name}, for: 10m}}" if watched is not None else ""
    yield "remediations:"
    yield "  - name: roll-back"
    yield "    title: Take the newest release back"
    yield "    action: rollback"
    if verify:
        yield verify
    yield "    undo: Roll out the newer revision again"
    yield "  - name: scale-up"
    yield "    title: Double the replicas"
    yield "    action: scale"
    yield "    arguments: {factor: 2}"
    yield "    limits: {max: 10}                       # the most that you can pay for"
    if verify:
        yield verify
    yield "    undo: Scale back to the number before"
    yield ""


def _links(rule: AlertRule) -> Iterator[str]:
    url = rule.annotations.get("runbook_url", "")
    if re.match(r"https?://[^\s{}]+\Z", url):
        yield "links:"
        yield "  - title: What was written before"
        yield f"    url: {quoted(url)}"


def _printable(line: str) -> str:
    return "".join(letter for letter in line if letter.isprintable())[:300]


def _name(alert: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", alert).strip("-_")[:80].rstrip("-_")
    return name or "alert"


def _file(name: str) -> str:
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return "-".join(part.lower() for part in parts) or name.lower()
