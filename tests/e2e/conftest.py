"""Fixtures of the end-to-end tests: each server starts when the first test asks for it.

Everything below this folder is marked `e2e`, which `make test` deselects and `make e2e` selects. A program
that is missing fails the tests that need it, with the way to get it: nothing is skipped.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.play import Stage
from tests.e2e.scenes import Begin, Scene, scene
from tests.e2e.servers.alertmanager import Alertmanager
from tests.e2e.servers.cluster import Cluster
from tests.e2e.servers.exporter import Exporter
from tests.e2e.servers.mlflow import Mlflow
from tests.e2e.servers.postgres import Postgres
from tests.e2e.servers.prometheus import Prometheus
from tests.e2e.servers.pushgateway import Pushgateway

HERE = Path(__file__).parent
# Against what never ends; what must come has limits of its own, which say what was missing.
TIMEOUT_SECONDS = 600


@pytest.hookimpl(tryfirst=True)  # before the deselection by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is below this folder, and give it time for the servers to start."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The Kubernetes cluster of this run: the tests' own, or the one of LIGHTSHIP_TEST_KUBECONFIG."""
    users = os.environ.get("LIGHTSHIP_TEST_KUBECONFIG")
    running = Cluster.of_kubeconfig(Path(users).expanduser()) if users else Cluster.start()
    yield running
    running.stop()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """The name of a namespace of the test's own."""
    name = cluster.create_namespace()
    yield name
    cluster.delete_namespace(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL server of this run; `create_database()` gives a test a database of its own."""
    server = Postgres().start()
    yield server
    server.discard()


@pytest.fixture(scope="module")
def mlflow() -> Iterator[Mlflow]:
    """An MLflow server of the module's own: tests of it move aliases."""
    server = Mlflow().start()
    yield server
    server.discard()


@pytest.fixture(scope="module")
def training_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first training of the module left the model, the reference and its profile."""
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def first_training(mlflow: Mlflow, training_folder: Path) -> dict[str, Any]:
    """The sample service's pipeline, run once: version 1 is in production. What it said of its end."""
    return mlflow.run_pipeline(training_folder, "--rows", "6000", "--seed", "7")


@pytest.fixture
def stage(  # noqa: PLR0917 - pytest gives fixtures by their names
    begin: Begin,
    cluster: Cluster,
    namespace: str,
    mlflow: Mlflow,
    start_prometheus: Callable[..., Prometheus],
    tmp_path: Path,
) -> Stage:
    """What a closed loop is played on. Only the tests' own cluster has nodes that start nothing."""
    if not cluster.owned:
        pytest.skip("the pods of a user's cluster are its own kubelets' business")
    return Stage(
        begin=begin,
        cluster=cluster,
        namespace=namespace,
        mlflow=mlflow,
        start_prometheus=start_prometheus,
        directory=tmp_path,
    )


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    """The churn service's metrics, served."""
    served = Exporter().start()
    yield served
    served.stop()


@pytest.fixture
def start_prometheus(tmp_path: Path) -> Iterator[Callable[..., Prometheus]]:
    """Starts a Prometheus with the arguments of its class (but for the directory); ends it with the test."""
    with ExitStack() as ending:

        def start(**arguments: Any) -> Prometheus:
            server = Prometheus(_fresh(tmp_path, "prometheus"), **arguments)
            ending.callback(server.stop)
            return server.start()

        yield start


@pytest.fixture
def pushgateway(tmp_path: Path) -> Iterator[Pushgateway]:
    """A Pushgateway of the test's own."""
    server = Pushgateway(_fresh(tmp_path, "pushgateway"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def start_alertmanager(tmp_path: Path) -> Iterator[Callable[[Mapping[str, Any]], Alertmanager]]:
    """Starts an Alertmanager with a configuration; ends it with the test."""
    with ExitStack() as ending:

        def start(config: Mapping[str, Any]) -> Alertmanager:
            server = Alertmanager(_fresh(tmp_path, "alertmanager"), config)
            ending.callback(server.stop)
            return server.start()

        yield start


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}"
    return str(request.getfixturevalue("postgres").create_database())


@pytest.fixture
async def begin(
    tmp_path: Path,
    cluster: Cluster,
    namespace: str,
    start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager],
    database: str,
) -> AsyncIterator[Begin]:
    """Starts the whole bot with all that is around it; everything ends with the test, and in order."""
    async with AsyncExitStack() as ending:

        async def begin(**arguments: Any) -> Scene:
            parts = scene(
                tmp_path,
                cluster=cluster,
                namespace=namespace,
                start_alertmanager=start_alertmanager,
                database=database,
                **arguments,
            )
            return await ending.enter_async_context(parts)

        yield begin


def _fresh(parent: Path, name: str) -> Path:
    """A new folder: a test may start several of a kind."""
    number = sum(1 for each in parent.iterdir() if each.name.startswith(name))
    directory = parent / f"{name}-{number}"
    directory.mkdir()
    return directory
