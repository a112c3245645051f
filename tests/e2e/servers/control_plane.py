"""The command lines of the cluster's processes, and where they meet: addresses, certificates, tokens.

Only `cluster.py` uses this. What each option is for is said where it is not what a cluster usually has.
"""

import json
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.servers.access import Access
from tests.e2e.servers.programs import NotStarted, cached, free_port

# What a ServiceAccount writes is recorded with its body: tests count the writes of the bot.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {
            "level": "Request",
            "userGroups": ["system:serviceaccounts"],
            "verbs": ["create", "update", "patch", "delete", "deletecollection"],
        },
        {"level": "None"},
    ],
}
KWOK_KINDS = ("Stage", "Logs", "ClusterLogs", "Exec", "ClusterExec", "Metric", "ClusterResourceUsage")


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlPlane:
    """One cluster's folder and ports; each property is the command line of one process."""

    directory: Path
    etcd: int = field(default_factory=free_port)
    etcd_peer: int = field(default_factory=free_port)
    api: int = field(default_factory=free_port)
    kubelet: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)
    admin_token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def file(self, name: str) -> Path:
        """A file in the cluster's folder."""
        return self.directory / name

    def prepare(self) -> None:
        """Write certificates, tokens, policies and the admin's kubeconfig. Raises `NotStarted`."""
        made = subprocess.run(
            [cached("control-plane"), "certificates", self.directory],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if made.returncode:
            raise NotStarted(f"no certificates: {made.stderr.strip()}")
        tokens = self.file("tokens.csv")
        tokens.touch(mode=0o600)
        tokens.write_text(f'{self.admin_token},admin,admin,"system:masters"\n')
        self.file("audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        self.access.kubeconfig(self.file("admin.kubeconfig"))

    @property
    def access(self) -> Access:
        """The administrator's."""
        return Access(
            url=f"https://127.0.0.1:{self.api}", ca_file=self.file("ca.crt"), token=self.admin_token
        )

    @property
    def etcd_command(self) -> Sequence[str | Path]:
        """One member that does not sync to disk."""
        return (
            cached("control-plane"),
            "etcd",
            f"--data-dir={self.file('etcd')}",
            f"--client-url=http://127.0.0.1:{self.etcd}",
            f"--peer-url=http://127.0.0.1:{self.etcd_peer}",
        )

    @property
    def api_command(self) -> Sequence[str | Path]:
        """RBAC, an admin by token, ServiceAccount tokens, kubelets on loopback, the metrics API forwarded."""
        return (
            cached("control-plane"),
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self.etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.api}",
            "--endpoint-reconciler-type=none",  # an Endpoints object may not name a loopback address
            f"--tls-cert-file={self.file('serving.crt')}",
            f"--tls-private-key-file={self.file('serving.key')}",
            f"--client-ca-file={self.file('ca.crt')}",
            "--authorization-mode=Node,RBAC",
            f"--token-auth-file={self.file('tokens.csv')}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.file('service-account.pub')}",
            f"--service-account-signing-key-file={self.file('service-account.key')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-certificate-authority={self.file('ca.crt')}",
            f"--requestheader-client-ca-file={self.file('front-proxy-ca.crt')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={self.file('front-proxy-client.crt')}",
            f"--proxy-client-key-file={self.file('front-proxy-client.key')}",
            f"--audit-policy-file={self.file('audit-policy.json')}",
            f"--audit-log-path={self.file('audit.log')}",
            "--audit-log-mode=blocking-strict",  # a write is on record when its answer comes
        )

    @property
    def controllers_command(self) -> Sequence[str | Path]:
        """All controllers, the autoscaler with periods that fit a test."""
        return (
            cached("control-plane"),
            "kube-controller-manager",
            f"--kubeconfig={self.file('admin.kubeconfig')}",
            f"--service-account-private-key-file={self.file('service-account.key')}",
            f"--root-ca-file={self.file('ca.crt')}",
            "--leader-elect=false",
            "--secure-port=0",
            "--horizontal-pod-autoscaler-sync-period=1s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
            "--horizontal-pod-autoscaler-downscale-stabilization=5s",
        )

    @property
    def scheduler_command(self) -> Sequence[str | Path]:
        """As usual, but alone."""
        return (
            cached("control-plane"),
            "kube-scheduler",
            f"--kubeconfig={self.file('admin.kubeconfig')}",
            "--leader-elect=false",
            "--secure-port=0",
        )

    @property
    def kwok_command(self) -> Sequence[str | Path]:
        """Plays the nodes and their kubelets; address and port are what the nodes report as their own."""
        return (
            cached("kwok"),
            f"--kubeconfig={self.file('admin.kubeconfig')}",
            "--manage-nodes-with-label-selector=type=kwok",  # a test may add a node whose kubelet is dead
            # Without leases a node is heard of once a minute, and controllers call it NotReady after 50 s.
            "--node-lease-duration-seconds=40",
            f"--server-address=127.0.0.1:{self.kubelet}",
            "--node-ip=127.0.0.1",
            f"--node-port={self.kubelet}",
            f"--tls-cert-file={self.file('serving.crt')}",
            f"--tls-private-key-file={self.file('serving.key')}",
            f"--enable-crds={','.join(KWOK_KINDS)}",
        )

    @property
    def metrics_command(self) -> Sequence[str | Path]:
        """The metrics API; ten seconds is the shortest resolution that it takes."""
        admin = self.file("admin.kubeconfig")
        return (
            cached("metrics-server"),
            f"--kubeconfig={admin}",
            f"--authentication-kubeconfig={admin}",
            f"--authorization-kubeconfig={admin}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.metrics}",
            f"--tls-cert-file={self.file('serving.crt')}",
            f"--tls-private-key-file={self.file('serving.key')}",
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",  # has to be below the resolution
            "--kubelet-use-node-status-port",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-certificate-authority={self.file('ca.crt')}",
        )
