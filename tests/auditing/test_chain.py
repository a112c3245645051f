"""The chain by itself: whatever single thing is changed in it, reading it finds that."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.auditing import (
    AuditFaultKind,
    Entry,
    Head,
    Proof,
    Verifying,
    entry_hash,
    follow,
)

KEY, OTHER = b"a key", b"another key"
TEXTS = st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20)), min_size=1, max_size=8)


def chain(texts: list[tuple[str, str]], *, key: bytes = b"") -> tuple[list[Entry], Head]:
    """Entries for texts, and their head."""
    entries = list(follow(Head(), texts, key=key))
    return entries, Head(number=entries[-1].number, hash=entries[-1].hash)


def read(
    entries: list[Entry], head: Head, *, keys: tuple[bytes, ...] = (), known: Head | None = None
) -> Proof:
    """What verifying them comes to."""
    reading = Verifying(keys=keys, known=known)
    for entry in entries:
        reading.read(entry)
    return reading.conclude(head)


def kinds(proof: Proof) -> set[AuditFaultKind]:
    """What is wrong, in short."""
    return {fault.kind for fault in proof.faults}


@given(TEXTS, st.sampled_from([b"", KEY]))
def test_an_untouched_chain_has_no_fault(texts: list[tuple[str, str]], key: bytes) -> None:
    """Whatever the entries say, and with or without a key."""
    entries, head = chain(texts, key=key)
    proof = read(entries, head, keys=(key,) if key else (), known=head)
    assert proof.faults == () == proof.unproven
    assert proof.entries == len(texts)


@given(TEXTS, st.data(), st.sampled_from([b"", KEY]))
def test_any_single_tampering_is_found(texts: list[tuple[str, str]], data: st.DataObject, key: bytes) -> None:
    """One field changed, one entry removed, doubled, moved or put in: no such chain passes."""
    entries, head = chain(texts, key=key)
    at = data.draw(st.integers(0, len(entries) - 1))
    one, way = entries[at], data.draw(st.sampled_from(["edit", "remove", "double", "swap", "insert"]))
    if way == "edit":
        changed = data.draw(
            st.sampled_from(["body", "event_id", "previous", "hash", "number", *(["mac"] if key else [])])
        )
        was = getattr(one, changed)
        values = st.integers(0, 99) if changed == "number" else st.text(max_size=70)
        new = data.draw(values.filter(lambda drawn: drawn != was))
        entries[at] = replace(one, **{changed: new})  # type: ignore[arg-type]  # drawn to fit the field
    elif way == "remove":
        del entries[at]
    elif way == "double":
        entries.insert(at, one)
    elif way == "swap":
        to = data.draw(st.integers(0, len(entries) - 1).filter(lambda other: other != at or len(texts) == 1))
        if to == at:
            return
        entries[at], entries[to] = entries[to], entries[at]
    else:
        body = data.draw(st.text(max_size=20))
        made = entry_hash(number=one.number, event_id="x", body=body, previous=one.previous, signed=bool(key))
        entries.insert(at, replace(one, event_id="x", body=body, hash=made))
    proof = read(entries, head, keys=(key,) if key else ())
    assert proof.faults, way


@given(TEXTS, st.data())
def test_a_rewritten_chain_is_found_by_the_key_or_by_a_head(
    texts: list[tuple[str, str]], data: st.DataObject
) -> None:
    """Somebody changes one entry and makes all hashes anew: the chain alone cannot tell, and says so."""
    _, honest = chain(texts, key=KEY)
    at = data.draw(st.integers(0, len(texts) - 1))
    forged = list(texts)
    forged[at] = (texts[at][0], texts[at][1] + "!")
    entries, head = chain(forged)
    alone = read(entries, head)
    assert not alone.faults
    assert any("LIGHTSHIP_AUDIT_KEY" in sentence for sentence in alone.unproven)
    assert kinds(read(entries, head, known=honest)) == {AuditFaultKind.HEAD_DIFFERS}
    signed, head = chain(forged, key=OTHER)
    assert AuditFaultKind.WRONGLY_SIGNED in kinds(read(signed, head, keys=(KEY,)))


@given(TEXTS, st.data())
def test_a_cut_off_tail_is_found_by_the_head_row_or_by_a_head_seen_elsewhere(
    texts: list[tuple[str, str]], data: st.DataObject
) -> None:
    """Where the head row was cut as well, only a head from a message tells; without one, that is said."""
    entries, head = chain(texts, key=KEY)
    left = data.draw(st.integers(0, len(entries) - 1))
    cut = entries[:left]
    assert AuditFaultKind.CUT_OFF in kinds(read(cut, head, keys=(KEY,)))
    lowered = Head(number=left, hash=cut[-1].hash) if cut else Head()
    alone = read(cut, lowered, keys=(KEY,))
    assert not alone.faults
    assert any("--head" in sentence for sentence in alone.unproven)
    assert kinds(read(cut, lowered, keys=(KEY,), known=head)) == {AuditFaultKind.CUT_OFF}


def test_signatures_taken_off_are_missed() -> None:
    """Once entries are signed, one that is not stands out, with the key and without."""
    entries, head = chain([("a", "1"), ("b", "2"), ("c", "3")], key=KEY)
    entries[2] = replace(entries[2], mac="")
    wrong = {AuditFaultKind.NOT_SIGNED, AuditFaultKind.ALTERED}
    assert kinds(read(entries, head)) == kinds(read(entries, head, keys=(KEY,))) == wrong


def test_entries_from_before_the_key_are_told_as_not_proven() -> None:
    """A key that was set later signs what came later, and covers no more than that."""
    first = list(follow(Head(), [("a", "1"), ("b", "2")]))
    later = list(follow(Head(number=2, hash=first[-1].hash), [("c", "3")], key=KEY))
    head = Head(number=3, hash=later[-1].hash)
    proof = read([*first, *later], head, keys=(KEY,), known=Head(number=1, hash=first[0].hash))
    assert not proof.faults
    assert [sentence.split(":")[0] for sentence in proof.unproven] == [
        "Entries 2 to 2 were written without a key",
        "The head given is 2 entries old",
    ]


def test_an_earlier_key_still_verifies_what_it_signed() -> None:
    """Keys change: the first one signs, the others are known."""
    first = list(follow(Head(), [("a", "1")], key=OTHER))
    later = list(follow(Head(number=1, hash=first[-1].hash), [("b", "2")], key=KEY))
    head = Head(number=2, hash=later[-1].hash)
    assert not read([*first, *later], head, keys=(KEY, OTHER)).faults
    assert kinds(read([*first, *later], head, keys=(KEY,))) == {AuditFaultKind.WRONGLY_SIGNED}
