from __future__ import annotations

import asyncio
import importlib
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.prometheus import PrometheusMetrics
from bot.domain.errors import Permanent, Temporary
from tests.adapters.standin import dribble, drop, endless, hang, html, standing_in, status, truncated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(scope="module", autouse=True)
def _library_is_loaded() -> None:
    """The first query loads the library, which on a busy machine takes longer than the time-outs here."""
    importlib.import_module("prometheus_api_client.prometheus_connect")


def result(*found: Any) -> dict[str, Any]:
    """An answer as Prometheus writes it."""
    return {"status": "success", "data": {"resultType": "vector", "result": list(found)}}


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status(400, {"status": "error", "error": 'parse error: it\'s "bad"'}), Permanent, 'it\'s "bad"'),
        (status(422, {"status": "error", "error": "too many samples"}), Permanent, "too many samples"),
        (status(401), Permanent, "does not let Lightship in"),
        (status(404), Permanent, "404"),
        (status(429), Temporary, "429"),
        (status(500), Temporary, "500"),
        (status(503), Temporary, "503"),
        (html, Permanent, "not Prometheus"),
        (status(200, ["garbage"]), Permanent, "not Prometheus"),
        (status(200, {"data": {"result": [{"metric": {}}]}}), Permanent, "no numbers"),
        (truncated, Temporary, "cannot be reached"),
        (endless, Permanent, "larger than the limit"),
        (drop, Temporary, "cannot be reached"),
        (hang, Temporary, "in time"),
        (dribble, Temporary, "in time"),
    ],
)
async def test_a_query_fails_in_known_words(answer: Answer, error: type[Exception], words: str) -> None:
    """Every misbehaviour of the server is one of our errors, said in words, and asked once."""
    async with standing_in(answer) as server:
        metrics = PrometheusMetrics(server.url, timeout=0.5, max_bytes=1_000_000)
        with pytest.raises(error) as raised:
            await metrics.query("up")
        await metrics.close()
        assert words in str(raised.value)
        assert len(server.got) == 1


async def test_what_is_no_number_is_one() -> None:
    """NaN and the infinities come as floats; native histograms are left out."""
    answer = result(
        {"metric": {"a": "1"}, "value": [1, "NaN"]},
        {"metric": {"a": "2"}, "value": [1, "+Inf"]},
        {"metric": {"a": "3"}, "histogram": [1, {}]},
    )
    async with standing_in(status(200, answer)) as server:
        metrics = PrometheusMetrics(server.url)
        first, second = await metrics.query("up")
        await metrics.close()
    assert math.isnan(first.value)
    assert second.value == math.inf
    assert second.at == datetime.fromtimestamp(1, UTC)


async def test_a_scalar_is_a_sample_without_labels() -> None:
    """`vector(1)` and `1` are both answered."""
    async with standing_in(status(200, {"data": {"resultType": "scalar", "result": [5, "1"]}})) as server:
        metrics = PrometheusMetrics(server.url)
        (sample,) = await metrics.query("1")
        await metrics.close()
    assert (sample.labels, sample.value) == ({}, 1.0)


async def test_waiting_questions_are_bounded() -> None:
    """With every thread stuck and the queue full, the next question is refused at once."""
    arrived = asyncio.Event()

    async def arrive_and_hang(request: web.Request) -> web.StreamResponse:
        arrived.set()
        return await hang(request)

    async with standing_in(arrive_and_hang) as server:
        metrics = PrometheusMetrics(server.url, timeout=0.6, threads=1, waiting=1)
        stuck = [asyncio.create_task(metrics.query("up")) for _ in range(2)]
        await arrived.wait()
        with pytest.raises(Temporary, match="too many questions"):
            await metrics.query("up")
        assert all(
            isinstance(error, Temporary) for error in await asyncio.gather(*stuck, return_exceptions=True)
        )
        await metrics.close()


async def test_without_an_address_the_setting_is_named() -> None:
    """Not configured is permanent, with the name of the variable."""
    with pytest.raises(Permanent, match="PROMETHEUS_URL"):
        await PrometheusMetrics("").query("up")


async def test_a_password_in_the_address_stays_there() -> None:
    """An unreachable server's error does not show the address."""
    metrics = PrometheusMetrics("http://user:secret@127.0.0.1:9", timeout=2)
    with pytest.raises(Temporary) as raised:
        await metrics.query("up")
    await metrics.close()
    assert "secret" not in str(raised.value)
