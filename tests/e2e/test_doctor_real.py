"""`lightship rbac` and `lightship doctor` on a real Kubernetes API and a real Alertmanager."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from tests.e2e.scenes import ACCOUNT, DEPLOYMENT, SERVICE
from tests.e2e.servers.alertmanager import posting_to
from tests.e2e.servers.programs import REPOSITORY
from tests.e2e.servers.workloads import deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.cluster import Cluster

pytestmark = pytest.mark.e2e

RULES = "rbac.authorization.k8s.io"


def lightship(*words: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the shipped configuration in that environment."""
    command = [sys.executable, "-m", "bot", *words]
    surroundings = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **environment}
    return subprocess.run(
        command, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, check=False, timeout=180
    )


def apply_printed(cluster: Cluster, namespace: str, printed: str) -> None:
    """Apply what `lightship rbac` printed, names of the cluster's own made unlike those of other tests."""
    documents: list[Any] = list(YAML(typ="safe").load_all(printed))
    for document in documents:
        if "namespace" not in document["metadata"]:
            document["metadata"]["name"] = f"lightship-{namespace}"
            if "roleRef" in document:
                document["roleRef"]["name"] = f"lightship-{namespace}"
    cluster.apply(*documents)


def test_what_rbac_prints_is_what_doctor_finds_enough(
    tmp_path: Path,
    cluster: Cluster,
    namespace: str,
    start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager],
) -> None:
    """An account with nothing lacks rights by name; with what rbac prints it has all, and none too much."""
    cluster.apply(deployment(namespace, DEPLOYMENT, replicas=1, image=cluster.image))
    kubeconfig = cluster.service_account(namespace, ACCOUNT)
    alertmanager = start_alertmanager(posting_to("http://127.0.0.1:9/alerts", token="token"))
    environment = {
        "KUBECONFIG": str(kubeconfig),
        "LIGHTSHIP_SERVICES__LIGHTSHIP__KUBERNETES": "null",  # the bot runs beside this cluster
        "ALERTMANAGER_URL": alertmanager.url,
        "LIGHTSHIP_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}",
        f"{SERVICE}KUBERNETES__NAMESPACE": namespace,
    }
    before = lightship("doctor", environment=environment)
    assert before.returncode == 1
    assert "the right to get deployments is missing" in before.stdout, before.stdout
    assert f"rights in {namespace}" in before.stdout
    assert "missing: create jobs, create pods/eviction" in before.stdout, before.stdout
    assert "→ lightship rbac | kubectl apply -f -" in before.stdout

    printed = lightship("rbac", "--service-account", f"{namespace}/{ACCOUNT}", environment=environment)
    assert printed.returncode == 0, printed.stderr
    apply_printed(cluster, namespace, printed.stdout)

    after = lightship("doctor", environment=environment)
    assert "all that the configuration needs are granted" in after.stdout, after.stdout
    assert "more than needed" not in after.stdout
    assert "deployment of churn" in after.stdout
    assert "posts to http://127.0.0.1:9/alerts" in after.stdout or "hides" in after.stdout
