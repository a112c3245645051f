"""A few calls to a Kubernetes API server, blocking and without its SDK: what the harness itself needs.

Used by `cluster.py` to set a cluster up and by tests for what they arrange. What a test is about goes through
the product's own client.
"""

import base64
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Object = Mapping[str, Any]

TIMEOUT_SECONDS = 60
FIELD_MANAGER = "lightship-e2e"


class Refused(Exception):  # noqa: N818  # read as a sentence: raises Refused
    """The API server answered with an error; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Where an API server is and how it is entered: what a kubeconfig says."""

    url: str
    ca_file: Path | None = None
    token: str | None = field(default=None, repr=False)
    certificate: tuple[Path, Path] | None = None  # certificate and key
    verify: bool = True

    @classmethod
    def of_kubeconfig(cls, path: Path) -> "Access":
        """Read the current context by the official client, which also runs credential plugins."""
        from kubernetes import client, config  # noqa: PLC0415  # slow to import, and for users' clusters only

        found = client.Configuration()
        config.load_kube_config(str(path), client_configuration=found)
        bearer = found.auth_settings().get("BearerToken", {}).get("value")
        return cls(
            url=found.host,
            ca_file=Path(found.ssl_ca_cert) if found.ssl_ca_cert else None,
            token=bearer.removeprefix("Bearer ") if bearer else None,
            certificate=(Path(found.cert_file), Path(found.key_file)) if found.cert_file else None,
            verify=bool(found.verify_ssl),
        )

    def with_token(self, token: str) -> "Access":
        """The same server entered as somebody else."""
        return Access(url=self.url, ca_file=self.ca_file, token=token, verify=self.verify)

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig with all in one file; only for access by token."""
        cluster: dict[str, Any] = {"server": self.url, "insecure-skip-tls-verify": not self.verify}
        if self.ca_file:
            cluster["certificate-authority-data"] = base64.b64encode(self.ca_file.read_bytes()).decode()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": cluster}],
            "users": [{"name": "e2e", "user": {"token": self.token}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
            "current-context": "e2e",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, indent=1))  # JSON is YAML
        return path


class Api:
    """Calls by path. Every method raises `Refused` when the server says no, OSError when it is not there."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._tls = ssl.create_default_context(cafile=access.ca_file)
        if not access.verify:
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE
        if access.certificate:
            self._tls.load_cert_chain(*access.certificate)
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def text(
        self, path: str, method: str = "GET", body: Object | None = None, content: str = "application/json"
    ) -> str:
        """One request, answered as text."""
        request = urllib.request.Request(  # noqa: S310  # the address is a kubeconfig's
            self.access.url + path, method=method, data=None if body is None else json.dumps(body).encode()
        )
        request.add_header("Content-Type", content)
        if self.access.token:
            request.add_header("Authorization", f"Bearer {self.access.token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=self._tls) as answer:  # noqa: S310
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, error.read().decode(errors="replace")[:500]) from error

    def call(self, path: str, method: str = "GET", body: Object | None = None) -> dict[str, Any]:
        """One request, answered as JSON."""
        return dict(json.loads(self.text(path, method, body)))

    def merge(self, path: str, patch: Object) -> dict[str, Any]:
        """A JSON merge patch, such as of a pod's `/status`."""
        return dict(json.loads(self.text(path, "PATCH", patch, "application/merge-patch+json")))

    def apply(self, *objects: Object) -> None:
        """Server-side apply, in order; a kind that a CRD has just made is waited for."""
        for each in objects:
            path = f"{self.path_of(each)}?fieldManager={FIELD_MANAGER}&force=true"
            self.text(path, "PATCH", each, "application/apply-patch+yaml")

    def exists(self, path: str) -> bool:
        """Whether a GET of the path finds something."""
        try:
            self.text(path)
        except Refused as refused:
            if refused.status in (404, 503):
                return False
            raise
        return True

    def path_of(self, thing: Object) -> str:
        """The path of an object, by the kinds that the server says it has."""
        version, kind, metadata = str(thing["apiVersion"]), str(thing["kind"]), thing["metadata"]
        base = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        plural, namespaced = self._plural(base, kind)
        where = f"/namespaces/{metadata.get('namespace', 'default')}" if namespaced else ""
        return f"{base}{where}/{plural}/{urllib.parse.quote(metadata['name'])}"

    def _plural(self, base: str, kind: str) -> tuple[str, bool]:
        deadline = time.monotonic() + 60
        while (base, kind) not in self._plurals:
            for name, is_kind, namespaced in self._resources(base):
                self._plurals.setdefault((base, is_kind), (name, namespaced))
            if (base, kind) in self._plurals:
                break
            if time.monotonic() > deadline:
                raise Refused(404, f"the server has no {kind} in {base}")
            time.sleep(0.05)
        return self._plurals[base, kind]

    def _resources(self, base: str) -> Iterable[tuple[str, str, bool]]:
        try:
            listed = self.call(base)["resources"]
        except Refused as refused:
            if refused.status == 404:
                return []
            raise
        return [(one["name"], one["kind"], one["namespaced"]) for one in listed if "/" not in one["name"]]
