"""Rights that an account has, as Kubernetes tells them, against those that the configuration needs. Pure.

`lightship doctor` asks by SelfSubjectRulesReview and shows what is missing and what is too much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.domain.roles import Need

ALL: Final = "*"
_EVERYBODY: Final = frozenset({"authentication.k8s.io", "authorization.k8s.io"})
"""Groups in which every account may ask about itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """One rule that holds for an account; empty `names` means every object."""

    groups: frozenset[str]
    resources: frozenset[str]
    verbs: frozenset[str]
    names: frozenset[str] = frozenset()

    def holds(self, need: Need) -> bool:
        """Whether it grants all of a need by itself."""
        right = need.right
        return (
            _among(right.group, self.groups)
            and _among(right.resource, self.resources)
            and _among(right.verb, self.verbs)
            and (not self.names or bool(need.names and set(need.names) <= self.names))
        )


def missing(needs: Iterable[Need], granted: Sequence[Granted]) -> tuple[Need, ...]:
    """The needs that nothing grants, each once."""
    found = [need for need in needs if not any(rule.holds(need) for rule in granted)]
    return tuple(sorted({(need.namespace, need.right): need for need in found}.values()))


def excessive(needs: Iterable[Need], granted: Iterable[Granted]) -> tuple[str, ...]:
    """What is granted and nobody needs, as `verb resource`, sorted; a wildcard is always too much."""
    needed = {(need.right.verb, need.right.group, need.right.resource) for need in needs}
    found = {
        f"{verb} {resource}" + (f" of {group}" if group not in {"", ALL} and resource == ALL else "")
        for rule in granted
        for group in rule.groups - _EVERYBODY
        for resource in rule.resources
        for verb in rule.verbs
        if (verb, group, resource) not in needed
    }
    return tuple(sorted(found))


def _among(word: str, words: frozenset[str]) -> bool:
    return word in words or ALL in words
