"""An admission webhook that refuses every pod, on loopback; `Cluster.refusing_webhook` starts one."""

import base64
import json
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

WORDS = "every pod needs an owner"


class RefusingWebhook:
    """Served with the cluster's own certificate of 127.0.0.1 until `stop`."""

    def __init__(self, directory: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "serving.crt", directory / "serving.key")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Refuse)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._authority = (directory / "ca.crt").read_bytes()
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def client_config(self) -> dict[str, Any]:
        """How a webhook configuration names it."""
        return {
            "url": f"https://127.0.0.1:{self._server.server_port}/",
            "caBundle": base64.b64encode(self._authority).decode(),
        }

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


class _Refuse(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Answer no."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        response = {"uid": review["request"]["uid"], "allowed": False, "status": {"message": WORDS}}
        body = json.dumps(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing to tell."""
