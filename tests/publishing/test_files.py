"""However the chat fails, a file is in its thread once, and its content is kept no longer than needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.adapters.database.files import MOST_PICTURES
from bot.domain.errors import Ambiguous, LightshipError, NotFound, Permanent, Temporary
from bot.domain.files import Attachment
from bot.domain.messages import MessageKind
from bot.engines.attaching import MOST_ATTEMPTS, Attaching, attach
from bot.engines.delivering import Outcome
from bot.engines.noting import show
from bot.testing import SequentialIds
from tests.making import make_incident
from tests.pictures.samples import latency

if TYPE_CHECKING:
    from bot.domain.files import StoredFile
    from bot.domain.incidents import Incident
    from bot.domain.pictures import Picture
    from tests.publishing.conftest import Stage

IDS = SequentialIds("file")


class Pen:
    """A drawer that writes the picture's title, or fails as told."""

    def __init__(self, *errors: LightshipError) -> None:
        self.errors = list(errors)

    async def draw(self, picture: Picture) -> bytes:
        """Not quite PNG."""
        if self.errors:
            raise self.errors.pop(0)
        return picture.title.encode()


async def opened(stage: Stage, *attachments: Attachment) -> Incident:
    """An incident whose message is shown, with these attached to it."""
    async with stage.store.transaction() as tx:
        incident = await tx.incidents.save(make_incident())
        await show(tx, IDS, incident)
    await stage.steps(seconds=1)
    async with stage.store.transaction() as tx:
        for attachment in attachments:
            await attach(tx, IDS, incident, attachment)
    return incident


async def kept(stage: Stage) -> StoredFile | None:
    """The only file that is or was on its way."""
    async with stage.store.transaction() as tx:
        (message,) = [one for one in await tx.messages.undelivered() if one.kind is MessageKind.FILE]
        return await tx.files.get(message.subject)


LOGS = Attachment(name="logs.txt", title="Logs of churn-api", text="ValueError: no such column")
GRAPH = Attachment(name="metrics.png", title="Metrics", alt_text="Latency is high.", picture=latency())


async def test_a_text_goes_into_the_thread(stage: Stage) -> None:
    """With its name, title and content; afterwards the store has the content no more."""
    await opened(stage, LOGS)
    waiting = await kept(stage)
    assert waiting is not None
    await stage.steps(seconds=2)
    (shared,) = stage.chat.shared
    (parent,) = stage.chat.shown
    assert (shared.thread, shared.title) == (parent, "Logs of churn-api")
    file = stage.chat.files[shared.file_id]
    assert (file.name, file.content) == ("logs.txt", b"ValueError: no such column")
    assert await stage.undelivered() == []
    async with stage.store.transaction() as tx:
        after = await tx.files.get(waiting.id)
    assert after is not None
    assert after.content is None


async def test_a_picture_is_shown_once_it_is_drawn(stage: Stage) -> None:
    """Nothing is due in the thread before; then it comes with its text for those who cannot see it."""
    await opened(stage, GRAPH)
    assert await stage.steps(seconds=2) == []
    attaching = Attaching(store=stage.store, ids=IDS, drawer=Pen())
    assert await attaching.draw_due() == 1
    assert await attaching.draw_due() == 0
    await stage.steps(seconds=2)
    (shared,) = stage.chat.shared
    file = stage.chat.files[shared.file_id]
    assert (shared.text, file.alt_text) == ("Latency is high.", "Latency is high.")
    assert file.content == b"churn: P95 latency"


async def test_the_newest_pictures_stay_for_the_review(stage: Stage) -> None:
    """Once the thread has them the newest are kept, older ones and texts are not; one on its way is left."""
    graphs = [replace(GRAPH, title=f"graph {number}") for number in range(MOST_PICTURES + 2)]
    incident = await opened(stage, LOGS, *graphs)
    attaching = Attaching(store=stage.store, ids=IDS, drawer=Pen())
    while await attaching.draw_due():
        pass
    await stage.steps(seconds=len(graphs) + 3)
    assert len(stage.chat.shared) == len(graphs) + 1
    async with stage.store.transaction() as tx:
        pictures = await tx.files.pictures_of(incident.id)
    assert [one.title for one in pictures] == [one.title for one in graphs[2:]]
    assert {one.content for one in pictures} == {b"churn: P95 latency"}


async def test_a_picture_that_is_finished_twice_is_kept(stage: Stage) -> None:
    """As after a claim that was lost: who comes second finds it shown and takes nothing away."""
    incident = await opened(stage, GRAPH)
    await Attaching(store=stage.store, ids=IDS, drawer=Pen()).draw_due()
    file = await kept(stage)
    assert file is not None
    await stage.steps(seconds=2)
    async with stage.store.transaction() as tx:
        await tx.messages.touch(MessageKind.FILE, file.id)
    assert await stage.steps(seconds=2) == [Outcome.SHOWN]
    assert len(stage.chat.shared) == 1
    async with stage.store.transaction() as tx:
        assert [one.content for one in await tx.files.pictures_of(incident.id)] == [b"churn: P95 latency"]


async def test_files_wait_for_all_that_says_what_is_wrong(stage: Stage) -> None:
    """An opening of the least severity goes before a file that was due earlier."""
    await opened(stage, LOGS)
    await stage.clock.advance(seconds=5)
    await stage.put("later", urgency=5)
    await stage.steps(seconds=1)
    assert stage.texts()[-1] == "later"
    assert stage.chat.shared == []
    await stage.steps(seconds=2)
    assert len(stage.chat.shared) == 1


async def test_what_a_picture_says_is_data(stage: Stage) -> None:
    """A metric's title that calls the channel, or hides a link, arrives as the signs it is made of."""
    await opened(stage, replace(GRAPH, alt_text="<!channel> is <https://evil|fine>"))
    await Attaching(store=stage.store, ids=IDS, drawer=Pen()).draw_due()
    await stage.steps(seconds=2)
    (shared,) = stage.chat.shared
    assert shared.text == "&lt;!channel&gt; is &lt;https://evil|fine&gt;"


@pytest.mark.parametrize("taken", [True, False])
async def test_a_lost_answer_leads_to_one_file(stage: Stage, *, taken: bool) -> None:
    """Whether or not the chat shared it when the answer was lost, the thread has it once in the end."""
    await opened(stage, LOGS)
    stage.chat.fail("share", Ambiguous("connection lost"), after=taken)
    await stage.steps(seconds=10)
    assert len(stage.chat.shared) == 1
    assert await stage.undelivered() == []


async def test_an_upload_that_fails_is_made_again(stage: Stage) -> None:
    """The bytes alone show nothing, so they are simply sent again."""
    await opened(stage, LOGS)
    stage.chat.fail("upload", Temporary("503"), after=True)
    await stage.steps(seconds=10)
    assert len(stage.chat.shared) == 1


async def test_an_upload_that_the_chat_forgot_is_made_anew(stage: Stage) -> None:
    """An unshared file expires in the chat; then its content is sent once more."""
    await opened(stage, LOGS)
    stage.chat.fail("share", Temporary("rate limit", delay=30.0))
    await stage.steps(seconds=2)
    stage.chat.files.clear()
    await stage.steps(seconds=60)
    assert len(stage.chat.shared) == 1


async def test_a_drawing_that_fails_is_tried_again_and_then_given_up(stage: Stage) -> None:
    """What may pass is tried a few times; a picture that cannot be drawn never holds anything up."""
    await opened(stage, GRAPH)
    attaching = Attaching(store=stage.store, ids=IDS, drawer=Pen(*[Temporary("slow")] * (MOST_ATTEMPTS + 5)))
    tried = 0
    for _ in range(50):
        tried += await attaching.draw_due()
        await stage.clock.advance(seconds=60)
    assert tried == MOST_ATTEMPTS
    await opened(stage)
    assert stage.chat.shared == []


async def test_a_picture_that_cannot_be_drawn_is_left_out(stage: Stage) -> None:
    """It is tried once."""
    await opened(stage, GRAPH)
    attaching = Attaching(store=stage.store, ids=IDS, drawer=Pen(Permanent("not a picture")))
    assert await attaching.draw_due() == 1
    await stage.clock.advance(seconds=3600)
    assert await attaching.draw_due() == 0


async def test_two_replicas_draw_a_picture_once(stage: Stage) -> None:
    """While one draws, the other is given nothing; a late drawing does not put a second file."""
    await opened(stage, GRAPH)
    one, two = (Attaching(store=stage.store, ids=IDS, drawer=Pen()) for _ in range(2))
    assert [await one.draw_due(), await two.draw_due()] == [1, 0]
    await stage.steps(seconds=3)
    assert len(stage.chat.shared) == 1


async def test_a_file_whose_thread_is_gone_comes_with_the_new_one(stage: Stage) -> None:
    """Somebody deleted the incident's message: it is posted anew, and the file goes into its thread."""
    await opened(stage, LOGS)
    stage.chat.shown.clear()
    await stage.steps(seconds=30)
    (shared,) = stage.chat.shared
    assert shared.thread in stage.chat.shown


async def test_without_its_row_a_file_stays_visible_as_undelivered(stage: Stage) -> None:
    """A defect of the store is a reason, not a silence."""
    stage.chat.fail("share", NotFound("never reached"))
    await stage.put("nobody", kind=MessageKind.FILE)
    await stage.steps(seconds=2)
    (message,) = await stage.undelivered()
    assert "not in the store" in message.last_error
