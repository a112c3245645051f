"""A plain web server on loopback as a store of files: index pages, parts of files, and refusals by path."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSALS = {"/wants-a-name/": 401, "/forbidden/": 403, "/gone/": 410, "/broken/": 503}
NO_PARTS = "/no-parts/"
"""Below this the server gives whole files alone; they are those of the root."""


class _Handler(SimpleHTTPRequestHandler):
    """The library's own server knows no `Range`; Parquet cannot be read without."""

    protocol_version = "HTTP/1.1"

    def send_head(self) -> BytesIO | BinaryIO | None:
        refusal = next((status for path, status in REFUSALS.items() if self.path.startswith(path)), 0)
        if refusal:
            self.send_error(refusal)
            return None
        whole = self.path.startswith(NO_PARTS)
        self.path = self.path.replace(NO_PARTS, "/", 1)
        file = Path(self.translate_path(self.path))
        if not file.is_file():
            return super().send_head()
        content = file.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and not whole:
            first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            content = content[first : last + 1]
        else:
            self.send_response(200)
        if not whole:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return BytesIO(content)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of the folder, without a slash at its end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
