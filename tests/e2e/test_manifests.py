"""The shipped manifests, applied with kubectl as the README says, on the real API server.

Schemas are held against by the server (strict), pods by its Pod Security admission (restricted).
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from tests.e2e.granting import keep_watching
from tests.e2e.servers.programs import REPOSITORY, cached, until
from tests.e2e.test_doctor_real import lightship

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.servers.cluster import Cluster

OVERLAYS = REPOSITORY / "k8s" / "overlays"
NAMESPACES = ("lightship", "churn-mlops")
DEPLOYMENT = "/apis/apps/v1/namespaces/lightship/deployments/lightship"
OF_THE_CLUSTER = (
    "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
)
OUTDATED = {"policy/v1beta1", "batch/v1beta1", "autoscaling/v2beta2", "networking.k8s.io/v1beta1"}


class Kubectl:
    """The real one, as the administrator."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    def __call__(self, *words: str, stdin: str | None = None) -> str:
        """Run a command that must end well; what it printed."""
        done = subprocess.run(
            [cached("kubectl"), f"--kubeconfig={self._kubeconfig}", *words],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def kubectl(cluster: Cluster) -> Iterator[Kubectl]:
    """With the namespace of the watched service; what was applied is removed again."""
    if not cluster.owned:
        pytest.skip("the manifests have fixed names: they are applied to the tests' own cluster alone")
    keep_watching(cluster)
    made = Kubectl(cluster.kubeconfig)
    made("create", "namespace", "churn-mlops")
    yield made
    made("delete", OF_THE_CLUSTER, "-l", "app.kubernetes.io/name=lightship")
    for namespace in NAMESPACES:
        made("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
    until(
        lambda: not any(cluster.api.exists(f"/api/v1/namespaces/{name}") for name in NAMESPACES),
        "the namespaces are gone",
        seconds=240,
    )


def give_secrets(kubectl: Kubectl) -> None:
    """The Secrets that the manifests refer to."""
    kubectl("apply", "-f", str(REPOSITORY / "k8s" / "base" / "namespace.yaml"))
    keys = ("slack-bot-token", "slack-signing-secret", "webhook-token", "audit-key")
    words = [f"--from-literal={key}=secret" for key in keys]
    kubectl("create", "secret", "generic", "lightship", "-n", "lightship", *words)
    url = "--from-literal=url=postgresql+asyncpg://lightship@db/lightship"
    kubectl("create", "secret", "generic", "lightship-database", "-n", "lightship", url)


def available(cluster: Cluster, replicas: int) -> bool:
    """Whether that many pods of the newest revision are available, and no others are left."""
    found = cluster.api.call(DEPLOYMENT)
    status = found.get("status", {})
    seen = status.get("observedGeneration") == found["metadata"]["generation"]
    counts = ("replicas", "updatedReplicas", "availableReplicas")
    return bool(seen and all(status.get(count) == replicas for count in counts))


def deployed(cluster: Cluster, kubectl: Kubectl, overlay: str, *, replicas: int) -> list[dict[str, Any]]:
    """Apply an overlay and wait for its pods; what was applied."""
    kubectl("apply", "--server-side", "--validate=strict", "-k", str(OVERLAYS / overlay))
    if overlay == "sqlite":
        give_volume(kubectl)
    until(lambda: available(cluster, replicas), f"{replicas} pods of {overlay}", seconds=240)
    return list(YAML(typ="safe").load_all(kubectl("kustomize", str(OVERLAYS / overlay))))


def give_volume(kubectl: Kubectl) -> None:
    """A volume as a provisioner would make it; the cluster of the tests has none."""
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "lightship", "labels": {"app.kubernetes.io/name": "lightship"}},
        "spec": {
            "capacity": {"storage": "5Gi"},
            "accessModes": ["ReadWriteOncePod"],
            "claimRef": {"namespace": "lightship", "name": "lightship"},
            "csi": {"driver": "test.example.com", "volumeHandle": "lightship"},
        },
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(volume))


def test_the_overlays_are_applied_and_their_pods_run(cluster: Cluster, kubectl: Kubectl) -> None:
    """SQLite gives one pod on a volume, PostgreSQL two; both pass strict schemas and Pod Security."""
    give_secrets(kubectl)
    applied = deployed(cluster, kubectl, "sqlite", replicas=1)
    assert not {one["apiVersion"] for one in applied} & OUTDATED
    found = cluster.api.call(DEPLOYMENT)
    assert found["spec"]["strategy"] == {"type": "Recreate"}
    claim = cluster.api.call("/api/v1/namespaces/lightship/persistentvolumeclaims/lightship")
    assert claim["status"]["phase"] == "Bound"
    kubectl("delete", "deployment", "lightship", "-n", "lightship")
    deployed(cluster, kubectl, "postgresql", replicas=2)
    budget = cluster.api.call("/apis/policy/v1/namespaces/lightship/poddisruptionbudgets/lightship")
    assert budget["spec"]["maxUnavailable"] == 1
    kubectl("rollout", "restart", "deployment/lightship", "-n", "lightship")
    kubectl("rollout", "status", "deployment/lightship", "-n", "lightship", "--timeout=200s")
    kubectl("delete", "persistentvolume", "lightship", "--ignore-not-found", "--wait=false")


def test_the_shipped_account_has_what_doctor_asks_for(
    tmp_path: Path, cluster: Cluster, kubectl: Kubectl
) -> None:
    """With the applied Roles `lightship doctor` finds every right, and none too much."""
    give_secrets(kubectl)
    kubectl("apply", "--server-side", "-k", str(OVERLAYS / "postgresql"))
    environment = {
        "KUBECONFIG": str(cluster.kubeconfig_for("lightship", "lightship")),
        "LIGHTSHIP_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}",
    }
    told = lightship("doctor", environment=environment).stdout
    assert "all that the configuration needs are granted" in told, told
    assert "more than needed" not in told


def test_the_service_monitor_fits_the_operator_s_schema(cluster: Cluster, kubectl: Kubectl) -> None:
    """With the operator's kinds in the cluster the component is taken by strict validation."""
    kubectl("apply", "-f", str(REPOSITORY / "k8s" / "base" / "namespace.yaml"))
    kinds = cached("operator-kinds")
    kubectl("apply", "--server-side", "-f", str(kinds / "servicemonitors.yaml"))
    kubectl(
        "wait", "--for=condition=Established", "--timeout=120s", "crd/servicemonitors.monitoring.coreos.com"
    )
    component = REPOSITORY / "k8s" / "components" / "prometheus-operator" / "servicemonitor.yaml"
    kubectl("apply", "--server-side", "--validate=strict", "-f", str(component))
    path = "/apis/monitoring.coreos.com/v1/namespaces/lightship/servicemonitors/lightship"
    assert cluster.api.call(path)["spec"]["endpoints"][0]["path"] == "/metrics"
    kubectl("delete", "crd", "servicemonitors.monitoring.coreos.com")
