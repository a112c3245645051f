"""What Alertmanager gets back from POST /alerts."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import Permanent, Temporary
from bot.telemetry import ALERTS_REJECTED
from handlers.alertmanager import WebhookRules
from tests.doors.alert_bench import AUTHORIZED, TOKEN, AlertBench, golden, one_alert, one_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


Client = TestClient[web.Request, web.Application]


@pytest.fixture
def bench() -> AlertBench:
    """A door with a small body limit and a short patience."""
    return AlertBench(WebhookRules(token=TOKEN, body_limit=200_000, bytes_in_flight=400_000))


async def as_served(bench: AlertBench) -> TestServer:
    """The door behind a server that leaves bodies as they come, as `handlers.server` does."""
    server = TestServer(bench.application())
    await server.start_server(auto_decompress=False)
    return server


@pytest.fixture
async def client(bench: AlertBench) -> AsyncIterator[Client]:
    """A client of the door."""
    async with TestClient(await as_served(bench)) as opened:
        yield opened


async def send(client: Client, content: Any, **more: Any) -> tuple[int, dict[str, Any]]:
    """The status and body of the answer to a payload with the token."""
    headers = {**AUTHORIZED, **more.pop("headers", {})}
    response = await client.post("/alerts", data=json.dumps(content), headers=headers, **more)
    return response.status, await response.json()


async def test_names_that_nobody_finds_hold_up_no_webhook(client: Client, bench: AlertBench) -> None:
    """While every shared thread hangs in a look-up a packed webhook is still read, and stored."""
    loop, over = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
    hanging = loop.run_in_executor(None, over.wait)
    headers = {**AUTHORIZED, "Content-Encoding": "gzip"}
    packed = gzip.compress(json.dumps(one_group(one_alert(padding="x" * 150_000))).encode())
    try:
        async with asyncio.timeout(10.0), client.post("/alerts", data=packed, headers=headers) as response:
            assert response.status == 200
    finally:
        over.set()
        await hanging
    assert len(bench.intake.stored) == 1


async def test_200_comes_after_the_intake_has_stored_it(client: Client, bench: AlertBench) -> None:
    """The answer waits for the intake, and says how many alerts were stored."""
    bench.intake.hanging = asyncio.Event()
    asking = asyncio.create_task(send(client, golden("alertmanager-0.28-mixed.json")))
    done, _ = await asyncio.wait({asking}, timeout=0.05)
    assert not done
    bench.intake.hanging.set()
    assert await asking == (200, {"stored": 2, "not_stored": []})
    assert bench.intake.stored[0].received_at == bench.clock.now()
    assert bench.intake.stored[0].group.source == "default"


async def test_a_partly_bad_body_is_stored_and_what_was_not_is_listed(
    client: Client, bench: AlertBench
) -> None:
    """One good alert of two makes a 200 with the other's fault, and the rejection is told."""
    status, body = await send(client, one_group(one_alert(), one_alert(startsAt="soon")))
    assert status == 200
    assert body["stored"] == 1
    assert body["not_stored"][0]["where"] == "alerts[1].startsAt"
    assert bench.rejected == ["invalid"]


async def test_nothing_usable_is_400_with_every_fault(client: Client, bench: AlertBench) -> None:
    """Each fault has a place, words and a way to mend it; nothing reaches the intake."""
    status, body = await send(client, one_group(one_alert(status="x", labels=None)))
    assert status == 400
    assert {fault["where"] for fault in body["detail"]} == {"alerts[0].status", "alerts[0].labels"}
    assert all(fault["fault"] and fault["mend"] for fault in body["detail"])
    assert bench.intake.stored == []
    assert bench.rejected == ["invalid"]


@pytest.mark.parametrize(
    "header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN}", f"Bearer {TOKEN} "]
)
async def test_the_token_is_taken_in_every_lawful_spelling(client: Client, header: str) -> None:
    """The scheme's case and blanks around the token do not matter."""
    response = await client.post("/alerts", json=one_group(), headers={"Authorization": header})
    assert response.status == 200


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        "Bearer tök€n",
    ],
)
async def test_without_the_token_it_is_401(client: Client, bench: AlertBench, header: str | None) -> None:
    """Any other header is refused before the body is looked at, counted and told."""
    headers = {} if header is None else {"Authorization": header}
    response = await client.post("/alerts", data=b"not even json", headers=headers)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN not in await response.text()
    assert bench.rejected == ["unauthorized"]


async def test_refusals_are_told_once_a_minute_for_each_reason(client: Client, bench: AlertBench) -> None:
    """A flood of wrong tokens costs no more than one notice; every one of them is counted."""
    before = ALERTS_REJECTED.labels(reason="unauthorized")._value.get()
    for _ in range(5):
        assert (await client.post("/alerts", data=b"")).status == 401
    await client.post("/alerts", data=b"", headers=AUTHORIZED)
    assert bench.rejected == ["unauthorized", "invalid"]
    await bench.clock.advance(seconds=60)
    await client.post("/alerts", data=b"")
    assert bench.rejected == ["unauthorized", "invalid", "unauthorized"]
    assert ALERTS_REJECTED.labels(reason="unauthorized")._value.get() == before + 6


async def test_two_authorization_headers_are_none(client: Client) -> None:
    """Where a proxy and a client disagree, nobody is believed."""
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]
    response = await client.post("/alerts", json=one_group(), headers=headers)
    assert response.status == 401


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body without a length."""
    for piece in pieces:
        yield piece


LARGE = json.dumps(one_group(one_alert(annotations={"a": "x" * 300_000}))).encode()


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_413_however_it_comes(
    client: Client, bench: AlertBench, encoding: str, chunked: bool
) -> None:
    """The limit holds for plain, chunked and compressed bodies, after they are unpacked."""
    packed = {"": LARGE, "gzip": gzip.compress(LARGE), "deflate": zlib.compress(LARGE)}[encoding]
    headers = {**AUTHORIZED, **({"Content-Encoding": encoding} if encoding else {})}
    response = await client.post("/alerts", data=chunks(packed) if chunked else packed, headers=headers)
    assert response.status == 413
    assert bench.rejected == ["too_large"]
    assert bench.intake.stored == []


async def test_a_small_compressed_body_is_read(client: Client) -> None:
    """Gzip is unpacked, whatever the content type says."""
    headers = {**AUTHORIZED, "Content-Encoding": "gzip", "Content-Type": "text/plain"}
    response = await client.post(
        "/alerts", data=gzip.compress(json.dumps(one_group()).encode()), headers=headers
    )
    assert response.status == 200


async def test_a_body_that_is_not_packed_as_it_says_is_400(client: Client) -> None:
    """A wrong Content-Encoding is the sender's fault, and not repeated."""
    headers = {**AUTHORIZED, "Content-Encoding": "gzip"}
    response = await client.post("/alerts", data=b"plain text", headers=headers)
    assert response.status == 400


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(b"{}")[:-6], "gzip"),
        (b"{}", "br"),
        (gzip.compress(gzip.compress(b"{}")), "gzip, gzip"),
        (b"", "gzip"),
    ],
    ids=["cut", "unknown", "twice", "empty"],
)
async def test_what_cannot_be_unpacked_is_400(client: Client, packed: bytes, encoding: str) -> None:
    """A body that was cut, or packed in a way that nobody sends, names what to check."""
    headers = {**AUTHORIZED, "Content-Encoding": encoding}
    response = await client.post("/alerts", data=packed, headers=headers)
    assert response.status == 400
    assert "Content-Encoding" in (await response.json())["detail"][0]["mend"]


async def test_a_bomb_is_refused_without_being_unpacked(client: Client, bench: AlertBench) -> None:
    """What unpacks to a hundred megabytes is given up at the limit."""
    headers = {**AUTHORIZED, "Content-Encoding": "gzip"}
    response = await client.post("/alerts", data=gzip.compress(bytes(100_000_000)), headers=headers)
    assert response.status == 413
    assert bench.intake.stored == []


@pytest.mark.parametrize("error", [Temporary("the queue is full"), Permanent("the disk is full")])
async def test_whatever_the_store_says_is_503_never_4xx(
    client: Client, bench: AlertBench, error: Exception
) -> None:
    """Alertmanager gives a 4xx up and repeats a 503, so a full disk is a 503 too; it is no rejection."""
    bench.intake.error = error
    status, body = await send(client, one_group())
    assert status == 503
    assert body["detail"][0]["fault"] == str(error)
    assert bench.rejected == []


async def test_bodies_in_flight_are_bounded_together(client: Client, bench: AlertBench) -> None:
    """While others are being read, a webhook that does not fit beside them is pushed back."""
    release = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await release.wait()
        yield b"}"

    asking = [
        asyncio.create_task(client.post("/alerts", data=slowly(), headers=AUTHORIZED)) for _ in range(2)
    ]
    async with asyncio.timeout(5.0):
        while bench.door.bytes_in_flight < 400_000:  # noqa: ASYNC110 - bounded, and the door has no event
            await asyncio.sleep(0)
    status, _ = await send(client, one_group())
    release.set()
    answers = await asyncio.gather(*asking)
    assert status == 503
    assert [answer.status for answer in answers] == [400, 400]


@pytest.mark.parametrize(
    ("query", "status"),
    [("source=eu-1", 200), ("source=", 400), ("source=a b", 400), ("source=a&source=b", 400)],
)
async def test_a_source_is_one_plain_name(client: Client, bench: AlertBench, query: str, status: int) -> None:
    """A name becomes the group's source, anything else is refused."""
    response = await client.post(f"/alerts?{query}", json=one_group(), headers=AUTHORIZED)
    assert response.status == status
    assert [delivery.group.source for delivery in bench.intake.stored] == (["eu-1"] if status == 200 else [])


async def test_a_large_good_body_is_read_in_a_thread(client: Client, bench: AlertBench) -> None:
    """Hundreds of alerts in one webhook arrive as one delivery."""
    alerts = [
        one_alert(labels={"alertname": f"A{n}", "pad": "x" * 200}, fingerprint=None) for n in range(300)
    ]
    status, body = await send(client, one_group(*alerts))
    assert (status, body["stored"]) == (200, 300)
    assert len({alert.fingerprint for alert in bench.intake.stored[0].group.alerts}) == 300


@given(body=st.binary(max_size=400) | st.text().map(lambda text: json.dumps({"alerts": [text]}).encode()))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_no_body_makes_the_door_fail(bench: AlertBench, body: bytes) -> None:
    """Any bytes are answered 200 or 400; a 5xx is push-back alone."""
    async with TestClient(await as_served(bench)) as client:
        response = await client.post("/alerts", data=body, headers=AUTHORIZED)
        assert response.status in {200, 400}
