"""The image: built from the Dockerfile by buildah, looked into, and started as it is in a cluster."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.servers.images import BASE, IMAGE, Images, end, seconds_of
from tests.e2e.servers.programs import REPOSITORY, answers, free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(1800)

GOAL_MEGABYTES = 650
SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-of-the-test",
    "SLACK_SIGNING_SECRET": "secret-of-the-test",
    "SLACK_API_URL": "http://127.0.0.1:9/api/",
    "LIGHTSHIP_WEBHOOK_TOKEN": "token-of-the-test",
}
NOT_NEEDED = ("pip", "uv", "gcc", "cc", "make", "git", "ruff", "mypy", "pytest")
EVERYTHING = """
import importlib, pkgutil, bot, handlers
failed = []
for package in (bot, handlers):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(("__main__", "migrations.env")):
            try:
                importlib.import_module(module.name)
            except Exception as error:
                failed.append(f"{module.name}: {error!r}")
from bot.adapters.kubernetes.loading import load_client
load_client()
import matplotlib.pyplot, mlflow, pyarrow.csv, pyarrow.dataset, pyarrow.parquet
from mlflow import MlflowClient
print(failed)
"""


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    """The storage with base and image."""
    made = Images(Path(tempfile.mkdtemp(prefix="lightship-images-")))
    made.make_base()
    took = seconds_of(made.build)
    print(f"\nimage: built in {took:.0f} s")  # noqa: T201 - a figure of the run
    yield made
    made.discard()


@pytest.fixture(scope="module")
def container(images: Images) -> str:
    """A container of the image, as somebody would start it."""
    return images("from", IMAGE)


@pytest.fixture(scope="module")
def base(images: Images) -> str:
    """A container of what the image is built on."""
    return images("from", BASE)


def test_it_is_small_and_has_nothing_to_build_with(images: Images, container: str, base: str) -> None:
    """At most 650 MB on top of its base, without compilers, installers or the tools of development."""
    size = images.size(container) - images.size(base)
    print(f"\nimage: {size} MB on top of its base")  # noqa: T201 - a figure of the run
    assert size <= GOAL_MEGABYTES
    found = images.run(container, "sh", "-c", f"command -v {' '.join(NOT_NEEDED)} || true")
    assert found == ""
    packages = images.run(container, "sh", "-c", "ls /opt/lightship/lib/python3*/site-packages").split()
    assert not {"pip", "setuptools", "scipy", "pandas", "pytest", "hypothesis"} & set(packages)


def test_every_part_of_the_bot_runs_in_it(images: Images, container: str) -> None:
    """All modules are imported, and the libraries behind them; check, a rehearsal and a drift report run."""
    assert images.run(container, "python3", "-c", EVERYTHING) == "[]"
    assert images.run(container, "lightship", "check").startswith("All is right")
    rehearsal = "/etc/lightship/runbooks/rehearsals/latency-high-traffic.yaml"
    assert "as they should" in images.run(container, "lightship", "rehearse", rehearsal)
    script = (
        "printf 'x,y\\n' > /tmp/a.csv; seq 1 400 | awk '{print $1 \",\" $1 % 7}' >> /tmp/a.csv;"
        "lightship drift report --reference /tmp/a.csv --current /tmp/a.csv --json"
    )
    assert json.loads(images.run(container, "sh", "-c", script))["score"] == 0


def test_it_runs_as_its_own_user_with_nothing_to_write_to(images: Images, container: str) -> None:
    """Neither root nor able to write anywhere but to its store and to temporary folders."""
    assert images.run(container, "id", "-u") == "10001"
    aside = "\\( -path /proc -o -path /sys -o -path /dev \\)"
    looked = f"find / -xdev {aside} -prune -o -writable ! -type l -print -prune"
    places = set(images.run(container, "sh", "-c", f"{looked} 2>/dev/null || true").split())
    assert places == {"/tmp", "/var/tmp", "/run/lock", "/var/lib/lightship"}


def test_its_bill_of_materials_is_complete(images: Images, container: str) -> None:
    """The CycloneDX file names every installed package with its version, as the lock file has it."""
    told = json.loads(images.run(container, "cat", "/opt/lightship/sbom.cdx.json"))
    assert told["bomFormat"] == "CycloneDX"
    listed = {one["name"]: one["version"] for one in told["components"]}
    ask = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    there = {
        re.sub(r"[-_.]+", "-", name).lower(): version
        for name, version in json.loads(images.run(container, "python3", "-c", ask)).items()
    }
    own = there.pop("lightship")
    assert own == images.run(container, "lightship", "--version").split()[-1]
    assert {name: listed.get(name) for name in there} == there
    assert listed == there, "and nothing that is not installed"
    locked = {(one["name"], one.get("version")) for one in _lock()["package"]}
    assert set(there.items()) <= locked


def test_nothing_of_the_machine_is_in_it(images: Images, container: str, base: str) -> None:
    """The package index's configuration and the machine's certificates were there for the build alone."""
    root = images.mounted(container)
    assert not (root / "etc" / "pip.conf").exists() or not (root / "etc" / "pip.conf").read_text()
    inside = (root / "etc" / "ssl" / "certs" / "ca-certificates.crt").read_text()
    original = images.mounted(base) / "etc" / "ssl" / "certs" / "ca-certificates.crt"
    assert inside == original.read_text()
    inspected = json.loads(images("inspect", "--type=image", IMAGE))
    config = inspected["Docker"]["config"]
    assert not [one for one in config["Env"] if "INDEX" in one or "PROXY" in one]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_it_starts_answers_and_ends(images: Images, container: str, tmp_path: Path) -> None:
    """`run` as its own user becomes ready, its health check passes, and SIGTERM ends it in order."""
    port = free_port()
    environment = {**SECRETS, "LIGHTSHIP_HTTP_PORT": str(port), "LIGHTSHIP_LOG_FORMAT": "json"}
    program = images.start(container, "lightship", "run", environment=environment, log=tmp_path / "image.log")
    try:
        took = seconds_of(
            lambda: until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "ready", program=program)
        )
        print(f"\nimage: ready after {took:.1f} s")  # noqa: T201 - a figure of the run
        inspected = json.loads(images("inspect", "--type=image", IMAGE))["Docker"]["config"]
        _, *check = inspected["Healthcheck"]["Test"]
        images.run(container, *check, environment={"LIGHTSHIP_HTTP_PORT": str(port)})
        assert end(program, "/opt/lightship/bin/lightship run") == 0
    finally:
        program.stop()
    assert '"stopped"' in (tmp_path / "image.log").read_text(), program.tail()


def _lock() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "uv.lock").read_text())
