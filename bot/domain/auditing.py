"""The audit: a chain of entries, each bound to the one before by a hash, and by an HMAC where there is a key.

The store appends an entry in the transaction of the change itself; `lightship audit verify` reads them back
through `Verifying`. Pure: what an entry says is a text that is hashed as it stands.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.actors import ActorKind
from bot.domain.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BEFORE_ALL: Final = "0" * 64
"""What stands in the first entry as the hash of the entry before it."""

SHORT: Final = 12
"""Digits of a hash that messages show; fewer prove nothing."""

_ALWAYS: Final = frozenset(
    {kind for kind in EventKind if kind.value.startswith(("remediation_", "approval_", "actions_", "audit_"))}
    | {EventKind.PRESS_REFUSED, EventKind.SILENCED, EventKind.SILENCE_LIFTED}
)
_BY_PEOPLE: Final = frozenset({EventKind.ACKNOWLEDGED, EventKind.RESOLVED})


AUDITED: Final = frozenset(_ALWAYS | _BY_PEOPLE)
"""The kinds of which some or all events belong into the audit."""


def is_audited(kind: EventKind, by: ActorKind) -> bool:
    """Whether an event belongs into the audit: all about acting, and what people did to an incident."""
    return kind in _ALWAYS or (kind in _BY_PEOPLE and by is ActorKind.USER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The newest entry: its number, 0 where there is none, and its hash."""

    number: int = 0
    hash: str = BEFORE_ALL

    def __str__(self) -> str:
        """`57:9f86d081884c…`, whole."""
        return f"{self.number}:{self.hash}"

    @property
    def short(self) -> str:
        """`57:9f86d081884c`, as messages show it and `--head` takes it."""
        return f"{self.number}:{self.hash[:SHORT]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One link of the chain. `mac` is empty where no key was set when it was written."""

    number: int
    event_id: str
    body: str
    previous: str
    hash: str
    mac: str = ""


def entry_hash(*, number: int, event_id: str, body: str, previous: str, signed: bool) -> str:
    """SHA-256 over all that an entry says and the hash of the one before it, as 64 hexadecimal digits.

    That it is `signed` is part of it, so that a signature cannot just be taken off.
    """
    # The lengths tell where each text ends, so that no two entries make the same one.
    text = f"{number}\n{len(previous)}\n{previous}\n{len(event_id)}\n{event_id}\n{signed}\n{body}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def entry_mac(key: bytes, entry: str) -> str:
    """HMAC-SHA256 over an entry's hash."""
    # One call of OpenSSL: a long audit has as many of them as entries.
    return hmac.digest(key, f"lightship-audit\n{entry}".encode("utf-8", "replace"), "sha256").hex()


def follow(head: Head, events: Iterable[tuple[str, str]], *, key: bytes = b"") -> tuple[Entry, ...]:
    """The entries for events (id and text) behind a head."""
    entries: list[Entry] = []
    number, previous = head.number, head.hash
    for event_id, body in events:
        number += 1
        made = entry_hash(number=number, event_id=event_id, body=body, previous=previous, signed=bool(key))
        mac = entry_mac(key, made) if key else ""
        entries.append(
            Entry(number=number, event_id=event_id, body=body, previous=previous, hash=made, mac=mac)
        )
        previous = made
    return tuple(entries)


class AuditFaultKind(StrEnum):
    """What is wrong with a chain."""

    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    ALTERED = "altered"
    NOT_LINKED = "not_linked"
    NOT_SIGNED = "not_signed"
    WRONGLY_SIGNED = "wrongly_signed"
    CUT_OFF = "cut_off"
    HEAD_DIFFERS = "head_differs"
    EVENT_ALTERED = "event_altered"
    EVENT_MISSING = "event_missing"
    EVENT_ADDED = "event_added"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFault:
    """One thing that is wrong, at which entry, in a sentence."""

    kind: AuditFaultKind
    number: int
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What reading the whole chain came to. `unproven` says in sentences what it could not tell."""

    head: Head
    entries: int
    faults: tuple[AuditFault, ...]
    unproven: tuple[str, ...]


@dataclass(slots=True)
class Verifying:
    """Reads a chain entry by entry, in the order of their numbers; `conclude` compares it with its head.

    `keys` are those that entries may be signed with. `known` is a head that was seen elsewhere: a message, a
    log line, a metric; its hash may be the first twelve digits or more.
    """

    keys: Sequence[bytes] = ()
    known: Head | None = None
    _last: Head = Head()
    _entries: int = 0
    _unsigned: int = 0
    _signed_from: int = 0
    _met_known: bool = False
    _faults: list[AuditFault] = field(default_factory=list)

    def read(self, entry: Entry) -> None:
        """Take the next entry."""
        self._entries += 1
        self._place(entry)
        made = entry_hash(
            number=entry.number,
            event_id=entry.event_id,
            body=entry.body,
            previous=entry.previous,
            signed=bool(entry.mac),
        )
        if made != entry.hash:
            self._add(AuditFaultKind.ALTERED, entry.number, "was altered: its hash does not fit what it says")
        self._signature(entry)
        if self.known is not None and entry.number == self.known.number:
            self._met_known = True
            if not entry.hash.startswith(self.known.hash):
                words = f"is not the one of the head given: its hash begins with {entry.hash[:SHORT]}"
                self._add(AuditFaultKind.HEAD_DIFFERS, entry.number, words)
        self._last = Head(number=entry.number, hash=entry.hash)

    def event_differs(self, entry: Entry, found: str | None) -> None:
        """The event of an entry is gone from the record (None), or says something else."""
        if found is None:
            words = "has no event in the record any more: the timeline of its incident lacks it"
            self._add(AuditFaultKind.EVENT_MISSING, entry.number, words)
        elif found != entry.body:
            words = "says something else than its event in the record: the event was altered"
            self._add(AuditFaultKind.EVENT_ALTERED, entry.number, words)

    def event_added(self, event_id: str) -> None:
        """An event that must be in the audit is in the record alone."""
        words = f"event {event_id[:60]} is in no entry: an older Lightship or another hand added it"
        self._faults.append(AuditFault(kind=AuditFaultKind.EVENT_ADDED, number=0, sentence=words))

    def conclude(self, head: Head) -> Proof:
        """Compare with the head that the store keeps, once every entry was read."""
        last = self._last
        if head.number > last.number:
            words = f"to {head.number} are gone: the tail was cut off"
            self._add(AuditFaultKind.CUT_OFF, last.number + 1, words)
        elif head != last:
            words = f"is not the head that the store keeps, {head.short}"
            self._add(AuditFaultKind.HEAD_DIFFERS, last.number, words)
        known = self.known
        if known is not None and known.number and not self._met_known and known.number > last.number:
            words = f"to {known.number} are gone: the head given is beyond the end of the chain"
            self._add(AuditFaultKind.CUT_OFF, last.number + 1, words)
        return Proof(
            head=head, entries=self._entries, faults=tuple(self._faults), unproven=tuple(self._unproven())
        )

    def _place(self, entry: Entry) -> None:
        expected = self._last.number + 1
        if entry.number > expected:
            words = "is gone" if entry.number == expected + 1 else f"to {entry.number - 1} are gone"
            self._add(AuditFaultKind.MISSING, expected, words)
        elif entry.number < expected:
            self._add(AuditFaultKind.OUT_OF_ORDER, entry.number, "stands where it does not belong")
        elif entry.previous != self._last.hash:
            words = "does not follow the one before it: one of the two was replaced"
            self._add(AuditFaultKind.NOT_LINKED, entry.number, words)

    def _signature(self, entry: Entry) -> None:
        if not entry.mac:
            if self._signed_from:
                words = f"carries no HMAC, and entries from {self._signed_from} on do"
                self._add(AuditFaultKind.NOT_SIGNED, entry.number, words)
            self._unsigned += 1
            return
        self._signed_from = self._signed_from or entry.number
        if not self.keys:
            return
        written = entry.mac.encode("utf-8", "replace")
        for key in self.keys:
            if hmac.compare_digest(entry_mac(key, entry.hash).encode(), written):
                return
        words = "carries an HMAC that no key given has made"
        self._add(AuditFaultKind.WRONGLY_SIGNED, entry.number, words)

    def _unproven(self) -> Iterable[str]:
        last, known = self._last.number, self.known
        covered = known.number if known is not None and self._met_known else 0
        if last == 0:
            yield "The audit is empty, as an emptied one would be; --head with a head seen earlier tells."
            return
        if not self.keys and covered < last:
            since = f"entries {covered + 1} to {last}" if covered else "all entries"
            yield (
                f"Without LIGHTSHIP_AUDIT_KEY: whether somebody who can write the database made {since} "
                "anew, with new hashes."
            )
        if self.keys and self._unsigned > covered and self._signed_from != 1:
            until = self._signed_from - 1 if self._signed_from else last
            yield (
                f"Entries {covered + 1} to {until} were written without a key: whether somebody who can "
                "write the database made them anew."
            )
        if known is None:
            yield (
                f"Without --head: whether newer entries than {last} were cut off together with the head. "
                "Compare with the head in the newest approval message, log line or metric."
            )
        elif covered < last:
            yield (
                f"The head given is {last - covered} entries old: whether newer ones than {last} were "
                "cut off."
            )

    def _add(self, kind: AuditFaultKind, number: int, words: str) -> None:
        many = " are gone" in words
        sentence = f"{'entries' if many else 'entry'} {number} {words}"
        self._faults.append(AuditFault(kind=kind, number=number, sentence=sentence))
