"""What watches the way from Prometheus to Slack, put together: reconciling, the heartbeat, the fallback.

With it the marks in Grafana's graphs. Called by `bot.bootstrap.assembly`. Each is a job by the clock; the
distances follow the configured times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.adapters.fallback import HttpFallback
from bot.adapters.grafana import GrafanaMarks
from bot.bootstrap.services import routing, watched_services
from bot.domain.matchers import matches_all
from bot.domain.reconciling import ReconcileRules
from bot.engines.falling_back import FallingBack
from bot.engines.listening import Listening
from bot.engines.marking import Marking
from bot.engines.pruning import Periods, Pruning
from bot.engines.reconciling import Reconciling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bot.bootstrap.outside import Outside
    from bot.domain.alerts import Alert
    from bot.domain.incidents import Classification, IntakeRules
    from bot.engines.noticing import Noticing
    from bot.engines.scheduling import Scheduling
    from bot.settings import FallbackSettings, HeartbeatSettings, Settings

SHORTEST = timedelta(seconds=1)
RECONCILE_EVERY = timedelta(minutes=1)
LISTEN_EVERY = timedelta(seconds=30)
FALL_BACK_EVERY = timedelta(seconds=15)
MARK_EVERY = timedelta(seconds=30)
_LOOKS = 5
"""How often, at least, something is looked at within the time that is configured for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Watches:
    """The engines; those that are not configured are None. `close` ends their connections."""

    reconciling: Reconciling
    reconcile_every: timedelta
    listening: Listening | None
    listen_every: timedelta
    falling_back: FallingBack | None
    fall_back_every: timedelta
    marking: Marking | None
    close: tuple[Callable[[], Awaitable[None]], ...]

    def schedule(self, scheduling: Scheduling) -> None:
        """Add their jobs."""
        scheduling.every("reconcile", self.reconcile_every, self.reconciling.step)
        if self.listening is not None:
            scheduling.every("listen-for-heartbeat", self.listen_every, self.listening.step)
        if self.falling_back is not None:
            scheduling.every("fall-back", self.fall_back_every, self.falling_back.step)
        if self.marking is not None:
            scheduling.every("mark-in-grafana", MARK_EVERY, self.marking.step)


def make_pruning(settings: Settings, outside: Outside, noticing: Noticing) -> Pruning:
    """What keeps the store small."""
    kept = settings.retention
    periods = Periods(
        payloads=kept.payloads,
        findings=kept.findings,
        logs=kept.logs,
        notices=kept.notices,
        drift_reports=kept.drift_reports,
        incidents=kept.incidents,
    )
    return Pruning(store=outside.store, periods=periods, noticing=noticing)


def heartbeat_of(settings: Settings) -> Callable[[Mapping[str, str]], bool]:
    """Whether an alert with these labels is the configured heartbeat."""
    heartbeat = settings.heartbeat
    if heartbeat is None:
        return lambda _labels: False
    return lambda labels: matches_all(heartbeat.match, labels)


def make_watches(
    settings: Settings,
    outside: Outside,
    *,
    rules: IntakeRules,
    classify: Callable[[Alert], Classification],
    on_opened: Callable[[Sequence[int]], None],
) -> Watches:
    """Put them together."""
    reconciling = Reconciling(
        store=outside.store,
        ids=outside.ids,
        reader=outside.readers.alertmanager,
        routing=routing(watched_services(settings)),
        classify=classify,
        rules=ReconcileRules(resolve_timeout=settings.intake.resolve_timeout, intake=rules),
        on_opened=on_opened,
    )
    heartbeat, fallback = settings.heartbeat, settings.fallback
    poster = HttpFallback(fallback.url.get_secret_value()) if fallback else None
    grafana = settings.grafana
    board = GrafanaMarks(grafana.url, grafana.token.get_secret_value()) if grafana else None
    return Watches(
        reconciling=reconciling,
        reconcile_every=_distance(settings.intake.resolve_timeout, RECONCILE_EVERY),
        listening=_listening(heartbeat, settings, outside) if heartbeat else None,
        listen_every=_distance(heartbeat.within if heartbeat else LISTEN_EVERY, LISTEN_EVERY),
        falling_back=_falling_back(fallback, poster, outside, rules) if fallback and poster else None,
        fall_back_every=_distance(fallback.after if fallback else FALL_BACK_EVERY, FALL_BACK_EVERY),
        marking=Marking(store=outside.store, board=board) if board else None,
        close=tuple(one.close for one in (poster, board) if one is not None),
    )


def _listening(heartbeat: HeartbeatSettings, settings: Settings, outside: Outside) -> Listening:
    return Listening(
        store=outside.store,
        ids=outside.ids,
        channel=settings.default_channel,
        within=heartbeat.within,
        every=_distance(heartbeat.within, LISTEN_EVERY),
    )


def _falling_back(
    fallback: FallbackSettings, poster: HttpFallback, outside: Outside, rules: IntakeRules
) -> FallingBack:
    return FallingBack(
        store=outside.store, fallback=poster, after=fallback.after, settle=rules.resolve_settle
    )


def _distance(within: timedelta, longest: timedelta) -> timedelta:
    return max(min(within / _LOOKS, longest), SHORTEST)
