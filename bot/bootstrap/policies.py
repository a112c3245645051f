"""From `lightship.yaml` to a service's policy: its own rule, and the exceptions that are written over it.

Called by `bot.bootstrap.services`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain.actions import ACTIONS
from bot.domain.policies import ApprovalPolicy, RuleFor
from bot.settings.rules import own_rule, rule_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta

    from bot.domain.policies import ApprovalRule
    from bot.domain.remedies import Action
    from bot.settings import RemediationSettings, ServiceSettings


def approval_policy(service: ServiceSettings, *, protected: Iterable[str]) -> ApprovalPolicy:
    """The general rule, and one for each action that an exception names or the glass may be broken for."""
    general = own_rule(service)
    return ApprovalPolicy(
        general=general,
        special=tuple(_special(service.remediation, general)),
        protected_namespaces=frozenset(protected),
        is_looked_at_only=not service.remediation.enabled,
    )


def _special(wished: RemediationSettings, general: ApprovalRule) -> Iterator[RuleFor]:
    for exception in wished.rules:
        for action in exception.actions:
            rule = replace(rule_over(general, exception), break_glass_after=_glass(wished, action))
            yield RuleFor(actions=frozenset({action}), targets=exception.targets, rule=rule)
    for action in ACTIONS:
        after = _glass(wished, action)
        if after is not None:
            yield RuleFor(actions=frozenset({action}), rule=replace(general, break_glass_after=after))


def _glass(wished: RemediationSettings, action: Action) -> timedelta | None:
    glass = wished.break_glass
    return glass.after if glass is not None and action in glass.actions else None
