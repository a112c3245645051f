"""A real Kubernetes cluster: API server, controllers and scheduler, with kwok playing nodes and kubelets.

`Cluster.start()` makes one from nothing, `Cluster.of_kubeconfig()` uses one that the user has. Pods run in
name only: logs come from files (`set_logs`), CPU and memory from annotations (`USAGE_CPU`, `USAGE_MEMORY`).
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.e2e.servers.access import Access, Api, Object, Refused
from tests.e2e.servers.control_plane import ControlPlane
from tests.e2e.servers.programs import Program, cached, until
from tests.e2e.servers.refusing import RefusingWebhook

USAGE_CPU = "kwok.x-k8s.io/usage-cpu"
USAGE_MEMORY = "kwok.x-k8s.io/usage-memory"
BY_HAND = "lightship.test/by-hand"
DEFAULT_LOG = "INFO ready to predict churn\n"
TOKEN_SECONDS = 3600
RULES_REVIEWS = "selfsubjectrulesreviews"
"""What the harness asks with an account's token; it changes nothing."""


class Cluster:
    """A running cluster, and what tests arrange in it. A method raises `Refused` when the server says no."""

    def __init__(self, directory: Path, access: Access, plane: ControlPlane | None) -> None:
        self.directory = directory
        self.api = Api(access)
        self.kubeconfig = directory / "admin.kubeconfig"
        self.image = os.environ.get("LIGHTSHIP_TEST_IMAGE", "busybox")  # never pulled by kwok
        self._plane = plane
        self._programs: list[Program] = []
        self._refusing: RefusingWebhook | None = None

    @classmethod
    def of_kubeconfig(cls, kubeconfig: Path) -> "Cluster":
        """The user's cluster, of that file's current context; tests keep to namespaces of their own."""
        cluster = cls(
            Path(tempfile.mkdtemp(prefix="lightship-cluster-")), Access.of_kubeconfig(kubeconfig), None
        )
        cluster.kubeconfig = kubeconfig
        return cluster

    @classmethod
    def start(cls, *, nodes: int = 2) -> "Cluster":
        """From nothing to ready nodes and a metrics API that answers. Raises `Missing` and `NotStarted`."""
        plane = ControlPlane(directory=Path(tempfile.mkdtemp(prefix="lightship-cluster-")))
        try:
            plane.prepare()
        except BaseException:
            shutil.rmtree(plane.directory, ignore_errors=True)
            raise
        cluster = cls(plane.directory, plane.access, plane)
        try:
            cluster._start_control_plane(plane)
            cluster._start_nodes(plane, [f"node-{number}" for number in range(1, nodes + 1)])
            cluster._start_metrics(plane)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @property
    def owned(self) -> bool:
        """Whether the cluster is the tests' own: logs from files, usage from annotations, an audit log."""
        return self._plane is not None

    def stop(self) -> None:
        """End all processes at once: nothing of the cluster is kept."""
        for program in reversed(self._programs):
            program.kill()
        if self._refusing is not None:
            self._refusing.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- what tests arrange

    def refusing_webhook(self) -> dict[str, Any]:
        """The `clientConfig` of an admission webhook that refuses every pod; owned clusters only."""
        if self._refusing is None:
            self._refusing = RefusingWebhook(self.directory)
        return self._refusing.client_config

    def create_namespace(self, prefix: str = "e2e") -> str:
        """A new namespace, ready for pods; the name is returned."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.api.call("/api/v1/namespaces", "POST", {"metadata": {"name": name}})
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        until(lambda: self.api.exists(account), f"the default ServiceAccount of {name}")
        return name

    def delete_namespace(self, name: str) -> None:
        """Begin to delete it with all that is in it; the cluster finishes on its own."""
        self.api.call(f"/api/v1/namespaces/{name}", "DELETE")

    def apply(self, *objects: Object) -> None:
        """Server-side apply, in order."""
        self.api.apply(*objects)

    def kubeconfig_for(self, namespace: str, account: str) -> Path:
        """A kubeconfig of an existing ServiceAccount, with a token of an hour by TokenRequest."""
        access = self._access_of(namespace, account)
        return access.kubeconfig(self.directory / f"{namespace}.{account}.kubeconfig")

    def _access_of(self, namespace: str, account: str) -> Access:
        issued = self.api.call(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
            "POST",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": TOKEN_SECONDS},
            },
        )
        return self.api.access.with_token(issued["status"]["token"])

    def service_account(self, namespace: str, name: str, rules: Sequence[Object] = ()) -> Path:
        """A ServiceAccount with a Role of these rules in its own namespace; its kubeconfig is returned.

        The rules are in force then, and those of a Role that was there before are not.
        """
        rbac = "rbac.authorization.k8s.io"
        metadata = {"name": name, "namespace": namespace}
        self.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": list(rules)},
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
            },
        )
        if self.owned:
            api = Api(self._access_of(namespace, name))
            until(lambda: _granted(api, namespace) == _triples(rules), f"the rights of {name} are in force")
        return self.kubeconfig_for(namespace, name)

    def set_logs(self, namespace: str, pod: str, text: str, previous: str | None = None) -> None:
        """What this pod has logged, and had before its restart; owned clusters only."""
        current, before = (
            self.directory / f"{namespace}.{pod}.{which}.log" for which in ("current", "previous")
        )
        current.write_text(as_runtime(text))
        log: dict[str, Any] = {"logsFile": str(current)}
        if previous is not None:
            before.write_text(as_runtime(previous))
            log["previousLogsFile"] = str(before)
        self.apply(_kwok("Logs", pod, {"logs": [log]}, namespace))

    def log_file(self, namespace: str, pod: str) -> Path:
        """The file that is this pod's log, to be appended to as a runtime does; owned clusters only."""
        file = self.directory / f"{namespace}.{pod}.log"
        file.touch()
        self.apply(_kwok("Logs", pod, {"logs": [{"logsFile": str(file)}]}, namespace))
        return file

    def writes(self, namespace: str, account: str) -> list[dict[str, Any]]:
        """The audit events of all that this ServiceAccount tried to change; owned clusters only.

        Each has `verb`, `requestURI`, `objectRef`, `requestObject` and `responseStatus.code` as the server
        wrote them.
        """
        user = f"system:serviceaccount:{namespace}:{account}"
        lines = (self.directory / "audit.log").read_text().splitlines()
        tried = [event for event in map(json.loads, lines) if event["user"]["username"] == user]
        return [event for event in tried if event["objectRef"]["resource"] != RULES_REVIEWS]

    def resource_metrics(self) -> list[dict[str, Any]]:
        """Prometheus' scrape jobs of what the nodes say that containers use; owned clusters only."""
        assert self._plane, "another cluster's kubelets want to know who asks"
        nodes = self.api.call("/api/v1/nodes")["items"]
        return [
            {
                "job_name": f"kubelet-{(name := node['metadata']['name'])}",
                "scheme": "https",
                "tls_config": {"insecure_skip_verify": True},
                "metrics_path": f"/metrics/nodes/{name}/metrics/resource",
                "static_configs": [{"targets": [f"127.0.0.1:{self._plane.kubelet}"]}],
            }
            for node in nodes
        ]

    @asynccontextmanager
    async def client(self, kubeconfig: Path | None = None) -> AsyncIterator[Any]:
        """The official dynamic client, as the administrator or as a kubeconfig says."""
        from kubernetes.aio import client, config  # noqa: PLC0415  # slow, and not every test wants it
        from kubernetes.aio.dynamic import DynamicClient  # noqa: PLC0415

        settings = client.Configuration()
        await config.load_kube_config(str(kubeconfig or self.kubeconfig), client_configuration=settings)
        async with client.ApiClient(configuration=settings) as api:
            yield await DynamicClient(api)

    # -- the start

    def _run(self, name: str, command: Sequence[str | Path]) -> Program:
        program = Program(name, command, log=self.directory / f"{name}.log")
        self._programs.append(program)
        return program

    def _start_control_plane(self, plane: ControlPlane) -> None:
        self._run("etcd", plane.etcd_command)  # the API server waits for it
        server = self._run("kube-apiserver", plane.api_command)
        until(self._is_ready, "the API server is ready", seconds=180, program=server)
        self._run("kube-controller-manager", plane.controllers_command)
        self._run("kube-scheduler", plane.scheduler_command)

    def _is_ready(self) -> bool:
        try:
            return self.api.text("/readyz") == "ok"
        except (Refused, OSError):
            return False

    def _start_nodes(self, plane: ControlPlane, names: Iterable[str]) -> None:
        manifests = list(_manifests(cached("kwok-manifests")))
        crds = [each for each in manifests if each["kind"] == "CustomResourceDefinition"]
        self.apply(*crds)
        log = self.directory / "default.log"
        log.write_text(as_runtime(DEFAULT_LOG))
        self.apply(
            *(_sparing(each) for each in manifests if each not in crds),
            _kwok("ClusterLogs", "default", {"logs": [{"logsFile": str(log)}]}),
        )
        kwok = self._run("kwok", plane.kwok_command)
        for name in names:
            self.api.call("/api/v1/nodes", "POST", _node(name))
            until(lambda name=name: self._node_takes_pods(name), f"{name} is ready", program=kwok)  # type: ignore[misc]

    def _node_takes_pods(self, name: str) -> bool:
        node = self.api.call(f"/api/v1/nodes/{name}")
        ready = {each["type"]: each["status"] for each in node["status"].get("conditions", ())}.get("Ready")
        return ready == "True" and not node["spec"].get("taints")

    def _start_metrics(self, plane: ControlPlane) -> None:
        where = {"name": "metrics-server", "namespace": "kube-system"}
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": where,
                # Nothing routes a cluster IP here; the API server resolves an ExternalName by itself.
                "spec": {
                    "type": "ExternalName",
                    "externalName": "localhost",
                    "ports": [{"port": plane.metrics}],
                },
            },
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": "v1beta1.metrics.k8s.io"},
                "spec": {
                    "service": {**where, "port": plane.metrics},
                    "group": "metrics.k8s.io",
                    "version": "v1beta1",
                    "insecureSkipTLSVerify": True,
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                },
            },
        )
        server = self._run("metrics-server", plane.metrics_command)
        # While it is not available discovery fails, and with it the deletion of namespaces.
        until(
            lambda: self.api.exists("/apis/metrics.k8s.io/v1beta1"),
            "the metrics API answers",
            seconds=180,
            program=server,
        )


def _manifests(directory: Path) -> Iterable[dict[str, Any]]:
    """The CRDs, stages and metrics that come with kwok."""
    reader = YAML(typ="safe")
    for file in sorted(directory.glob("*.yaml")):
        yield from (document for document in reader.load_all(file) if document)


def _sparing(manifest: dict[str, Any]) -> dict[str, Any]:
    """Kwok's stage, made to leave pods alone whose kubelet a test plays by status patches."""
    of_pods = manifest["kind"] == "Stage" and manifest["spec"]["resourceRef"]["kind"] == "Pod"
    if of_pods and manifest["metadata"]["name"] != "pod-delete":
        key = f'.metadata.annotations["{BY_HAND}"]'
        manifest["spec"]["selector"]["matchExpressions"].append({"key": key, "operator": "DoesNotExist"})
    return manifest


def as_runtime(text: str) -> str:
    """Lines as a container runtime writes them, which the kubelet takes apart again; all logged just now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    return "".join(f"{now} stdout F {line}\n" for line in text.splitlines())


def _granted(api: Api, namespace: str) -> set[tuple[str, str, str]]:
    """What whoever asks may do in a namespace, but for asking about oneself, which everybody may."""
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    asked = {**kind, "spec": {"namespace": namespace}}
    review = api.call(f"/apis/authorization.k8s.io/v1/{RULES_REVIEWS}", "POST", asked)
    return _triples(review["status"]["resourceRules"])


def _triples(rules: Iterable[Object]) -> set[tuple[str, str, str]]:
    """Rules taken apart: group, resource and verb, without what everybody may."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule.get("apiGroups", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if group not in {"authentication.k8s.io", "authorization.k8s.io"}
    }


def _kwok(kind: str, name: str, spec: Mapping[str, Any], namespace: str | None = None) -> Object:
    """An object of kwok's own API."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def _node(name: str) -> Object:
    """A node for kwok; with only one of the two addresses kwok would leave none."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "type": "kwok"},
            "annotations": {
                "metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{name}/metrics/resource"
            },
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": name},
            ],
            "allocatable": {"cpu": "32", "memory": "256Gi", "pods": "500"},
            "capacity": {"cpu": "32", "memory": "256Gi", "pods": "500"},
        },
    }
