"""Slack's external upload against the stand-in: content first, shared into the thread once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.console.faults import Fault
from bot.domain.errors import Ambiguous, NotFound, Permanent, Temporary
from bot.ports.notifier import RenderedMessage

if TYPE_CHECKING:
    from bot.adapters.slack import SlackNotifier
    from bot.console import SlackStandIn

CHANNEL = "C0CHURN"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


async def uploaded(notifier: SlackNotifier) -> str:
    """A picture that Slack has and nobody sees."""
    return await notifier.upload(name="metrics.png", content=PNG, alt_text="Latency is high.")


async def test_a_picture_is_shared_into_a_thread(notifier: SlackNotifier, slack: SlackStandIn) -> None:
    """The bytes, the alt text and the title arrive; the message is in the thread."""
    parent = await notifier.post(
        channel=CHANNEL, thread=None, message=RenderedMessage(text="incident"), metadata={"message_id": "1"}
    )
    file_id = await uploaded(notifier)
    assert not await notifier.is_shared(file_id=file_id, channel=CHANNEL)
    await notifier.share(file_id=file_id, channel=CHANNEL, thread=parent, title="Metrics", text="Latency")
    assert await notifier.is_shared(file_id=file_id, channel=CHANNEL)
    file = slack.workspace.files[file_id]
    assert (file.content, file.alt_text, file.title) == (PNG, "Latency is high.", "Metrics")
    reply = slack.workspace.replies(CHANNEL, parent)[1]
    assert reply.files == (file_id,)


@pytest.mark.parametrize("applied", [True, False])
async def test_a_lost_answer_to_the_sharing_is_ambiguous(
    notifier: SlackNotifier, slack: SlackStandIn, *, applied: bool
) -> None:
    """And asking Slack afterwards tells which of the two it was."""
    file_id = await uploaded(notifier)
    slack.faults.add(Fault.drop("files.completeUploadExternal", applied=applied))
    with pytest.raises(Ambiguous):
        await notifier.share(file_id=file_id, channel=CHANNEL, thread=None, title="t", text="x")
    assert await notifier.is_shared(file_id=file_id, channel=CHANNEL) is applied


async def test_the_bytes_may_be_sent_again(notifier: SlackNotifier, slack: SlackStandIn) -> None:
    """An upload that breaks is temporary, never ambiguous."""
    slack.faults.add(Fault.drop("upload", applied=True))
    with pytest.raises(Temporary) as raised:
        await uploaded(notifier)
    assert not isinstance(raised.value, Ambiguous)


async def test_a_file_that_slack_does_not_have_is_not_found(notifier: SlackNotifier) -> None:
    """To ask about it and to share it both say so."""
    with pytest.raises(NotFound):
        await notifier.is_shared(file_id="F0NOBODY", channel=CHANNEL)
    with pytest.raises(NotFound):
        await notifier.share(file_id="F0NOBODY", channel=CHANNEL, thread=None, title="t", text="x")


async def test_a_channel_without_the_bot_is_permanent(notifier: SlackNotifier) -> None:
    """As for a post."""
    file_id = await uploaded(notifier)
    with pytest.raises(Permanent):
        await notifier.share(file_id=file_id, channel="C0NOWHERE", thread=None, title="t", text="x")
