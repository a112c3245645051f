"""A closed loop as it runs: all its parts, and what can be asked of them while it is played.

Used by the tests of the closed loops, `test_closed_loop.py` and `test_closed_loop_of_the_model.py`.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.e2e.loop import PATIENCE, Timeline, configuration, of_pods, rules, serving, yesterday
from tests.e2e.servers.balancer import Balancer
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.kubelet import Kubelet
from tests.e2e.servers.programs import until
from tests.e2e.servers.prometheus import scraping
from tests.monitoring.panels import MARKS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.e2e.scenes import Begin, Scene
    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.cluster import Cluster
    from tests.e2e.servers.mlflow import Mlflow
    from tests.e2e.servers.prometheus import Prometheus
    from tests.monitoring.panels import Panel


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """The servers of a loop that are there before it begins, and where it may write."""

    begin: Begin
    cluster: Cluster
    namespace: str
    mlflow: Mlflow
    start_prometheus: Callable[..., Prometheus]
    directory: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Play:
    """The running parts."""

    scene: Scene
    prometheus: Prometheus
    kubelet: Kubelet
    balancer: Balancer
    timeline: Timeline

    def value(self, query: str) -> float | None:
        """The one number that a query gives; None where there is none."""
        found = self.prometheus.query(query)
        value = float(found[0]["value"][1]) if found else math.nan
        return None if math.isnan(value) else value

    def firing(self) -> set[str]:
        """The alerts that fire."""
        found = self.prometheus.query('ALERTS{alertstate="firing"}')
        return {one["metric"]["alertname"] for one in found}

    async def until_fires(self, alert: str) -> None:
        """Return when an alert fires, which must be this one alone."""
        fired = await eventually(
            lambda: asyncio.to_thread(self.firing), bool, "an alert fires", seconds=PATIENCE
        )
        assert fired == {alert}
        self.timeline.note(f"{alert} fires")

    async def measured(self, query: str, accept: Callable[[float], bool], what: str) -> float:
        """The value of a query, once it is as it must be."""
        found = await eventually(
            lambda: asyncio.to_thread(self.value, query),
            lambda value: value is not None and accept(value),
            what,
            seconds=PATIENCE,
        )
        assert found is not None
        return found

    async def is_on_the_dashboard(self, *panels: Panel) -> None:
        """Every query of these panels of the shipped dashboard returns data."""
        namespace = self.scene.namespace

        def empty() -> list[str]:
            filled = {
                panel.title: panel.asks.replace("$__range", "15m").replace("$namespace", namespace)
                for panel in panels
            }
            return [title for title, query in filled.items() if self.value(query) is None]

        await eventually(lambda: asyncio.to_thread(empty), lambda titles: not titles, "all panels have data")
        for name, (_, asks) in MARKS.items():
            assert self.prometheus.query(f"max_over_time(({asks})[15m:5s])"), f"no mark of {name}"
        self.timeline.note(f"{len(panels)} panels of the dashboard have data")


@asynccontextmanager
async def playing(
    stage: Stage,
    title: str,
    *,
    alert: str,
    delay: float = 0.0,
    drift_schedule: str | None = None,
    settings: Mapping[str, str] | None = None,
    pods: Mapping[str, str] | None = None,
    callers: Callable[[str], AbstractAsyncContextManager[object]] = lambda _: nullcontext(),
    ready: Callable[[], bool] = lambda: True,
) -> AsyncIterator[Play]:
    """Start a loop about an alert: three pods serve, and everything is scraped.

    `delay` is the work of a prediction in seconds, `pods` the environment of every container, `settings` are
    of the service by their path in capitals. `callers` ask the service's address from the beginning, and
    `ready` is waited for before the bot starts. The bot ends with the test.
    """
    directory, cluster = stage.directory, stage.cluster
    kubelet = Kubelet(
        cluster=cluster,
        namespace=stage.namespace,
        directory=directory / "pods",
        environment={**stage.mlflow.environment, **(pods or {})},
    )
    async with kubelet, Balancer(lambda: kubelet.backends) as balancer, callers(balancer.url):
        jobs: list[Mapping[str, Any]] = [of_pods(kubelet.targets)]
        started: list[Prometheus] = []

        def watching(alertmanager: Alertmanager) -> Prometheus:
            to = [alertmanager.address]
            made = stage.start_prometheus(
                scrape=jobs, rules=[rules(alert)], alertmanagers=to, past=yesterday()
            )
            started.append(made)
            until(ready, "the service has done what the bot is to find", seconds=120)
            return made

        timeline = Timeline(title)
        scene = await stage.begin(
            prometheus=watching,
            workload=serving(stage.namespace, image=cluster.image, delay=delay),
            settings=settings,
            environment={
                "LIGHTSHIP_CONFIG": str(configuration(directory, drift_schedule=drift_schedule)),
                **stage.mlflow.environment,
            },
        )
        (prometheus,) = started
        jobs += [
            scraping("lightship", scene.bot.url.removeprefix("http://")),
            *await asyncio.to_thread(cluster.resource_metrics),
        ]
        await asyncio.to_thread(prometheus.reload, scrape=jobs, rules=[rules(alert)])
        yield Play(scene=scene, prometheus=prometheus, kubelet=kubelet, balancer=balancer, timeline=timeline)


def line_with(text: str, words: str) -> str:
    """The line of a message that holds the words."""
    return next((line for line in text.splitlines() if words in line), "")
