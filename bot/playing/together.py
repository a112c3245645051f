"""Several rehearsals at once: each in a process forked from this one, told in the order given.

Called by `lightship rehearse`. A scenario holds formulas, which cannot be sent to another process; a fork has
them already, and the whole bot as it was loaded. Only what happened and how it was judged comes back. Where a
process cannot be forked safely (other threads run, or the system has no fork) they are played one after the
other; what is told is the same.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.adapters.database import empty_store
from bot.domain.errors import LightshipError
from bot.playing.playing import Rehearsed, rehearse
from bot.playing.reporting import Played
from bot.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bot.domain.runbooks import Runbook
    from bot.playing.judging import Judgement
    from bot.playing.performances import Performance
    from bot.rehearsal.scenarios.loading import Scenario
    from bot.settings.loading import LoadedSettings

MOST: Final = 8
"""Processes at once, whatever the machine has: each holds a bot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """What is to be played, and each one's configuration, read with the environment that it asks for."""

    scenarios: Sequence[Scenario]
    configured: Sequence[LoadedSettings]
    runbooks: Sequence[Runbook]
    timer: Callable[[], float] = time.perf_counter


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outcome:
    """What comes back from where one was played: all of `Played` but the scenario."""

    performance: Performance | None
    judgements: tuple[Judgement, ...]
    error: str
    seconds: float


def bill_of(
    scenarios: Sequence[Scenario], *, config: Path, environ: Mapping[str, str], runbooks: Sequence[Runbook]
) -> Bill:
    """The bill of these scenarios; each environment's configuration is read once."""
    read: dict[tuple[tuple[str, str], ...], LoadedSettings] = {}
    for scenario in scenarios:
        own = tuple(sorted(scenario.environment.items()))
        if own not in read:
            read[own] = load_settings(config, {**environ, **scenario.environment})
    configured = [read[tuple(sorted(one.environment.items()))] for one in scenarios]
    return Bill(scenarios=scenarios, configured=configured, runbooks=runbooks)


def play_all(
    bill: Bill, *, at_once: int = 1, progress: Callable[[int], None] = lambda _played: None
) -> tuple[Played, ...]:
    """Play all of them; what goes wrong with one is told of that one. `progress` hears of each, in turn."""
    at_once = min(at_once, len(bill.scenarios), MOST)
    if at_once > 1 and can_fork():
        outcomes = _forked(bill, at_once, progress)
    else:
        outcomes = [_told(_play(bill, number), progress) for number in range(len(bill.scenarios))]
    return tuple(
        Played(
            scenario=scenario,
            rehearsed=_rehearsed(scenario, outcome),
            error=outcome.error,
            seconds=outcome.seconds,
        )
        for scenario, outcome in zip(bill.scenarios, outcomes, strict=True)
    )


def can_fork() -> bool:
    """Whether a copy of this process would be whole: its other threads would be missing from it."""
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_SELDOM: Final = (100_000, 20, 20)

_BILL: list[Bill] = []
"""In a forked process: what it was forked for."""


def _told(outcome: _Outcome, progress: Callable[[int], None]) -> _Outcome:
    progress(1)
    return outcome


def _forked(bill: Bill, at_once: int, progress: Callable[[int], None]) -> list[_Outcome]:
    empty_store()
    # What is loaded now stays; a collection that looked through it would copy every page of it.
    gc.collect()
    gc.freeze()
    try:
        with ProcessPoolExecutor(
            at_once,
            mp_context=multiprocessing.get_context("fork"),
            initializer=_begin,
            initargs=(bill,),
        ) as processes:
            waiting = [processes.submit(_play_numbered, number) for number in range(len(bill.scenarios))]
            return [_told(_outcome_of(one.result), progress) for one in waiting]
    finally:
        gc.unfreeze()


def _outcome_of(result: Callable[[], _Outcome]) -> _Outcome:
    try:
        return result()
    except BrokenProcessPool:
        return _failed("the process that played it ended before it was done; see what killed it")


def _begin(bill: Bill) -> None:
    """In a process that was forked: take the bill, and look for garbage seldom, as it ends soon."""
    gc.set_threshold(*_SELDOM)
    _BILL.append(bill)


def _play_numbered(number: int) -> _Outcome:
    return _play(_BILL[0], number)


def _play(bill: Bill, number: int) -> _Outcome:
    scenario, began = bill.scenarios[number], bill.timer()
    loaded = bill.configured[number]
    if loaded.settings is None:
        return _failed("; ".join(str(fault) for fault in loaded.faults), bill.timer() - began)
    try:
        played = rehearse(scenario, settings=loaded.settings, runbooks=bill.runbooks)
    except LightshipError as wrong:
        return _failed(str(wrong), bill.timer() - began)
    return _Outcome(
        performance=played.performance,
        judgements=played.judgements,
        error="",
        seconds=bill.timer() - began,
    )


def _failed(error: str, seconds: float = 0.0) -> _Outcome:
    return _Outcome(performance=None, judgements=(), error=error, seconds=seconds)


def _rehearsed(scenario: Scenario, outcome: _Outcome) -> Rehearsed | None:
    if outcome.performance is None:
        return None
    return Rehearsed(scenario=scenario, performance=outcome.performance, judgements=outcome.judgements)
