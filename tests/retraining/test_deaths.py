"""A start that dies between looking, asking and marking: the next one goes on, and asks nobody twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

from bot.domain.approvals import DecisionWord
from bot.domain.errors import Temporary
from bot.domain.messages import MessageKind
from tests.retraining.conftest import make_loop
from tests.retraining.test_loop import DRIFT, proposed, trained

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.domain.commands import Outcome, RequestRemediation
    from tests.retraining.conftest import Loop

    Request = Callable[[RequestRemediation], Awaitable[Outcome]]


def then_dies(request: Request) -> Request:
    """Asks, and then the process is no more: nothing that would come behind it is kept."""

    async def asks_and_dies(command: RequestRemediation) -> NoReturn:
        await request(command)
        raise Temporary("the store is away")

    return asks_and_dies


async def test_a_start_that_died_between_telling_and_asking_goes_on(loop: Loop) -> None:
    """What was told is not told again, and the question is asked once."""
    approval = await proposed(loop)
    await trained(loop, approval)

    async def dies(_: object) -> NoReturn:
        raise Temporary("the store is away")

    loop.following._request = dies
    with pytest.raises(Temporary):
        await loop.following.step()
    assert await loop.bench.waiting() == []
    again = make_loop(loop.bench)
    assert await again.following.step() == 1
    assert await again.following.step() == 0
    assert len(await loop.bench.waiting()) == 1
    assert len(await loop.messages(MessageKind.NOTICE)) == 1


async def test_a_start_that_died_after_asking_does_not_ask_again(loop: Loop) -> None:
    """The request that waits is the one that people have before their eyes; it stays, and stays alone."""
    approval = await proposed(loop)
    await trained(loop, approval)
    loop.following._request = then_dies(loop.following._request)
    with pytest.raises(Temporary):
        await loop.following.step()
    before = await loop.bench.waiting()
    assert await make_loop(loop.bench).following.step() == 1
    assert await loop.bench.waiting() == before
    assert len(before) == 1


async def test_what_was_asked_and_answered_behind_a_death_is_not_asked_again(loop: Loop) -> None:
    """Another replica may look only after the no: the answer counts, although nothing else was kept."""
    await trained(loop, await proposed(loop))
    loop.following._request = then_dies(loop.following._request)
    with pytest.raises(Temporary):
        await loop.following.step()
    (promotion,) = await loop.bench.waiting()
    await loop.bench.press(loop.start, promotion, DecisionWord.DENY)
    assert await make_loop(loop.bench).following.step() == 1
    assert await loop.bench.waiting() == []


async def test_a_start_that_died_before_proposing_is_not_hours_late(loop: Loop) -> None:
    """The report counts as weighed once it was asked for, so that the next tick proposes it."""
    asks = loop.proposing._request

    async def dies(_: object) -> NoReturn:
        raise Temporary("the store is away")

    await loop.report(DRIFT)
    loop.proposing._request = dies
    with pytest.raises(Temporary):
        await loop.proposing.step()
    loop.proposing._request = asks
    assert await loop.proposing.step() == 1


async def test_a_start_that_died_behind_its_proposal_rests_as_well(loop: Loop) -> None:
    """The request itself says that it was proposed: after a no, nobody is asked again for a day."""
    await loop.report(DRIFT)
    loop.proposing._request = then_dies(loop.proposing._request)
    with pytest.raises(Temporary):
        await loop.proposing.step()
    (approval,) = await loop.bench.waiting()
    await loop.bench.press(loop.start, approval, DecisionWord.DENY)
    loop.bench.pass_time(3600)
    await loop.report(DRIFT)
    again = make_loop(loop.bench)
    assert await again.proposing.step() == 0
    loop.bench.pass_time(24 * 3600)
    await loop.report(DRIFT)
    assert await again.proposing.step() == 1
