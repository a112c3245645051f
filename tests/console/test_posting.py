"""Messages through Slack's own client: posting, updating, deleting, reading back."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import App, Channel, SlackStandIn, User, demo_workspace

SECTION = {"type": "section", "block_id": "body", "text": {"type": "mrkdwn", "text": "p99 is *2.1 s*"}}


async def test_a_posted_message_is_there_with_its_blocks_and_author(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """chat.postMessage stores text, blocks and metadata under the ts that it answers."""
    metadata = {"event_type": "incident", "event_payload": {"id": "7"}}
    answer = await client.chat_postMessage(
        channel="C0CHURN", text="High latency", blocks=[SECTION], metadata=metadata, unfurl_links=False
    )
    message = slack.workspace.messages["C0CHURN", answer["ts"]]
    assert (message.text, message.blocks[0]["block_id"], message.metadata) == (
        "High latency",
        "body",
        metadata,
    )
    assert message.user == slack.workspace.app.bot_user_id


async def test_a_call_is_recorded_with_parsed_arguments_and_without_its_token(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """The recording shows blocks as structures and never the token."""
    await client.chat_postMessage(channel="C0CHURN", text="hello", blocks=[SECTION])
    (call,) = slack.recording.of("chat.postMessage")
    assert call.arguments["blocks"] == [SECTION]
    assert (call.outcome, call.applied, "token" in call.arguments) == ("ok", True, False)


async def test_arguments_are_taken_from_query_form_and_json(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """The same post works by GET with a query, by a form, and by JSON."""
    session = client.session
    assert session is not None
    url, token = f"{slack.api_url}chat.postMessage", slack.workspace.app.bot_token
    asked = {"channel": "C0CHURN", "text": "hello"}
    async with session.get(url, params={**asked, "token": token}) as response:
        assert (await response.json())["ok"]
    async with session.post(url, data={**asked, "token": token}) as response:
        assert (await response.json())["ok"]
    async with session.post(url, json=asked, headers={"Authorization": f"Bearer {token}"}) as response:
        assert (await response.json())["ok"]
    assert [m.text for m in slack.workspace.history("C0CHURN")] == ["hello"] * 3


async def test_text_without_blocks_removes_the_blocks(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """chat.update with text alone leaves a message without blocks, but keeps its metadata."""
    metadata = {"event_type": "incident", "event_payload": {}}
    ts = (await client.chat_postMessage(channel="C0CHURN", text="a", blocks=[SECTION], metadata=metadata))[
        "ts"
    ]
    await client.chat_update(channel="C0CHURN", ts=ts, text="b")
    message = slack.workspace.messages["C0CHURN", ts]
    assert (message.text, message.blocks, message.metadata) == ("b", (), metadata)
    assert message.edited_ts is not None


async def test_a_reply_is_in_the_thread_and_not_in_the_history(client: AsyncWebClient) -> None:
    """conversations.replies has parent and reply; the history has the parent with its reply count."""
    parent = (await client.chat_postMessage(channel="C0CHURN", text="parent"))["ts"]
    await client.chat_postMessage(channel="C0CHURN", text="reply", thread_ts=parent)
    history = (await client.conversations_history(channel="C0CHURN"))["messages"]
    replies = (await client.conversations_replies(channel="C0CHURN", ts=parent))["messages"]
    assert [(m["text"], m["reply_count"]) for m in history] == [("parent", 1)]
    assert [m["text"] for m in replies] == ["parent", "reply"]


async def test_metadata_is_shown_only_when_asked_for(client: AsyncWebClient) -> None:
    """A history without include_all_metadata hides what a look-up after an ambiguous answer needs."""
    metadata = {"event_type": "incident", "event_payload": {"id": "7"}}
    await client.chat_postMessage(channel="C0CHURN", text="x", metadata=metadata)
    plain = await client.conversations_history(channel="C0CHURN")
    full = await client.conversations_history(channel="C0CHURN", include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == metadata


async def test_a_long_history_comes_in_pages_newest_first(client: AsyncWebClient) -> None:
    """Following next_cursor gives every message once."""
    for number in range(5):
        await client.chat_postMessage(channel="C0CHURN", text=str(number))
    seen: list[str] = []
    async for page in await client.conversations_history(channel="C0CHURN", limit=2):
        seen += [m["text"] for m in page["messages"]]
    assert seen == ["4", "3", "2", "1", "0"]


async def test_an_ephemeral_message_is_for_one_user_and_out_of_reach(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """It is in nobody else's history, and the app cannot update it."""
    ts = (await client.chat_postEphemeral(channel="C0CHURN", user="U0BOB", text="psst"))["message_ts"]
    assert [m.text for m in slack.workspace.history("C0CHURN", viewer="U0BOB")] == ["psst"]
    assert slack.workspace.history("C0CHURN", viewer="U0ALICE") == []
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel="C0CHURN", ts=ts, text="x")


async def test_marks_and_permalinks(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """A reaction and a pin stick to the message once, and the permalink names it."""
    ts = (await client.chat_postMessage(channel="C0CHURN", text="x"))["ts"]
    await client.reactions_add(channel="C0CHURN", timestamp=ts, name="eyes")
    await client.pins_add(channel="C0CHURN", timestamp=ts)
    with pytest.raises(SlackApiError, match="already_reacted"):
        await client.reactions_add(channel="C0CHURN", timestamp=ts, name="eyes")
    with pytest.raises(SlackApiError, match="already_pinned"):
        await client.pins_add(channel="C0CHURN", timestamp=ts)
    link = (await client.chat_getPermalink(channel="C0CHURN", message_ts=ts))["permalink"]
    assert link == f"{slack.base_url}/archives/C0CHURN/p{ts.replace('.', '')}"


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "C0NONE", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C0SECRET", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C0LOBBY", "text": "x"}, "not_in_channel"),
        ("chat.postMessage", {"channel": "C0OLD", "text": "x"}, "is_archived"),
        ("chat.postMessage", {"channel": "C0CHURN"}, "no_text"),
        ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
        ("chat.postMessage", {"channel": "C0CHURN", "text": "x", "thread_ts": "7"}, "invalid_thread_ts"),
        ("chat.postMessage", {"channel": "C0CHURN", "blocks": "[{"}, "invalid_blocks_format"),
        (
            "chat.postMessage",
            {"channel": "C0CHURN", "text": "x", "metadata": "{}x"},
            "invalid_metadata_format",
        ),
        ("chat.update", {"channel": "C0CHURN", "ts": "1.000000", "text": "x"}, "message_not_found"),
        ("chat.delete", {"channel": "C0CHURN", "ts": "1.000000"}, "message_not_found"),
        ("chat.postEphemeral", {"channel": "C0OPS", "user": "U0GUEST", "text": "x"}, "user_not_in_channel"),
        ("conversations.history", {"channel": "C0LOBBY"}, "not_in_channel"),
        ("conversations.replies", {"channel": "C0CHURN", "ts": "1.000000"}, "thread_not_found"),
        ("conversations.history", {"channel": "C0CHURN", "cursor": "odd"}, "invalid_cursor"),
        ("conversations.history", {"channel": "C0CHURN", "limit": "1000"}, "invalid_limit"),
        ("users.info", {"user": "U0NONE"}, "user_not_found"),
        ("usergroups.users.list", {"usergroup": "S0NONE"}, "no_such_subteam"),
        ("views.open", {"trigger_id": "1.2.3", "view": "{}"}, "invalid_arguments"),
        ("chat.shout", {}, "unknown_method"),
    ],
)
async def test_a_wrong_call_gets_slacks_own_error(
    slack: SlackStandIn, client: AsyncWebClient, method: str, arguments: dict[str, str], error: str
) -> None:
    """Each mistake has the code that Slack gives it."""
    slack.workspace.put_channel(Channel(id="C0SECRET", name="secret", is_private=True))
    slack.workspace.put_channel(Channel(id="C0LOBBY", name="lobby"))
    slack.workspace.put_channel(
        Channel(id="C0OLD", name="old", members=frozenset({"U0BOT"}), is_archived=True)
    )
    with pytest.raises(SlackApiError) as refused:
        await client.api_call(method, params=arguments)
    assert refused.value.response["error"] == error


async def test_somebody_elses_message_can_be_neither_altered_nor_deleted(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """An app edits its own messages only."""
    ts = slack.workspace.post("C0CHURN", user="U0BOB", text="mine").ts
    with pytest.raises(SlackApiError, match="cant_update_message"):
        await client.chat_update(channel="C0CHURN", ts=ts, text="x")
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        await client.chat_delete(channel="C0CHURN", ts=ts)


async def test_people_groups_and_strangers_are_told_apart(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """users.info marks guests and users of another team; a group lists its members."""
    slack.workspace.users["U0ELSE"] = User(id="U0ELSE", name="else", team_id="T0OTHER")
    guest = (await client.users_info(user="U0GUEST"))["user"]
    stranger = (await client.users_info(user="U0ELSE"))["user"]
    assert (guest["is_restricted"], "is_stranger" in guest) == (True, False)
    assert (stranger["team_id"], stranger["is_stranger"]) == ("T0OTHER", True)
    assert (await client.usergroups_users_list(usergroup="S0ONCALL"))["users"] == ["U0ALICE", "U0BOB"]
    assert (await client.usergroups_list())["usergroups"][0]["handle"] == "oncall"
    assert len((await client.users_list())["members"]) == 6


async def test_the_token_decides(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """No token, a wrong one, and the app's in place of the bot's are refused, each with its code."""
    for token, error in (
        ("", "not_authed"),
        ("xoxb-wrong", "invalid_auth"),
        (slack.workspace.app.app_token, "not_allowed_token_type"),
    ):
        other = AsyncWebClient(token=token, base_url=slack.api_url, session=client.session, retry_handlers=[])
        with pytest.raises(SlackApiError) as refused:
            await other.auth_test()
        assert refused.value.response["error"] == error
    assert (await client.auth_test())["bot_id"] == slack.workspace.app.bot_id


async def test_conversations_can_be_listed_joined_and_opened(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """A public channel can be joined, and a direct one is the same each time."""
    slack.workspace.put_channel(Channel(id="C0LOBBY", name="lobby"))
    await client.conversations_join(channel="C0LOBBY")
    names = [c["name"] for c in (await client.conversations_list())["channels"] if c["is_member"]]
    assert names == ["churn", "ops", "lobby"]
    first = (await client.conversations_open(users="U0BOB"))["channel"]["id"]
    assert (await client.conversations_open(users=["U0BOB"]))["channel"]["id"] == first
    assert (await client.chat_postMessage(channel="U0BOB", text="hi"))["channel"] == first
    assert (await client.conversations_info(channel="C0CHURN"))["channel"]["name"] == "churn"


async def test_a_file_goes_up_in_three_steps_into_the_thread(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """files_upload_v2 leaves the file in the thread, and its bytes can be fetched with the token."""
    parent = (await client.chat_postMessage(channel="C0CHURN", text="parent"))["ts"]
    await client.files_upload_v2(
        channel="C0CHURN", thread_ts=parent, filename="p99.png", content=b"\x89PNG...", initial_comment="p99"
    )
    reply = slack.workspace.replies("C0CHURN", parent)[1]
    file = slack.workspace.files[reply.files[0]]
    assert (reply.text, file.name, file.content, file.mimetype) == (
        "p99",
        "p99.png",
        b"\x89PNG...",
        "image/png",
    )
    shown = (await client.conversations_replies(channel="C0CHURN", ts=parent))["messages"][1]["files"][0]
    session = client.session
    assert session is not None
    async with session.get(
        shown["url_private"], headers={"Authorization": f"Bearer {client.token}"}
    ) as response:
        assert await response.read() == b"\x89PNG..."


async def test_an_app_has_only_the_scopes_it_was_installed_with(session: aiohttp.ClientSession) -> None:
    """A call beyond the manifest's scopes names the scope that is missing."""
    app = App(scopes=frozenset({"chat:write"}))
    async with SlackStandIn(demo_workspace(app=app)) as slack:
        client = AsyncWebClient(
            token=app.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
        )
        await client.chat_postMessage(channel="C0CHURN", text="x")
        with pytest.raises(SlackApiError) as refused:
            await client.reactions_add(channel="C0CHURN", timestamp="1.000000", name="eyes")
    assert (refused.value.response["error"], refused.value.response["needed"]) == (
        "missing_scope",
        "reactions:write",
    )


async def test_an_image_block_needs_a_file_that_was_uploaded(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """slack_file names a finished upload or the blocks are refused."""
    upload = await client.files_upload_v2(filename="a.png", content=b"\x89PNG")
    image = {"type": "image", "alt_text": "a", "slack_file": {"id": upload["file"]["id"]}}
    await client.chat_postMessage(channel="C0CHURN", text="x", blocks=[image])
    with pytest.raises(SlackApiError, match="invalid slack file"):
        await client.chat_postMessage(
            channel="C0CHURN", text="x", blocks=[image | {"slack_file": {"id": "F0"}}]
        )
    assert len(slack.workspace.history("C0CHURN")) == 1
