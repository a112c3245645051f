"""Packages that do not work: each is named with the reason, and the bot does its work without them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from bot.extensions import TAKEN_WORDS
from handlers.command_words import ALIASES, BUILT
from tests.extending.conftest import EXAMPLE, install

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.extending.conftest import Told

CHECKS, REMEDIATIONS = "lightship.checks", "lightship.remediations"
GOOD = """
from datetime import timedelta
from bot.extending import Check, Right
async def run(target, readers, now, arguments): ...
def make(name, **more):
    made = {"run": run, "time_limit": timedelta(seconds=5), "fresh_for": timedelta(minutes=1), "facts": {}}
    return Check(name=name, title="T", **{**made, **more})
PODS = make("pods")
HELP = make("help")
OTHER = make("another")
SLOW = make("slow", time_limit=timedelta(hours=1))
WAITS = make("waits", run=lambda *_: None)
WRITES = make("writes", rights=(Right(verb="patch", group="apps", resource="deployments"),))
PEEKS = make("peeks", rights=(Right(verb="get", group="", resource="secrets"),))
TWICE = make("twice")
NUMBER = 7
"""
ACTING = """
from bot.extending import *
async def plan(asking): ...
def make(name, **more):
    made = {"plan": plan, "may": ((CallKind.EDIT, "cronjobs", "", (("spec", "suspend"),)),), "rights": ()}
    facts = ActionFacts(title="T", done="done", taken_back=TakenBack.NEVER)
    return Remediation(name=name, facts=facts, **{**made, **more})
DUMB = make("dumb", may=())
EXECS = make("execs", rights=(Right(verb="create", group="", resource="pods/exec"),))
EVICTS = make("evicts", may=((CallKind.EVICT, "pods", "eviction", ()),))
NOTHING = None
"""


def test_each_is_named_with_its_package_and_the_reason(
    site: Path, lightship: Callable[..., Told[str]]
) -> None:
    """Import errors, wrong types, taken and impossible names, rights that nothing may have: all at once."""
    install(
        site,
        name="acme-checks",
        version="0.3",
        points={
            CHECKS: {
                "pods": "acme:PODS",
                "help": "acme:HELP",
                "misnamed": "acme:OTHER",
                "slow": "acme:SLOW",
                "waits": "acme:WAITS",
                "writes": "acme:WRITES",
                "peeks": "acme:PEEKS",
                "seven": "acme:NUMBER",
                "gone": "acme:GONE",
                "Not-A-Name": "acme:TWICE",
                "raises": "acme_raises:X",
                "leaves": "acme_leaves:X",
                "absent": "acme_absent:X",
                "twice": "acme:TWICE",
            },
            REMEDIATIONS: {
                "restart": "acting:DUMB",
                "dumb": "acting:DUMB",
                "execs": "acting:EXECS",
                "evicts": "acting:EVICTS",
                "nothing": "acting:NOTHING",
            },
        },
        acme=GOOD,
        acting=ACTING,
        acme_raises="raise RuntimeError('no licence')",
        acme_leaves="raise SystemExit(3)",
    )
    install(site, name="zeta", version="1", points={CHECKS: {"twice": "acme:TWICE"}})
    done = lightship("check", "--config", "lightship.yaml")
    assert done.returncode == 1
    told = dict(line.split(":1:1: ", 1) for line in done.stdout.splitlines())
    own = [key for key in told if key.startswith("acme-checks 0.3, ")]
    acme = {key.rpartition(": ")[2]: told[key] for key in own}
    assert acme["pods"] == "the name `pods` is taken, by Lightship or by another package; choose another"
    assert acme["help"].startswith("the name `help` is taken")
    assert acme["restart"].startswith("the name `restart` is taken")
    assert acme["misnamed"] == "it calls itself `another`; both names must be the same"
    assert acme["slow"] == "`time_limit` must be above zero and a minute at most"
    assert acme["waits"] == "`run` must be a coroutine function (`async def`)"
    assert acme["writes"] == "a check only reads, so it cannot have the right `patch deployments`"
    assert acme["peeks"] == "a check only reads, so it cannot have the right `get secrets`"
    assert acme["seven"] == "`acme:NUMBER` is no bot.extending.Check but a int"
    assert acme["gone"].startswith("it cannot be imported: AttributeError: ")
    assert acme["Not-A-Name"].startswith("`Not-A-Name` is no name for it; write small letters and digits")
    assert acme["raises"] == "it cannot be imported: RuntimeError: no licence"
    assert acme["leaves"] == "it cannot be imported: SystemExit: 3"
    assert acme["absent"] == "it cannot be imported: ModuleNotFoundError: No module named 'acme_absent'"
    assert acme["dumb"] == "`may` must name what it sends; without it nothing can be carried out"
    assert acme["execs"] == "nothing of Lightship has the right `create pods/exec`"
    assert acme["evicts"].startswith("`may` can only hold edits of named fields, of one of configmaps, ")
    assert acme["nothing"] == "`acting:NOTHING` is no bot.extending.Remediation but a NoneType"
    assert "twice" not in acme
    assert told["zeta 1, lightship.checks: twice"].startswith("the name `twice` is taken")


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_the_bot_goes_on_and_says_what_it_could_not_do(
    site: Path, lightship: Callable[..., Told[str]], tmp_path: Path
) -> None:
    """A runbook that names a broken check stays in force; the finding is unknown and names the package."""
    points = {CHECKS: {"batches": "acme_raises:X"}, REMEDIATIONS: {"pause-training": "acme_raises:X"}}
    install(site, name="acme", version="2", points=points, acme_raises="raise RuntimeError('no licence')")
    shutil.copytree(EXAMPLE / "runbooks", tmp_path / "runbooks")
    shutil.copy(EXAMPLE / "lightship.yaml", tmp_path)
    (tmp_path / "runbooks" / "rehearsals" / "too-many-batches.yaml").unlink()
    path = tmp_path / "runbooks" / "rehearsals" / "training-in-the-way.yaml"
    head = path.read_text(encoding="utf-8").partition("people:")[0]
    expected = "expect:\n  severity: P2\n  messages:\n    - 'the package acme 2 does not work: it cannot be"
    path.write_text(f"{head}{expected} imported: RuntimeError: no licence'\n", encoding="utf-8")
    played = lightship("rehearse", "--config", str(tmp_path / "lightship.yaml"))
    assert "all as they should." in played.stdout, played.stdout + played.stderr


def test_the_words_that_nothing_may_take_are_those_of_the_commands() -> None:
    """Every word behind a slash command is a check, an action, or among the words that are taken."""
    from bot.checks.registry import CHECKS as KNOWN  # noqa: PLC0415 - beside the group of that name
    from bot.domain.actions import ACTIONS  # noqa: PLC0415 - as above

    known = {*KNOWN, *(action.value for action in ACTIONS)}
    assert {*BUILT, *ALIASES} - known - {"?"} == TAKEN_WORDS
