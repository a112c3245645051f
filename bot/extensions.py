"""Checks and remediations of packages beside Lightship, found by their entry points and registered once.

Called by the command line before a command is loaded, so that every list of words that follows from the
registries has them. A package that cannot be taken is a fault with its name; what it would have brought is
there all the same and says why it cannot be had, so that runbooks that name it stay in force.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Final

from bot.domain.faults import Fault
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.domain.rights import Right

CHECKS: Final = "lightship.checks"
REMEDIATIONS: Final = "lightship.remediations"
GROUPS: Final = (CHECKS, REMEDIATIONS)
"""The groups of entry points; the name of each is the check's or the remediation's."""

TAKEN_WORDS: Final = frozenset(
    {
        *("help", "status", "alerts", "incidents", "runbook", "ack", "resolve", "silence", "freeze"),
        *("unfreeze", "acknowledge", "incident", "alert", "failure", "pod", "log", "metric", "event"),
        *("rollout", "job"),
    }
)
"""Words behind a slash command that are no check's and no action's."""

_NAMES: Final = {
    CHECKS: (re.compile(r"[a-z][a-z0-9]{1,29}"), "small letters and digits, since expressions name it"),
    REMEDIATIONS: (re.compile(r"[a-z][a-z0-9-]{1,29}"), "small letters, digits and `-`"),
}
_READING: Final = frozenset({"get", "list", "watch"})
_NEVER: Final = frozenset({"secrets", "pods/exec", "pods/attach", "pods/portforward", "*"})
_LONGEST: Final = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """One that was found: its group, its name, whose it is, and what is wrong with it, if anything."""

    group: str
    name: str
    package: str
    broken: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """All that were found."""

    extensions: tuple[Extension, ...] = field(default=())

    @property
    def broken(self) -> tuple[Extension, ...]:
        """Those that cannot be used."""
        return tuple(one for one in self.extensions if one.broken)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong, as `lightship check` tells it."""
        return tuple(
            Fault(file=f"{one.package}, {one.group}: {one.name}", line=1, column=1, message=one.broken)
            for one in self.broken
        )


@cache
def install() -> Installed:
    """Register what the packages beside Lightship bring, once in a process; it raises nothing of theirs."""
    found = sorted(_entries(), key=lambda one: (one.group, one.name, _package(one)))
    return Installed(extensions=tuple(_take(one) for one in found))


def _entries() -> Iterator[EntryPoint]:
    for group in GROUPS:
        yield from entry_points(group=group)


def _take(entry: EntryPoint) -> Extension:
    """Register one, or a place-holder for it that says why it cannot be had."""
    wrong = _name_fault(entry)
    if wrong:
        return _extension(entry, wrong)
    try:
        loaded = entry.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a package does when it is imported
        broken = f"it cannot be imported: {type(error).__name__}: {one_line(error, limit=200)}"
        _register_broken(entry, broken)
        return _extension(entry, broken)
    broken = _fault_of(entry, loaded)
    if broken:
        _register_broken(entry, broken)
    else:
        _register(entry, loaded)
    return _extension(entry, broken)


def _extension(entry: EntryPoint, broken: str) -> Extension:
    return Extension(group=entry.group, name=entry.name, package=_package(entry), broken=broken)


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _name_fault(entry: EntryPoint) -> str:
    from bot.checks.registry import CHECKS as KNOWN  # noqa: PLC0415 - only where there is a package
    from bot.domain.actions import ACTIONS  # noqa: PLC0415 - as above

    pattern, words = _NAMES[entry.group]
    if not pattern.fullmatch(entry.name):
        return f"`{one_line(entry.name, limit=60)}` is no name for it; write {words}"
    taken = {*TAKEN_WORDS, *KNOWN, *(action.value for action in ACTIONS)}
    if entry.name in taken:
        return f"the name `{entry.name}` is taken, by Lightship or by another package; choose another"
    return ""


def _fault_of(entry: EntryPoint, loaded: Any) -> str:
    from bot.checks.registry import Check  # noqa: PLC0415 - only where there is a package
    from bot.extending import Remediation  # noqa: PLC0415 - as above

    wanted: type[Check | Remediation] = Check if entry.group == CHECKS else Remediation
    if not isinstance(loaded, wanted):
        return (
            f"`{one_line(entry.value, limit=80)}` is no bot.extending.{wanted.__name__} "
            f"but a {type(loaded).__name__}"
        )
    if loaded.name != entry.name:
        return f"it calls itself `{one_line(loaded.name, limit=60)}`; both names must be the same"
    return _check_fault(loaded) if isinstance(loaded, Check) else _remediation_fault(loaded)


def _check_fault(check: Any) -> str:
    if not inspect.iscoroutinefunction(check.run):
        return "`run` must be a coroutine function (`async def`)"
    if not timedelta(0) < check.time_limit <= _LONGEST:
        return "`time_limit` must be above zero and a minute at most"
    rights: tuple[Right, ...] = (*check.rights, *check.optional_rights)
    wrong = [right for right in rights if right.verb not in _READING or right.resource in _NEVER]
    return f"a check only reads, so it cannot have the right `{wrong[0]}`" if wrong else ""


def _remediation_fault(remediation: Any) -> str:
    from bot.domain.remedies import CallKind  # noqa: PLC0415 - only where there is a package
    from bot.ports.readers import Resource  # noqa: PLC0415 - as above

    if not inspect.iscoroutinefunction(remediation.plan):
        return "`plan` must be a coroutine function (`async def`)"
    if not remediation.may:
        return "`may` must name what it sends; without it nothing can be carried out"
    plurals = {one.plural for one in Resource}
    for kind, resource, _, fields in remediation.may:
        if kind is not CallKind.EDIT or resource not in plurals or not fields:
            return f"`may` can only hold edits of named fields, of one of {', '.join(sorted(plurals))}"
    rights: Iterable[Right] = (*remediation.rights, *remediation.optional_rights)
    wrong = [right for right in rights if right.resource in _NEVER or right.verb == "*"]
    return f"nothing of Lightship has the right `{wrong[0]}`" if wrong else ""


def _register(entry: EntryPoint, loaded: Any) -> None:
    from bot.checks import registry as checks  # noqa: PLC0415 - only where there is a package
    from bot.domain import calls  # noqa: PLC0415 - as above
    from bot.remediations import registry as remedies  # noqa: PLC0415 - as above

    if entry.group == CHECKS:
        checks.add(loaded)
        return
    action = remedies.add(
        loaded.name,
        loaded.facts,
        remedies.Remedy(
            plan=loaded.plan,
            calls=frozenset(kind for kind, *_ in loaded.may),
            rights=loaded.rights,
            optional_rights=loaded.optional_rights,
        ),
    )
    calls.allow(action, loaded.may)


def _register_broken(entry: EntryPoint, why: str) -> None:
    from bot.checks import registry as checks  # noqa: PLC0415 - only where there is a package
    from bot.domain.actions import ActionFacts, TakenBack  # noqa: PLC0415 - as above
    from bot.remediations import registry as remedies  # noqa: PLC0415 - as above

    sentence = f"the package {_package(entry)} does not work: {why}"
    if entry.group == CHECKS:
        checks.add(checks.broken_check(entry.name, sentence))
        return
    facts = ActionFacts(title=entry.name, done="done", taken_back=TakenBack.NEVER, broken=sentence)
    remedies.add(entry.name, facts, remedies.broken_remedy(sentence))
