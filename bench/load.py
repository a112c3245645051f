"""A load generator in a process of its own, so cheap that it does not slow down what it measures.

`python -m bench.load PORT CONNECTIONS SECONDS AT_MOST` sends the webhooks of `bench.bodies` round robin over
kept-open connections, one at a time on each, and prints one JSON object: `answered`, `refused`, `seconds`,
`times` (of each answer, in seconds).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import count

from bench.bodies import GROUPS, group

TOKEN = "webhook-token-of-the-benchmark"  # noqa: S105 - of servers that live for seconds, on loopback
WARM_UP_SECONDS = 0.5


class Client:
    """Requests made beforehand, and what became of them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.times: list[float] = []
        self.refused = 0
        self._requests = [_request(group(number, service="churn")) for number in range(GROUPS)]
        self._next = count()

    async def run(self, *, until: float, at_most: int) -> None:
        """One connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while time.perf_counter() < until and len(self.times) < at_most:
                request = self._requests[next(self._next) % len(self._requests)]
                sent = time.perf_counter()
                writer.write(request)
                status = await _answer(reader)
                self.times.append(time.perf_counter() - sent)
                self.refused += status != "200"
        finally:
            writer.close()


def _request(body: bytes) -> bytes:
    head = (
        "POST /alerts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> str:
    """Read one answer to its end; its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = next(line for line in head.split("\r\n") if line.lower().startswith("content-length:"))
    await reader.readexactly(int(length.partition(":")[2]))
    return head.split(" ", 2)[1]


async def _main(port: int, connections: int, seconds: float, at_most: int) -> None:
    for duration in (WARM_UP_SECONDS, seconds):
        client = Client(port)
        started = time.perf_counter()
        runs = (client.run(until=started + duration, at_most=at_most) for _ in range(connections))
        async with asyncio.timeout(duration + 30):
            await asyncio.gather(*runs)
        took = time.perf_counter() - started
    found = {"answered": len(client.times), "refused": client.refused, "seconds": took, "times": client.times}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
