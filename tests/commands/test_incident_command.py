"""`lightship incident` and `lightship db` on a store of their own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bot.adapters.clock import SystemClock
from bot.cli import lightship
from bot.domain.actors import LIGHTSHIP
from bot.domain.events import EventKind
from bot.domain.files import StoredFile
from bot.engines.noting import note, show
from bot.testing import SequentialIds
from tests.making import make_incident
from tests.opening import open_store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a store that does not exist yet, which the commands are told of."""
    address = f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("LIGHTSHIP_DATABASE_URL", address)
    return address


async def _with_incident(url: str) -> int:
    async with open_store(url, clock=SystemClock()) as store, store.transaction() as tx:
        incident = await tx.incidents.save(make_incident())
        await note(tx, SequentialIds(), incident, EventKind.OPENED, actor=LIGHTSHIP)
        await show(tx, SequentialIds("message"), incident)
        return incident.id


def run(*words: str) -> tuple[int, str]:
    """The exit status and all output of a command."""
    result = CliRunner().invoke(lightship, words)
    return result.exit_code, result.output


def test_a_missing_store_is_said_and_not_made(url: str, tmp_path: Path) -> None:
    """Reading a store that is not there names the way out and leaves no empty file behind."""
    status, output = run("incident", "list")
    assert status == 1
    assert "there is no store at" in output
    assert list(tmp_path.iterdir()) == []
    assert url.endswith("store.db")


@pytest.mark.usefixtures("url")
def test_upgrade_makes_an_empty_store() -> None:
    """After `db upgrade` there are no incidents, and that is said."""
    assert run("db", "upgrade")[0] == 0
    status, output = run("incident", "list")
    assert (status, output) == (0, "No open incidents.\n")


def test_list_names_incidents_and_what_is_not_shown(url: str) -> None:
    """An open incident is listed with its severity, and its message that Slack does not show as well."""
    number = asyncio.run(_with_incident(url))
    status, output = run("incident", "list")
    assert status == 0
    assert f"#{number}" in output
    assert "1 message is not shown" in output


def test_list_and_show_take_the_formats_of_the_timeline(url: str) -> None:
    """`--format markdown` and `--format json` serve all three alike."""
    number = asyncio.run(_with_incident(url))
    assert json.loads(run("incident", "list", "--format", "json")[1])["id"] == number
    table = run("incident", "list", "--format", "markdown")[1].splitlines()
    assert table[0].startswith("| Incident | Severity | State |")
    assert table[2].startswith(f"| #{number} | ")
    assert table[2].endswith("| HighLatency |")
    words = run("incident", "show", str(number), "--format", "markdown")[1]
    assert words.startswith(f"# Incident {number}: HighLatency\n\n- Service: ")
    assert run("incident", "show", str(number), "--format", "json") == run("incident", "show", str(number))


def test_show_and_timeline_tell_the_same_incident(url: str) -> None:
    """`show` gives JSON with the alerts, `timeline` each event; an unknown number is an error."""
    number = asyncio.run(_with_incident(url))
    shown = json.loads(run("incident", "show", str(number))[1])
    assert shown["id"] == number
    assert shown["alerts"]
    told = run("incident", "timeline", str(number))[1]
    assert told.startswith(f"# Incident {number}: HighLatency\n")
    assert "🔴 Opened" in told
    assert "- Time to resolve (MTTR): it is open still" in told
    content = json.loads(run("incident", "timeline", str(number), "--format", "json")[1])
    assert [event["kind"] for event in content["events"]] == ["incident_opened"]
    assert (content["seconds_to_acknowledge"], content["id"]) == (None, number)
    assert run("incident", "show", "999") == (1, "lightship incident show: there is no incident 999\n")


def test_a_timeline_is_written_with_its_graphs(url: str, tmp_path: Path) -> None:
    """`--out` writes the Markdown and the PNG files that it links; `--embed` needs no files beside it."""
    number = asyncio.run(_with_incident(url))
    asyncio.run(_with_graph(url, number))
    folder = tmp_path / "reviews" / "1"
    status, output = run("incident", "timeline", str(number), "--out", str(folder))
    document, graph = folder / f"incident-{number}.md", folder / f"incident-{number}-graph-1.png"
    assert (status, output.splitlines()) == (0, [str(document), str(graph)])
    assert graph.read_bytes() == b"PNG"
    assert f"![Latency is high.]({graph.name})" in document.read_text(encoding="utf-8")
    assert "base64,UE5H" in run("incident", "timeline", str(number), "--embed")[1]
    graphs = json.loads(run("incident", "timeline", str(number), "--format", "json")[1])["graphs"]
    assert [one["title"] for one in graphs] == ["Latency"]


def test_a_timeline_that_cannot_be_written_is_said(url: str, tmp_path: Path) -> None:
    """A folder below a file, and options that do not go together."""
    number = asyncio.run(_with_incident(url))
    (tmp_path / "file").write_text("")
    status, output = run("incident", "timeline", str(number), "--out", str(tmp_path / "file" / "x"))
    assert status == 1
    assert "Not a directory" in output
    assert run("incident", "timeline", str(number), "--embed", "--format", "json")[0] == 2


async def _with_graph(url: str, number: int) -> None:
    graph = StoredFile(
        id="f-1",
        incident_id=number,
        name="p95.png",
        title="Latency",
        alt_text="Latency is high.",
        content=b"PNG",
    )
    async with open_store(url, clock=SystemClock()) as store, store.transaction() as tx:
        await tx.files.add(graph)


def test_show_tells_the_cause_that_people_were_told_of_last(url: str) -> None:
    """The newest of the kept rankings, in the words of the thread; nothing before there was one."""
    number = asyncio.run(_with_incident(url))
    assert "cause" not in json.loads(run("incident", "show", str(number))[1])
    asyncio.run(_with_causes(url, number, "Possibly: a release", "Found: image x does not exist"))
    assert json.loads(run("incident", "show", str(number))[1])["cause"] == "Found: image x does not exist"


async def _with_causes(url: str, number: int, *words: str) -> None:
    ids = SequentialIds("cause")
    async with open_store(url, clock=SystemClock()) as store, store.transaction() as tx:
        incident = await tx.incidents.get(number)
        assert incident is not None
        for kind, said in zip((EventKind.CAUSES_RANKED, EventKind.CAUSE_CHANGED), words, strict=True):
            await note(tx, ids, incident, kind, actor=LIGHTSHIP, detail={"words": said})
