"""Reading the whole audit to find what was changed in it; `lightship audit verify` and the bench call it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from bot.domain.auditing import Verifying

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.domain.auditing import Entry, Head, Proof
    from bot.ports.stores import Store, Transaction

_AT_ONCE: Final = 5_000
_ADDED_TOLD: Final = 20


async def verify_audit(
    store: Store,
    *,
    keys: Sequence[bytes] = (),
    known: Head | None = None,
    progress: Callable[[int], None] = lambda _entries: None,
) -> Proof:
    """Read every entry beside its event. A writer may go on meanwhile: the head is read first and last.

    Raises Temporary or Permanent where the store cannot be read.
    """
    reading = Verifying(keys=keys, known=known)
    done = 0
    while True:
        async with store.transaction() as tx:
            head = await tx.audit.head()
            found = await tx.audit.entries(after=done, limit=_AT_ONCE)
            for entry, recorded in found:
                reading.read(entry)
                if recorded != entry.body and (recorded is not None or await _is_wanted(tx, entry)):
                    reading.event_differs(entry, recorded)
            if len(found) < _AT_ONCE:
                for event_id in await tx.audit.unchained(limit=_ADDED_TOLD):
                    reading.event_added(event_id)
                return reading.conclude(head)
        done = found[-1][0].number
        progress(done)


async def _is_wanted(tx: Transaction, entry: Entry) -> bool:
    """Whether the record should still have this entry's event: it goes when its incident does."""
    try:
        number = json.loads(entry.body).get("incident_id")
    except (ValueError, AttributeError):
        return True
    return not isinstance(number, int) or await tx.incidents.peek(number) is not None
