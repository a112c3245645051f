"""What a package of one's own builds checks and remediations with: this module, and nothing else of the bot.

`docs/how-to/extension.md` shows how. `bot.extensions` finds what such packages register; the bot itself never
imports this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.checks.registry import Check
from bot.checks.targets import CheckTarget
from bot.domain.actions import About, ActionArgument, ActionFacts, ArgumentKind, TakenBack
from bot.domain.errors import Permanent, Temporary
from bot.domain.facts import KnownFact, number, text, texts, yes_no
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.outside_text import one_line
from bot.domain.remedies import CallKind, Change, Plan, RefusalReason
from bot.domain.rights import Right
from bot.ports.readers import KubeObject, Readers, Resource
from bot.remediations.planning import Asking, Refused, edit_call, make_plan, try_edit
from bot.remediations.targets import read_target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.domain.calls import Allowed

__all__ = [
    "About",
    "ActionArgument",
    "ActionFacts",
    "ArgumentKind",
    "Asking",
    "CallKind",
    "Change",
    "Check",
    "CheckTarget",
    "Finding",
    "KnownFact",
    "KubeObject",
    "Permanent",
    "Plan",
    "Readers",
    "RefusalReason",
    "Refused",
    "Remediation",
    "Resource",
    "Right",
    "Table",
    "TakenBack",
    "Temporary",
    "Verdict",
    "edit_call",
    "make_plan",
    "number",
    "one_line",
    "read_target",
    "text",
    "texts",
    "try_edit",
    "yes_no",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remediation:
    """One action of a package: what people read of it, how it is planned, and all that it may ever send.

    `plan` refuses by raising `Refused`, and ends in `make_plan` over a call that `try_edit` has dry-run.
    `may` holds the edits that are let through to the cluster, as (`CallKind.EDIT`, resource, sub-resource,
    fields); a plan that sets anything else is refused when it is carried out, whoever approved it.
    """

    name: str
    facts: ActionFacts
    plan: Callable[[Asking], Awaitable[Plan]]
    may: tuple[Allowed, ...]
    rights: tuple[Right, ...]
    optional_rights: tuple[Right, ...] = ()
