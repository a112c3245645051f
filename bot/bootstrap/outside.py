"""Everything outside of the bot behind its ports: the real adapters, chosen by what the environment says.

`lightship run` uses `real_outside`; the demo and rehearsals put a world in the cluster's place and keep the
rest, so that the bot itself knows no difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.adapters.alertmanager import AlertmanagerClient
from bot.adapters.clock import OrderedIds, SystemClock
from bot.adapters.database import PublishedReports, SqlStore, connect, store_in_memory
from bot.adapters.drawing import DrawingProcess
from bot.adapters.drifting import DriftProcesses
from bot.adapters.kubernetes import (
    KubernetesConnection,
    KubernetesOwnRights,
    KubernetesPlanner,
    KubernetesReader,
    KubernetesWriter,
)
from bot.adapters.models import MlflowAliases, MlflowModels
from bot.adapters.network import NetworkProbes
from bot.adapters.prometheus import PrometheusMetrics
from bot.adapters.slack import SlackChat, SlackNotifier
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_directory import SlackDirectory
from bot.adapters.tracking import MlflowTracker
from bot.ports.readers import Readers
from bot.ports.writers import Writers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import SecretStr

    from bot.ports.clock import Clock, Ids
    from bot.ports.comparing import Comparer, Tracker
    from bot.ports.drawing import Drawer
    from bot.ports.examiners import AlertRoutes, OwnRights
    from bot.ports.notifier import Directory, Notifier
    from bot.ports.planners import ClusterPlanner
    from bot.ports.readers import DriftReader
    from bot.ports.writers import Silencer
    from bot.settings import Environment

_NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outside:
    """What the engines are given. `close` ends every connection, in order."""

    clock: Clock
    ids: Ids
    store: SqlStore
    slack: SlackCalls
    notifier: Notifier
    chat: SlackChat
    directory: Directory
    readers: Readers
    planner: ClusterPlanner
    writers: Writers
    silencer: Silencer
    drawer: Drawer
    close: tuple[Callable[[], Awaitable[None]], ...]
    own_rights: OwnRights | None = None
    alert_routes: AlertRoutes | None = None
    comparer: Comparer | None = None
    """None where no drift report is made: in a rehearsal, whose hours have no data."""
    tracker: Tracker | None = None
    """None where no MLflow is configured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """The part of the outside that a rehearsal world replaces.

    Drift reports are the store's, unless the world has its own.
    """

    readers: Readers
    planner: ClusterPlanner
    writers: Writers
    silencer: Silencer
    close: tuple[Callable[[], Awaitable[None]], ...] = ()
    drift: DriftReader | None = None
    own_rights: OwnRights | None = None
    alert_routes: AlertRoutes | None = None
    comparer: Comparer | None = None
    tracker: Tracker | None = None


def real_surroundings(environment: Environment) -> Surroundings:
    """Kubernetes, Prometheus, Alertmanager and MLflow as the environment names them, unopened."""
    connection = KubernetesConnection(kubeconfig=environment.kubeconfig or "")
    alertmanager = AlertmanagerClient(_text(environment.alertmanager_url))
    metrics = PrometheusMetrics(_text(environment.prometheus_url))
    models = MlflowModels(_text(environment.mlflow_tracking_uri))
    return Surroundings(
        readers=Readers(
            cluster=KubernetesReader(connection),
            metrics=metrics,
            alertmanager=alertmanager,
            models=models,
            network=NetworkProbes(),
        ),
        planner=KubernetesPlanner(connection),
        writers=Writers(cluster=KubernetesWriter(connection), models=MlflowAliases(models)),
        silencer=alertmanager,
        own_rights=KubernetesOwnRights(connection),
        alert_routes=alertmanager,
        comparer=DriftProcesses(),
        tracker=MlflowTracker(models) if environment.mlflow_tracking_uri else None,
        close=(connection.close, alertmanager.close, metrics.close, models.close),
    )


def make_outside(
    environment: Environment, surroundings: Surroundings, *, clock: Clock | None = None
) -> Outside:
    """The store and Slack as the environment names them, with these surroundings."""
    clock = clock or SystemClock()
    keys = environment.audit_keys
    store = connect(_text(environment.database_url), clock=clock, audit_key=keys[0] if keys else b"")
    calls = SlackCalls(token=_text(environment.slack_bot_token), base_url=environment.slack_api_url)
    drawing = DrawingProcess()
    return Outside(
        clock=clock,
        ids=OrderedIds(),
        store=store,
        slack=calls,
        notifier=SlackNotifier(calls),
        chat=SlackChat(calls),
        directory=SlackDirectory(calls, clock=clock),
        readers=replace(surroundings.readers, drift=surroundings.drift or PublishedReports(store)),
        planner=surroundings.planner,
        writers=surroundings.writers,
        silencer=surroundings.silencer,
        drawer=drawing,
        close=(*surroundings.close, drawing.close, calls.aclose, store.close),
        own_rights=surroundings.own_rights,
        alert_routes=surroundings.alert_routes,
        comparer=surroundings.comparer,
        tracker=surroundings.tracker,
    )


def rehearsed_outside(
    surroundings: Surroundings,
    *,
    clock: Clock,
    ids: Ids,
    notifier: Notifier,
    directory: Directory,
    drawer: Drawer,
) -> Outside:
    """A store in memory, and a chat that only remembers; Slack itself is never spoken to."""
    store = store_in_memory(clock=clock)
    calls = SlackCalls(token="", base_url=_NOWHERE)
    return Outside(
        clock=clock,
        ids=ids,
        store=store,
        slack=calls,
        notifier=notifier,
        chat=SlackChat(calls),
        directory=directory,
        readers=surroundings.readers,
        planner=surroundings.planner,
        writers=surroundings.writers,
        silencer=surroundings.silencer,
        drawer=drawer,
        close=(*surroundings.close, calls.aclose, store.close),
    )


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
