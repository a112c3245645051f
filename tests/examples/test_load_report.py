"""What `make load` says of a run: its numbers beside the thresholds of the alert rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.load.__main__ import Result, report, run, thresholds

pytestmark = pytest.mark.e2e

GOOD = Result(requests=1_000, failures=10, rate=50.0, p50=0.02, p95=0.4)


def test_a_run_within_the_thresholds_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """Both measures are named with the alert that they stay below."""
    assert report(GOOD) == 0
    assert capsys.readouterr().out.splitlines() == [
        "requests        1000",
        "RPS             50.0",
        "p50          0.020 s",
        "p95          0.400 s  within 1 s, where HighAPILatency fires",
        "failures        1.0%  within 5%, where HighErrorRate fires",
    ]


@pytest.mark.parametrize("worse", [{"p95": 1.1}, {"failures": 60}])
def test_a_run_that_would_fire_an_alert_fails(worse: dict[str, float]) -> None:
    """Above a threshold of the rules the exit code is 1."""
    assert report(replace(GOOD, **worse)) == 1  # type: ignore[arg-type]  # failures are whole


def test_the_thresholds_are_those_of_the_shipped_rules() -> None:
    """They are read from the rule file, not written again."""
    assert thresholds()["HighAPILatency"] == 1.0
    assert thresholds()["HighErrorRate"] == 0.05


def test_only_this_machine_is_loaded() -> None:
    """An address elsewhere is refused before anything is sent."""
    with pytest.raises(SystemExit, match="loopback"):
        run("http://churn.example:8000", users=1, seconds=1)
