"""Which receivers an alert reaches: the walk through Alertmanager's tree of routes, as it walks it itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain.matchers import Matcher, matches_all

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A node: an alert goes into the first child that matches, and into the next if that `goes_on`."""

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    goes_on: bool = False
    routes: tuple[Route, ...] = ()


def receivers_of(route: Route, labels: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the receivers, each once, in the order of the tree."""
    return tuple(dict.fromkeys(_walk(route, labels)))


def _walk(route: Route, labels: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    for child in route.routes:
        if matches_all(child.matchers, labels):
            found += _walk(child, labels)
            if not child.goes_on:
                break
    return found or [route.receiver]
