"""Ids: what they are made of, and in which order they lie."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from bot.adapters.clock import OrderedIds


def test_ids_lie_in_the_order_of_their_milliseconds() -> None:
    """A later id is greater, whatever is random in it."""
    times = iter(range(0, 2_000 * 1_000_000, 1_000_000))
    ids = OrderedIds(time_ns=lambda: 1_790_000_000_000_000_000 + next(times))
    made = [ids.new() for _ in range(2_000)]
    assert made == sorted(made)


def test_ids_of_one_moment_are_uuids_of_version_7_and_differ() -> None:
    """The time, and beside version and variant seventy-four random bits."""
    at = 1_790_000_000_123
    ids = OrderedIds(time_ns=lambda: at * 1_000_000)
    made = [UUID(ids.new()) for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert {(one.version, one.variant, one.int >> 80) for one in made} == {(7, RFC_4122, at)}
    assert all(bit for bit in _seen(made))


def _seen(made: list[UUID]) -> list[bool]:
    """Of each bit that is random, whether it was ever 0 and ever 1."""
    random = [bit for bit in range(76) if bit not in (62, 63)]
    random = [bit for bit in random if bit < 62 or bit >= 64]
    return [len({one.int >> bit & 1 for one in made}) == 2 for bit in random]
