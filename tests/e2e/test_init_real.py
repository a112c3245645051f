"""`lightship init` against a real Prometheus and a real Kubernetes API; then their own tools."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from tests.e2e.servers.programs import REPOSITORY, installed
from tests.e2e.servers.prometheus import alert
from tests.e2e.servers.workloads import autoscaler, deployment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.servers.cluster import Cluster
    from tests.e2e.servers.prometheus import Prometheus

pytestmark = pytest.mark.e2e

SECONDS = 180


def run(*command: str, folder: Path, **environment: str) -> str:
    """The standard output of a command that must succeed."""
    surroundings = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": str(folder)}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**surroundings, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_namespace(cluster: Cluster, namespace: str, folder: Path) -> Path:
    """A kubeconfig whose context is in that namespace, as a newcomer's would be."""
    config: Any = YAML(typ="safe").load(cluster.kubeconfig.read_text(encoding="utf-8"))
    config["contexts"][0]["context"]["namespace"] = namespace
    path = folder / "kubeconfig"
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(config, stream)
    return path


def test_init_finds_the_service_and_its_alerts_and_writes_what_every_tool_accepts(
    tmp_path: Path,
    cluster: Cluster,
    namespace: str,
    start_prometheus: Callable[..., Prometheus],
) -> None:
    """The only Deployment, its autoscaler and a rule of Prometheus are in the files without being named.

    `lightship check`, amtool and the API server itself accept what was written.
    """
    cluster.apply(
        deployment(namespace, "payment-api", replicas=1, image=cluster.image),
        autoscaler(namespace, target="payment-api"),
    )
    rules = alert(
        "PaymentErrors",
        'sum(rate(payments_total{outcome="error"}[5m])) / sum(rate(payments_total[5m])) > 0.02',
        labels={"service": "payment-api", "severity": "critical"},
        hold="5m",
        summary="{{ $value | humanizePercentage }} of payments fail",
    )
    prometheus = start_prometheus(rules=[rules])
    folder = tmp_path / "own"
    folder.mkdir()
    environment = {
        "KUBECONFIG": str(in_namespace(cluster, namespace, tmp_path)),
        "PROMETHEUS_URL": prometheus.url,
    }
    lightship = (sys.executable, "-m", "bot")
    said = run(*lightship, "init", "--yes", folder=folder, **environment)
    assert "1 Deployment in namespace" in said
    assert '1 of 1 are of alerts with service="payment-api"' in said

    written = (folder / "lightship.yaml").read_text(encoding="utf-8")
    assert f"namespace: {namespace}" in written
    assert "hpa: " in written
    assert "All is right: 1 service, 2 runbooks." in run(*lightship, "check", folder=folder, **environment)
    run(installed("amtool", "prometheus"), "check-config", "alertmanager-receiver.yaml", folder=folder)
    written_objects = (folder / "kubernetes/lightship.yaml", folder / "kubernetes/rbac.yaml")
    accepted = accepted_by(cluster, namespace, *written_objects)
    assert {"Deployment", "Service", "PersistentVolumeClaim", "Role", "RoleBinding"} <= accepted


def accepted_by(cluster: Cluster, namespace: str, *files: Path) -> set[str]:
    """The kinds of the objects, all taken by the API server in a strict dry run."""
    kinds = set()
    for path in files:
        for thing in YAML(typ="safe").load_all(path.read_text(encoding="utf-8")):
            if "namespace" in thing["metadata"]:
                thing["metadata"]["namespace"] = namespace
            cluster.api.text(
                f"{cluster.api.path_of(thing)}?fieldManager=init&dryRun=All&fieldValidation=Strict&force=true",
                "PATCH",
                thing,
                "application/apply-patch+yaml",
            )
            kinds.add(str(thing["kind"]))
    return kinds
