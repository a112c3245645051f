from __future__ import annotations

import time
import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks.log_folding import LogFold
from bot.checks.log_signs import Level, level_of, readable
from bot.checks.logs import FACTS
from bot.domain.findings import Verdict
from bot.domain.masking import pattern_of
from bot.rehearsal.faults import Fault
from bot.rehearsal.objects import stamp
from bot.testing import START
from tests.checks.looking import NAMESPACE, look, world_of

if TYPE_CHECKING:
    from bot.rehearsal.world import World


def pod(
    name: str,
    *,
    restarts: int = 0,
    state: dict[str, Any] | None = None,
    containers: tuple[str, ...] = ("api",),
) -> dict[str, Any]:
    """A pod of the deployment."""
    running = {"running": {"startedAt": stamp(START)}} if state is None else state
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": "churn-api"}},
        "spec": {"containers": [{"name": one} for one in containers]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": one, "restartCount": restarts, "state": running} for one in containers
            ],
        },
    }


def world(*pods: dict[str, Any], **logs: str) -> World:
    """A world with these pods, each with its log."""
    made = world_of(*pods, replicas=len(pods))
    for name, text in logs.items():
        made.state.logs[NAMESPACE, name] = text
    return made


async def test_all_is_well() -> None:
    """Without errors the line says how much was read."""
    finding = await look(
        "logs", world(pod("a"), pod("b"), a="INFO ready\nINFO 200 in 3 ms\n", b="INFO ready\n")
    )
    assert finding.verdict is Verdict.OK
    assert finding.summary == "no errors in 3 lines of 2 pods"
    assert set(finding.facts) == set(FACTS)
    assert finding.table is not None
    assert finding.table.rows == (("2", "2", "", "INFO ready"), ("1", "1", "", "INFO 200 in 3 ms"))


async def test_errors_come_first_and_are_folded() -> None:
    """Lines that differ in times, numbers and ids are one row; errors stand above what is more frequent."""
    lines = [f"2026-03-01T12:00:{n:02}Z INFO request {n} took {n}.5 ms" for n in range(30)]
    errors = [
        f"2026-03-01T12:01:{n:02}Z ERROR cannot connect to postgres at 10.0.0.{n}:5432 (attempt {n})"
        for n in range(12)
    ]
    finding = await look("logs", world(pod("a"), pod("b"), a="\n".join(lines + errors), b="\n".join(errors)))
    assert finding.verdict is Verdict.WARN
    assert finding.summary.startswith(
        "24 errors in 54 lines of 2 pods, 24 of them like: 2026-03-01T12:01:11Z"
    )
    assert finding.table is not None
    assert [row[:3] for row in finding.table.rows] == [("24", "2", "error"), ("30", "1", "")]
    assert (finding.facts["errors"], finding.facts["database"], finding.facts["timeouts"]) == (24, 24, 0)


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        ("ERROR sqlalchemy.exc.OperationalError: connection refused", "database"),
        ("ERROR upstream request timed out after 30 s", "timeouts"),
        ("MemoryError: Unable to allocate 2.1 GiB", "out_of_memory"),
        ("ERROR could not load model churn-model/7", "model"),
        ("KeyError: 'tenure_months'", "schema"),
        ("WARNING missing required field: contract", "schema"),
    ],
)
async def test_what_errors_are_about_is_counted(line: str, topic: str) -> None:
    """Each topic counts the lines that warn or tell an error about it."""
    finding = await look("logs", world(pod("a"), a=f"INFO database model schema timeout ok\n{line}\n"))
    assert finding.facts[topic] == 1


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("INFO model loaded, 0 errors", Level.PLAIN),
        ("2026-03-01 12:00:00,123 INFO [api] error budget is fine", Level.PLAIN),
        ('{"level": "info", "msg": "failed=0"}', Level.PLAIN),
        ("level=error msg=nope", Level.ERROR),
        ("E0301 12:00:00.000000       1 main.go:12] gone", Level.ERROR),
        ("W0301 12:00:00.000000       1 main.go:12] hm", Level.WARNING),
        ("ValueError: expected 12 features, got 11", Level.ERROR),
        ("panic: runtime error: index out of range", Level.ERROR),
        ('10.0.0.1 - - "POST /predict HTTP/1.1" 500 21', Level.ERROR),
        ('10.0.0.1 - - "POST /predict HTTP/1.1" 200 500', Level.PLAIN),
        ("UserWarning: X does not have valid feature names", Level.WARNING),
        ("the warning was ignored", Level.WARNING),
        ("WARN slow query", Level.WARNING),
        ("errors=0 served=12", Level.PLAIN),
        ("ready", Level.PLAIN),
    ],
)
def test_how_bad_a_line_is(line: str, level: Level) -> None:
    """What a line says of itself counts before what its words sound like."""
    assert level_of(readable(line)) is level


async def test_a_traceback_is_one_entry() -> None:
    """A traceback is told by its last line and frame, and its frames are not lines of their own."""
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/app/main.py", line 10, in predict\n    score(row)\n'
        '  File "/app/model.py", line 33, in score\n    return m[x]\n'
        "KeyError: 'tenure'\n"
    )
    finding = await look("logs", world(pod("a"), a=f"INFO ready\n{trace}{trace}"))
    assert finding.facts["errors"] == 2
    assert finding.facts["lines"] == 13
    assert finding.summary.endswith("KeyError: 'tenure' (at File \"/app/model.py\", line 33, in score)")


async def test_lines_of_json_are_told_by_their_message() -> None:
    """A structured line is shown as level and message, and folded by them."""
    line = '{"ts": 17%d, "level": "error", "msg": "no such customer", "error": "404 for %d", "password": "x"}'
    finding = await look("logs", world(pod("a"), a="\n".join(line % (n, n) for n in range(3))))
    assert finding.table is not None
    assert finding.table.rows == (("3", "1", "error", "ERROR no such customer: 404 for 2"),)


async def test_what_is_shown_is_harmless() -> None:
    """Escapes, control characters, secrets and a megabyte without an end do no harm; mentions stay text."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
    text = (
        "\x1b[31mERROR\x1b[0m \u202eevil\x00 <!channel> token=abcdefghijklmnop\n"
        f"{key}\n"
        "connecting to postgresql://churn:hunter2@db/churn failed\n"
        + "x" * 1_000_000
        + "\n\ufffd\ufffd\x07\n"
    )
    finding = await look("logs", world(pod("a"), a=text), tail=200)
    said = repr(finding)
    for secret in ("abcdefghijklmnop", "MIIEvQ", "kiG9w0", "hunter2"):
        assert secret not in said
    assert "\\x1b" not in said
    assert "\\u202e" not in said
    assert finding.table is not None
    assert finding.table.rows[0][3] == "ERROR evil <!channel> token=[redacted]"
    assert all(len(row[3]) <= 400 for row in finding.table.rows)


async def test_tail_and_since_bound_what_is_read() -> None:
    """`tail` is the number of lines of each log, `since` how far back."""
    old, new = stamp(START - timedelta(hours=2)), stamp(START - timedelta(minutes=1))
    made = world(pod("a"), a=f"{old} ERROR then\n{new} INFO now\n{new} INFO now\n")
    assert (await look("logs", made)).facts["lines"] == 3
    assert (await look("logs", made, tail=1)).facts["lines"] == 1
    assert (await look("logs", made, since="1h")).facts["errors"] == 0
    wrong = await look("logs", made, tail="many")
    assert "`tail` is a whole number from 1" in wrong.reason


async def test_before_the_last_restart() -> None:
    """`previous` reads what was written before the restart, of the containers that restarted."""
    made = world(pod("a", restarts=2), pod("b"), a="INFO ready\n", b="INFO ready\n")
    made.state.logs_before_restart[NAMESPACE, "a"] = "MemoryError\n"
    finding = await look("logs", made, previous=True)
    assert finding.summary == "1 error in 1 line of 1 pod before the last restart, such as: MemoryError"
    none = await look("logs", world(pod("b")), previous=True)
    assert none.verdict is Verdict.OK
    assert none.summary == "no container has restarted, so there are no earlier logs"


async def test_one_pod_can_be_asked_for() -> None:
    """A pod is found by its name or the end of it; a wrong one is answered with those that exist."""
    made = world(pod("churn-api-1-aaaaa"), pod("churn-api-1-bbbbb"))
    made.state.logs[NAMESPACE, "churn-api-1-bbbbb"] = "INFO b\n"
    assert (await look("logs", made, pod="bbbbb")).facts["lines"] == 1
    wrong = await look("logs", made, pod="zzz")
    assert "there is no pod `zzz`; its pods are churn-api-1-aaaaa, churn-api-1-bbbbb" in wrong.reason


async def test_containers_that_have_not_started_are_told() -> None:
    """A container that waits for its start has no log, which is a note and no failure."""
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    finding = await look("logs", world(pod("a", state=waiting), pod("b"), b="INFO ready\n"))
    assert finding.verdict is Verdict.OK
    assert finding.details == ("1 container has not started yet",)


async def test_a_log_that_cannot_be_read_is_told() -> None:
    """One log that fails is named and the check warns; when all fail it is unknown."""
    made = world(pod("a"), pod("b"), a="INFO ready\n", b="INFO ready\n")
    made.faults.switch_on("cluster.logs", Fault.SERVER_ERROR, times=1)
    finding = await look("logs", made)
    assert finding.verdict is Verdict.WARN
    assert finding.details == ("not read: a: internal error (500)",)
    made.faults.switch_on("cluster.logs", Fault.SERVER_ERROR)
    blind = await look("logs", made)
    assert (blind.verdict, blind.reason) == (Verdict.UNKNOWN, "a: internal error (500)")
    assert blind.facts["errors"] is None


async def test_a_missing_right_is_named() -> None:
    """Without the right to read logs the finding is unknown and names it."""
    made = world(pod("a"))
    made.faults.switch_on("cluster.logs", Fault.FORBIDDEN)
    assert (await look("logs", made)).summary == "unknown: the right `get pods/log` is missing"


async def test_without_pods_it_is_unknown() -> None:
    """A deployment without pods has no logs, which is not ok."""
    finding = await look("logs", world_of(replicas=0))
    assert finding.verdict is Verdict.UNKNOWN
    assert "no pods" in finding.reason


async def test_of_very_many_pods_some_are_read() -> None:
    """Of sixty pods fifty are read, the troubled ones first, and that is said."""
    made = world(*(pod(f"p{n:02}", restarts=int(n == 55)) for n in range(60)), p55="ERROR x\n")
    finding = await look("logs", made)
    assert finding.facts["pods"] == 50
    assert finding.facts["errors"] == 1
    assert finding.details == ("only 50 of 60 pods were read, the troubled ones first",)


@given(line=st.text(max_size=200), number=st.integers(0, 10**12).filter(lambda n: not 400 <= n <= 599))
def test_lines_that_differ_in_a_number_fold(line: str, number: int) -> None:
    """Whatever is around it, one number is as good as another."""
    assert pattern_of(f"{line} {number} ms") == pattern_of(f"{line} 7 ms")


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("2026-03-01T12:00:00.123Z took 12 ms", "# took # ms"),
        ("2026-03-01 12:00:00,123 [4711] gone", "# # [#] gone"),
        ("id 3fa85f64-5717-4562-bbfc-2c963f66afa6 gone", "id # gone"),
        ("from 10.1.2.3:8080", "from #"),
        ("at 0x7ffe12ab", "at #"),
        ("pod churn-api-6d4b75cb6d-abcde died", "pod churn-api-# died"),
        ("POST /predict 503", "POST /predict 5xx"),
        ("customer left", "customer left"),
    ],
)
def test_what_varies_is_masked(line: str, pattern: str) -> None:
    """Times, ids, addresses and numbers get marks; words stay, and so does the class of a status."""
    assert pattern_of(line) == pattern


def test_errors_are_kept_among_very_many_different_lines() -> None:
    """When noise has used the patterns up, an error that comes later still gets its own."""
    words = ["".join(chr(97 + (n // 26**place) % 26) for place in range(4)) for n in range(5_000)]
    fold = LogFold()
    fold.add("a", "\n".join(f"INFO {word}" for word in words))
    fold.add("a", "ERROR the disk is full\n")
    assert fold.patterns[0].shown() == "ERROR the disk is full"
    assert fold.left_out > 0
    assert fold.lines == 5_001


def test_half_a_million_lines_fold_in_time() -> None:
    """Fifty pods with 10,000 lines each fold in five seconds of work and 80 MB."""
    text = "\n".join(
        f"2026-03-01T12:{n // 60 % 60:02}:{n % 60:02}.{n % 1000:03}Z INFO [req-{n * 7919 % 999983:06x}] "
        f"POST /predict customer={n} 200 in {n % 97}.{n % 10} ms"
        for n in range(10_000)
    )
    tracemalloc.start()
    fold = LogFold()
    for number in range(3):
        fold.add(f"pod-{number}", text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    plain = LogFold()
    started = time.process_time()
    for number in range(50):
        plain.add(f"pod-{number}", text)
    assert time.process_time() - started < 10  # twice as long as it says: the processor may be shared
    assert peak < 80_000_000
    assert plain.lines == 500_000
    assert sum(one.count for one in plain.patterns) == 500_000
    assert len(plain.patterns) == 3  # numbers that may be statuses of 4xx and 5xx stand apart
