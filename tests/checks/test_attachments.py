"""What checks attach: a graph of the numbers, and the full text of logs, redacted and harmless."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.checks.log_sources import Source
from bot.checks.log_texts import MOST, LogTexts
from bot.checks.targets import CheckTarget
from bot.domain.pictures import LinePanel, Picture, Role
from bot.domain.services import NamedMetric
from bot.rehearsal.faults import Fault
from bot.rehearsal.world import World
from bot.testing import START, FrozenClock, SequentialIds
from tests.checks.looking import look

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.findings import Finding

LATENCY = NamedMetric(name="latency", title="P95 latency", query="latency", unit="s", threshold=1.0)
RATE = NamedMetric(name="rate", query="rate", unit="requests/s")
TARGET = CheckTarget(service="churn", metrics=(RATE, LATENCY))


def world() -> World:
    """Latency was 0.4 s a week ago and 0.5 s yesterday, and is 1.7 s; the rate is 30 but for gaps."""
    made = World(FrozenClock(), SequentialIds())

    def latency(moment: datetime) -> float:
        age = START - moment
        return 1.7 if age < timedelta(hours=3) else 0.5 if age < timedelta(days=2) else 0.4

    made.metrics.define("latency", latency)
    made.metrics.define("rate", lambda moment: math.nan if moment.minute % 2 else 30.0)
    return made


def picture(finding: Finding) -> Picture:
    """The only attachment's."""
    (attached,) = finding.attachments
    assert attached.name == "metrics.png"
    assert attached.picture is not None
    return attached.picture


async def test_metrics_come_with_a_graph() -> None:
    """What is above its threshold first, with the threshold, now over yesterday and a week ago."""
    found = picture(await look("metrics", world(), TARGET))
    first, second = found.panels
    assert isinstance(first, LinePanel)
    assert isinstance(second, LinePanel)
    assert (first.title, first.threshold, second.title) == ("P95 latency", 1.0, "rate")
    assert [line.role for line in first.lines] == [Role.NOW, Role.BEFORE, Role.LONG_BEFORE]
    assert [line.points[-1] for line in first.lines] == [(START, 1.7), (START, 0.5), (START, 0.4)]
    assert first.lines[0].points[0][0] == START - timedelta(hours=2)
    assert {value for _, value in second.lines[0].points} == {30.0, None}
    assert "P95 latency 1.7 s is above 1 s" in found.alt_text


async def test_the_range_is_what_is_asked_for() -> None:
    """`--range 6h` shows six hours of the one metric that is named."""
    found = picture(await look("metrics", world(), TARGET, name="latency", range="6h"))
    (panel,) = found.panels
    assert isinstance(panel, LinePanel)
    assert panel.lines[0].points[0][0] == START - timedelta(hours=6)
    assert found.title == "churn: P95 latency, last 6h"


async def test_without_numbers_over_time_there_is_no_graph() -> None:
    """A Prometheus that refuses ranges costs the picture and nothing else."""
    broken = world()
    broken.faults.switch_on("metrics.query_range", Fault.SERVER_ERROR)
    finding = await look("metrics", broken, TARGET)
    assert finding.attachments == ()
    assert finding.facts["latency.value"] == 1.7


def texts(*logs: str) -> str:
    """The file that these logs make."""
    made = LogTexts(len(logs))
    for number, log in enumerate(logs):
        made.add(Source(pod=f"api-{number}", container="api", started=True), log)
    (attached,) = made.attachment("Logs")
    return attached.text


def test_the_text_names_where_each_part_is_from() -> None:
    """One heading a container, in order, and every line of it."""
    assert texts("a\nb\n", "c") == "===== api-0/api\na\nb\n\n===== api-1/api\nc\n"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end"),
        ("bin\x00ary\x07 \ufffd", "binary \ufffd"),
        ("turn\u202earound", "turnaround"),
        ("half \ud800 sign", "half  sign"),
        ("tab\tstays\r", "tab\tstays"),
        ("token=abcdef123456 and xoxb-1234-abcd", "token=[redacted] and [redacted]"),
        ("<!channel> <@U1> &amp;", "<!channel> <@U1> &amp;"),
    ],
)
def test_each_line_is_harmless(line: str, shown: str) -> None:
    """Escapes, binary and secrets are gone; in a file Slack's signs are but signs."""
    assert texts(line).splitlines()[1] == shown


def test_long_logs_are_cut_at_a_line_and_say_so() -> None:
    """The newest lines stay; all logs together are bounded, a line of a megabyte too."""
    many = "".join(f"line {number}\n" for number in range(300_000))
    found = texts(many, "x" * 1_000_000 + "\nlast")
    assert len(found) < MOST + 1_000
    first, *lines = found.splitlines()
    assert first == "===== api-0/api (its newest lines)"
    assert lines[0].startswith("line ")
    assert "line 299999" in lines
    assert lines[-1] == "last"


def test_a_key_that_is_cut_is_not_shown() -> None:
    """The middle of a private key, whose beginning is outside of what is kept, is gone as well."""
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEkeykeykey\n" * 100 + "-----END RSA PRIVATE KEY-----\n"
    assert "MIIE" not in texts("x\n" * 1000 + key + "y\n" * (MOST // 2 - 500))
