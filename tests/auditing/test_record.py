"""What the store keeps of actions: every decision in the chain, in the transaction of the decision itself."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bot.cli import lightship
from bot.domain.auditing import AuditFaultKind, Head
from bot.domain.events import EventKind
from bot.domain.messages import MessageKind
from bot.engines.auditing import verify_audit
from bot.engines.noting import note, note_shown
from tests.acting import ALICE, BOB
from tests.opening import open_store
from tests.store.test_expanding import to_first

if TYPE_CHECKING:
    from pathlib import Path

    from bot.domain.auditing import Proof
    from tests.acting import Bench

KEYS = (b"a key",)


def kinds(proof: Proof) -> set[AuditFaultKind]:
    """What is wrong, in short."""
    return {fault.kind for fault in proof.faults}


async def entries(bench: Bench) -> list[dict[str, object]]:
    """What the chain says, oldest first."""
    async with bench.store.transaction() as tx:
        return [json.loads(entry.body) for entry, _ in await tx.audit.entries(after=0, limit=100)]


async def approved(bench: Bench) -> None:
    """Alice asks, the request is shown, Bob approves, and it is done."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    async with bench.store.transaction() as tx:
        message = await tx.messages.find(MessageKind.APPROVAL, approval.id)
        assert message is not None
        await note_shown(tx, message, "1700000000.000100")
        await note_shown(tx, message, "1700000000.000100")
    await bench.press(start, approval)
    await start.work()


async def test_every_decision_is_in_the_chain_with_who_and_what(bench: Bench) -> None:
    """Requested, shown by which message, approved by whom, applied: each with the plan's digest."""
    await approved(bench)
    told = await entries(bench)
    assert [one["kind"] for one in told[:4]] == [
        EventKind.REMEDIATION_REQUESTED.value,
        EventKind.APPROVAL_SHOWN.value,
        EventKind.APPROVAL_GRANTED.value,
        EventKind.REMEDIATION_APPLIED.value,
    ]
    details = [one["detail"] for one in told]
    assert all(isinstance(one, dict) for one in details)
    assert len({str(one["digest"]) for one in details if isinstance(one, dict)}) == 1
    assert [one["actor"] for one in told[:3]] == [
        {"kind": "user", "id": ALICE.id, "team": ""},
        {"kind": "bot", "id": "lightship", "team": ""},
        {"kind": "user", "id": BOB.id, "team": ""},
    ]
    assert isinstance(details[1], dict)
    assert details[1]["ts"] == "1700000000.000100"


async def test_the_chain_of_a_store_verifies_with_its_key_and_head(bench: Bench) -> None:
    """Nothing is found, and with both nothing is left unproven; another key does not fit."""
    heads: list[Head] = []
    bench.store.on_audited(heads.append)
    await approved(bench)
    proof = await verify_audit(bench.store, keys=KEYS, known=heads[-1])
    assert proof.entries == heads[-1].number == len(heads)
    assert proof.faults == () == proof.unproven
    assert kinds(await verify_audit(bench.store, keys=(b"no key",))) == {AuditFaultKind.WRONGLY_SIGNED}


async def test_a_change_that_is_rolled_back_leaves_no_entry(bench: Bench) -> None:
    """The entry and what it tells of are one transaction."""
    incident = await bench.open_incident()

    async def fail() -> None:
        async with bench.store.transaction() as tx:
            await note(tx, bench.ids, incident, EventKind.ACKNOWLEDGED, actor=ALICE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await entries(bench) == []
    async with bench.store.transaction() as tx:
        await note(tx, bench.ids, incident, EventKind.ACKNOWLEDGED, actor=ALICE)
        await note(tx, bench.ids, incident, EventKind.OPENED, actor=ALICE)
    assert [one["kind"] for one in await entries(bench)] == [EventKind.ACKNOWLEDGED.value]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE events SET body = replace(body, 'U0BOB', 'U0EVE')", AuditFaultKind.EVENT_ALTERED),
        ("DELETE FROM events WHERE kind = 'approval_granted'", AuditFaultKind.EVENT_MISSING),
        ("UPDATE audit SET body = replace(body, 'U0BOB', 'U0EVE')", AuditFaultKind.ALTERED),
        ("DELETE FROM audit WHERE number = 2", AuditFaultKind.MISSING),
        ("DELETE FROM audit WHERE number > 3", AuditFaultKind.CUT_OFF),
        ("UPDATE audit SET number = number + 100 WHERE number = 1", AuditFaultKind.MISSING),
        ("UPDATE audit SET mac = ''", AuditFaultKind.ALTERED),
        (
            "INSERT INTO events SELECT 99, 'x', 0, kind, '', NULL, body FROM events LIMIT 1",
            AuditFaultKind.EVENT_ADDED,
        ),
    ],
)
async def test_what_is_done_to_the_database_is_found(
    bench: Bench, url: str, statement: str, found: AuditFaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by its name, and the command says so with exit code 1."""
    await approved(bench)
    path = url.partition("///")[2]
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    assert found in kinds(await verify_audit(bench.store, keys=KEYS))
    monkeypatch.setenv("LIGHTSHIP_DATABASE_URL", url)
    monkeypatch.setenv("LIGHTSHIP_AUDIT_KEY", "a key")
    result = await asyncio.to_thread(CliRunner().invoke, lightship, ["audit", "verify"])
    assert result.exit_code == 1, result.output
    assert "The audit was changed" in result.output


async def test_the_command_takes_the_head_of_a_message(
    bench: Bench, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its twelve digits are enough; a head that is not of this chain, or no head at all, is said."""
    await approved(bench)
    key = tmp_path / "key"
    key.write_text("a key\n")
    monkeypatch.setenv("LIGHTSHIP_DATABASE_URL", url)
    monkeypatch.setenv("LIGHTSHIP_AUDIT_KEY_FILE", str(key))
    async with bench.store.transaction() as tx:
        head = await tx.audit.head()

    async def run(*words: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, lightship, ["audit", "verify", *words])
        return result.exit_code, result.output

    status, output = await run("--head", head.short, "--json")
    told = json.loads(output)
    assert (status, told["intact"], told["not_proven"], told["head"]) == (0, True, [], str(head))
    status, output = await run("--head", f"{head.number}:{'0' * 12}")
    assert status == 1
    assert "is not the one of the head given" in output
    assert (await run("--head", f"{head.number + 1}:{'0' * 12}"))[0] == 1
    status, output = await run()
    assert status == 0
    assert "Not proven: Without --head" in output
    assert (await run("--head", "57"))[0] == 2


async def test_an_older_store_is_taken_in_and_its_chain_says_where_it_starts(url: str) -> None:
    """Events from before the audit become its first entries, behind one that says how many they are."""
    from bot.adapters.database.engine import StoreLimits  # noqa: PLC0415 - for this test alone
    from bot.adapters.database.opening import make_database  # noqa: PLC0415 - for this test alone
    from bot.testing import FrozenClock  # noqa: PLC0415 - as above

    old = make_database(url, clock=FrozenClock(), limits=StoreLimits())
    async with old.connection() as raw:
        await raw.run_sync(to_first)
    await old.dispose()
    body = (
        '{"id":"e","at":"2026-01-01T00:00:00Z","kind":"approval_granted","service":"churn",'
        '"incident_id":null,"actor":{"kind":"user","id":"U0BOB","team":""},"detail":{}}'
    )
    connection = sqlite3.connect(url.partition("///")[2])
    insert = "INSERT INTO events (id, at, kind, service, body) VALUES (?, 0, ?, 'churn', ?)"
    connection.execute(insert, ("e", "approval_granted", body))
    by_bot = body.replace('"user"', '"bot"').replace("approval_granted", "incident_resolved")
    connection.execute(insert, ("f", "incident_resolved", by_bot.replace('"e"', '"f"')))
    connection.commit()
    connection.close()
    async with open_store(url, clock=FrozenClock(), audit_key=b"a key") as store:
        proof = await verify_audit(store, keys=KEYS)
        async with store.transaction() as tx:
            told = [json.loads(entry.body) for entry, _ in await tx.audit.entries(after=0, limit=9)]
    assert [one["kind"] for one in told] == ["audit_begun", "approval_granted"]
    assert told[0]["detail"] == {"taken_in": 1}
    assert not proof.faults
    assert proof.unproven[0].startswith("Entries 1 to 2 were written without a key")
