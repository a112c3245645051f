"""Alertmanager's configuration as it shows it: the routes, what receivers send, the webhooks' addresses.

Called by the client of its API. Raises what indexing raises where the text is no such configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from prometheus_client.parser import text_string_to_metric_families

from bot.domain.alert_routes import Route
from bot.domain.drill_arrivals import Attempts
from bot.domain.matchers import Matcher, Operator, parse_matchers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MADE: Final = "alertmanager_notification_requests_total"
_FAILED: Final = "alertmanager_notification_requests_failed_total"
_HIDDEN: Final = "<secret>"
_KIND: Final = "_configs"


def route_of(configuration: Mapping[str, Any]) -> Route:
    """The root of the tree."""
    return _route(configuration["route"], inherited="")


def receivers_in(configuration: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """By name the kinds of what each receiver sends."""
    return {
        str(one["name"]): tuple(key.removesuffix(_KIND) for key in one if key.endswith(_KIND))
        for one in configuration.get("receivers") or ()
    }


def webhooks_in(configuration: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """By receiver the address of each webhook; empty where Alertmanager hides it."""
    return {
        str(receiver["name"]): tuple(
            "" if _HIDDEN in str(hook.get("url", _HIDDEN)) else str(hook["url"])
            for hook in receiver.get("webhook_configs") or ()
        )
        for receiver in configuration.get("receivers") or ()
    }


def webhook_attempts_in(metrics: str) -> Attempts:
    """What Alertmanager's own metrics say of its webhooks."""
    sums = dict.fromkeys((_MADE, _FAILED), 0.0)
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name in sums and sample.labels.get("integration") == "webhook":
                sums[sample.name] += sample.value
    return Attempts(made=int(sums[_MADE]), failed=int(sums[_FAILED]))


def _route(written: Mapping[str, Any], *, inherited: str) -> Route:
    receiver = str(written.get("receiver") or inherited)
    return Route(
        receiver=receiver,
        matchers=tuple(_matchers(written)),
        goes_on=bool(written.get("continue")),
        routes=tuple(_route(child, inherited=receiver) for child in written.get("routes") or ()),
    )


def _matchers(written: Mapping[str, Any]) -> Iterator[Matcher]:
    """Those of `matchers`, and of the older `match` and `match_re`."""
    for text in written.get("matchers") or ():
        yield from parse_matchers(str(text))
    for key, operator in (("match", Operator.EQUAL), ("match_re", Operator.MATCHES)):
        for name, value in (written.get(key) or {}).items():
            yield Matcher(name=str(name), operator=operator, value=str(value))
