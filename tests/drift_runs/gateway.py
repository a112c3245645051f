"""A Pushgateway of these tests on loopback: keeps what was sent to it, answers as it is told to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterator

Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(text: str) -> dict[Sample, float]:
    """Every sample of an exposition by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@dataclass(kw_only=True)
class Gateway:
    """`answers` is the status and the text; without one it never answers."""

    address: str = ""
    answers: tuple[int, str] | None = (200, "")
    pushed: list[tuple[str, str, dict[Sample, float]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving() -> Iterator[Gateway]:
    """One that listens."""
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            gateway.pushed.append((self.command, self.path, samples(body)))
            if gateway.answers is None:
                gateway.over.wait(timeout=30)
                return
            status, text = gateway.answers
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/-/ready" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST = _take  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        gateway.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield gateway
        finally:
            gateway.over.set()
            server.shutdown()
            thread.join()
