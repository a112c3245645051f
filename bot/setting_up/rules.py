"""Alert rules from files, and which of all rules are a service's own. Reads files; asks nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bot.documents import read_document
from bot.domain.durations import DurationError, parse_duration
from bot.domain.matchers import Matcher, Operator, matches_all
from bot.ports.examiners import AlertRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from bot.domain.faults import Fault

MOST_RULES: Final = 40
"""So many runbooks are drafted at most: nobody reads more drafts than that."""

_SELECTOR: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"')


def rules_of_file(path: Path) -> tuple[tuple[AlertRule, ...], tuple[Fault, ...]]:
    """The alert rules of a Prometheus rule file or a PrometheusRule manifest, or why it is none."""
    document, faults = read_document(path)
    if document is None:
        return (), faults
    value = document.value if isinstance(document.value, dict) else {}
    spec = value.get("spec") if isinstance(value.get("spec"), dict) else value
    groups = spec.get("groups") if isinstance(spec, dict) else None
    if not isinstance(groups, list):
        return (), (
            document.place(()).fault("no alert rules: `groups` is expected, as in a Prometheus rule file"),
        )
    return tuple(_rules(groups)), faults


def _rules(groups: list[Any]) -> Iterator[AlertRule]:
    for group in groups:
        for rule in (group.get("rules") if isinstance(group, dict) else None) or ():
            if isinstance(rule, dict) and isinstance(rule.get("alert"), str) and rule.get("expr") is not None:
                yield AlertRule(
                    name=rule["alert"],
                    expression=str(rule["expr"]).strip(),
                    hold=_seconds(rule.get("for")),
                    labels=_texts(rule.get("labels")),
                    annotations=_texts(rule.get("annotations")),
                )


def rules_of_service(rules: Iterable[AlertRule], matchers: Sequence[Matcher]) -> tuple[AlertRule, ...]:
    """Those whose alerts the service would take, one a name, at most `MOST_RULES`.

    An alert's labels are those of its rule and those that its expression selects by `=`; others are not known
    before it fires.
    """
    taken: dict[str, AlertRule] = {}
    for rule in rules:
        if rule.name not in taken and matches_all(matchers, labels_of(rule)):
            taken[rule.name] = rule
    return tuple(taken.values())[:MOST_RULES]


def labels_of(rule: AlertRule) -> dict[str, str]:
    """The labels of its alerts as far as the rule tells them."""
    selected = dict(_SELECTOR.findall(rule.expression))
    return {**selected, **rule.labels, "alertname": rule.name}


def likely_matcher(rules: Sequence[AlertRule], *, service: str, namespace: str) -> Matcher | None:
    """The matcher that fits most of the rules: by a label with the service's name, else by the namespace."""
    wanted = [("service", service), ("app", service), ("job", service)]
    wanted += [("namespace", namespace)] if namespace else []
    for name, value in wanted:
        matcher = Matcher(name=name, operator=Operator.EQUAL, value=value)
        if rules_of_service(rules, (matcher,)):
            return matcher
    return None


def _seconds(text: Any) -> float:
    try:
        return parse_duration(str(text)).total_seconds() if text else 0.0
    except DurationError:
        return 0.0


def _texts(value: Any) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, dict) else {}
