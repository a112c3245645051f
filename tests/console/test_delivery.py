"""Commands, actions, modals and events brought to a real Bolt app over HTTP, signed as Slack signs."""

import json
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import Message, SlackStandIn, signed_request
from tests.console.app_under_test import bolt_app, incident_blocks, scale_modal, web_application
from tests.console.conftest import SECRET, HandClock, Listener, Serving


@pytest.fixture
async def app(slack: SlackStandIn, client: AsyncWebClient, serve: Serving) -> None:
    """A real Bolt app that the stand-in delivers to."""
    base = await serve(web_application(bolt_app(client, SECRET)))
    slack.delivery.events_url = f"{base}/slack/events"


@pytest.fixture
async def incident(client: AsyncWebClient, slack: SlackStandIn) -> Message:
    """A message with buttons."""
    ts = (await client.chat_postMessage(channel="C0CHURN", text="P1", blocks=incident_blocks()))["ts"]
    return slack.workspace.messages["C0CHURN", ts]


@pytest.mark.usefixtures("app")
async def test_a_command_is_acknowledged_and_answered_through_its_response_url(slack: SlackStandIn) -> None:
    """The answer is for the asker only."""
    ack = await slack.people.command("U0BOB", "C0CHURN", "/churn", "status")
    assert (ack.ok, ack.status) == (True, 200)
    message = await slack.recording.until(lambda: slack.workspace.history("C0CHURN", viewer="U0BOB"))
    assert (message[0].text, message[0].only_for) == ("you asked: status", "U0BOB")


@pytest.mark.usefixtures("app")
async def test_a_button_opens_a_modal_whose_submission_is_told_in_the_thread(
    slack: SlackStandIn, incident: Message
) -> None:
    """Press, views.open by the trigger id, submit, reply."""
    assert (await slack.people.press("U0BOB", "C0CHURN", incident.ts, "request_remediation")).ok
    (view,) = await slack.recording.until(lambda: slack.workspace.views.of_user("U0BOB"))
    assert view.body["private_metadata"] == incident.ts
    assert (await slack.people.submit("U0BOB", view.id, {"replicas": {"value": "6"}})).ok
    assert slack.workspace.views.of_user("U0BOB") == []
    replies = await slack.recording.until(lambda: slack.workspace.replies("C0CHURN", incident.ts)[1:])
    assert replies[0].text == "<@U0BOB> asks for 6 replicas"


@pytest.mark.usefixtures("app")
async def test_refused_input_keeps_the_modal_open(slack: SlackStandIn, incident: Message) -> None:
    """response_action errors comes back to the form; an empty required field never reaches the app."""
    await slack.people.press("U0BOB", "C0CHURN", incident.ts, "request_remediation")
    (view,) = await slack.recording.until(lambda: slack.workspace.views.of_user("U0BOB"))
    ack = await slack.people.submit("U0BOB", view.id, {"replicas": {"value": "99"}})
    assert ack.body == {"response_action": "errors", "errors": {"replicas": "At most 10."}}
    empty = await slack.people.submit("U0BOB", view.id)
    assert empty.body["errors"] == {"replicas": "Please complete this required field."}
    assert slack.workspace.views.of_user("U0BOB") == [view]


@pytest.mark.usefixtures("app")
async def test_a_press_can_replace_and_delete_its_message(slack: SlackStandIn, incident: Message) -> None:
    """replace_original and delete_original act on the message that was pressed."""
    await slack.people.press("U0ALICE", "C0CHURN", incident.ts, "acknowledge")
    place = ("C0CHURN", incident.ts)
    await slack.recording.until(lambda: slack.workspace.messages[place].text == "acknowledged")
    slack.workspace.edit(*place, blocks=incident_blocks())
    await slack.people.press("U0ALICE", "C0CHURN", incident.ts, "resolve")
    await slack.recording.until(lambda: place not in slack.workspace.messages)


@pytest.mark.usefixtures("app")
async def test_a_mention_reaches_the_app_as_an_event(slack: SlackStandIn) -> None:
    """A name that a person types becomes an id, and the app answers in the thread."""
    message = await slack.people.say("U0CAROL", "C0CHURN", "@lightship <hi> & @alice")
    assert message.text == "<@U0BOT> &lt;hi&gt; &amp; <@U0ALICE>"
    reply = await slack.recording.until(lambda: slack.workspace.replies("C0CHURN", message.ts)[1:])
    assert reply[0].text == "hello <@U0CAROL>"


@pytest.mark.usefixtures("app")
async def test_bolt_refuses_a_wrong_signature_and_a_stale_one(
    slack: SlackStandIn, session: aiohttp.ClientSession, clock: HandClock
) -> None:
    """The signature is the real one: another secret or an old timestamp answers 401."""
    assert slack.delivery.events_url is not None
    statuses = []
    for secret, now in ((SECRET, clock.now), ("wrong", clock.now), (SECRET, clock.now - 600)):
        made = signed_request(
            {"type": "url_verification", "challenge": "abc"},
            kind="events_api",
            signing_secret=secret,
            now=now,
        )
        async with session.post(slack.delivery.events_url, data=made.body, headers=made.headers) as response:
            statuses.append(response.status)
    assert statuses == [200, 401, 401]


async def test_a_command_carries_the_fields_that_slack_sends(slack: SlackStandIn, listener: Listener) -> None:
    """Form-encoded, signed, with ids and a response URL; names arrive escaped."""
    await slack.people.command("U0BOB", "C0CHURN", "/churn", "ack for @alice in #ops")
    headers, body = listener.requests[0]
    assert SignatureVerifier(SECRET).is_valid_request(body, headers)
    fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    assert set(fields) == {
        *("token", "team_id", "team_domain", "channel_id", "channel_name", "user_id", "user_name", "command"),
        *("text", "api_app_id", "is_enterprise_install", "response_url", "trigger_id"),
    }
    assert fields["text"] == "ack for <@U0ALICE|alice> in <#C0OPS|ops>"
    assert (fields["command"], fields["channel_id"], fields["is_enterprise_install"]) == (
        "/churn",
        "C0CHURN",
        "false",
    )


async def test_a_press_carries_container_message_action_and_state(
    slack: SlackStandIn, client: AsyncWebClient, listener: Listener
) -> None:
    """The payload names the message, the action with its block, and what the selects hold."""
    option = {"text": {"type": "plain_text", "text": "HPA"}, "value": "hpa"}
    select = {"type": "static_select", "action_id": "pick", "options": [option]}
    button = {"type": "button", "action_id": "go", "value": "7", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "block_id": "row", "elements": [select, button]}]
    ts = (await client.chat_postMessage(channel="C0CHURN", text="x", blocks=blocks))["ts"]
    await slack.people.press("U0BOB", "C0CHURN", ts, "go", answers={"row": {"pick": "hpa"}})
    payload = json.loads(parse_qs(listener.requests[0][1].decode())["payload"][0])
    assert payload["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": "C0CHURN",
        "is_ephemeral": False,
    }
    assert payload["state"]["values"] == {
        "row": {"pick": {"type": "static_select", "selected_option": option}}
    }
    (action,) = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("go", "row", "7")
    assert (payload["message"]["ts"], payload["user"]["id"], payload["team"]["domain"]) == (
        ts,
        "U0BOB",
        "lightship-demo",
    )


async def test_a_press_in_an_ephemeral_message_shows_no_message(
    slack: SlackStandIn, listener: Listener
) -> None:
    """As in Slack the app gets container and response URL only; nobody else can press there."""
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = slack.workspace.post("C0CHURN", user="U0BOT", blocks=blocks, only_for="U0BOB").ts
    await slack.people.press("U0BOB", "C0CHURN", ts, "go")
    payload = json.loads(parse_qs(listener.requests[0][1].decode())["payload"][0])
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload
    with pytest.raises(KeyError):
        await slack.people.press("U0ALICE", "C0CHURN", ts, "go")


@pytest.mark.parametrize(
    ("answer", "error"),
    [(None, "operation_timeout"), (web.Response, "dispatch_failed")],
)
async def test_the_user_is_told_when_the_app_does_not_acknowledge(
    slack: SlackStandIn, listener: Listener, answer: type[web.Response] | None, error: str
) -> None:
    """Silence and an error answer each show Slack's own note to the one who asked."""
    listener.answers = [answer(status=500) if answer else None]
    ack = await slack.people.command("U0BOB", "C0CHURN", "/churn", "status")
    assert ack.error == error
    (notice,) = slack.workspace.notices
    assert (notice.only_for, notice.payload["text"]) == ("U0BOB", f'/churn failed with the error "{error}"')


async def test_a_command_can_be_answered_in_its_acknowledgement(
    slack: SlackStandIn, listener: Listener
) -> None:
    """A JSON body with in_channel is seen by everybody."""
    listener.answers = [web.json_response({"response_type": "in_channel", "text": "for all"})]
    await slack.people.command("U0BOB", "C0CHURN", "/churn")
    assert [(m.text, m.only_for) for m in slack.workspace.history("C0CHURN")] == [("for all", None)]


async def test_an_event_that_fails_comes_three_times_more(slack: SlackStandIn, listener: Listener) -> None:
    """The repetitions carry number and reason, and the same event id."""
    listener.answers = [web.Response(status=500) for _ in range(4)]
    assert not (await slack.people.event({"type": "reaction_added"})).ok
    await slack.recording.until(lambda: len(slack.delivery.sent) == 4)
    numbers = [headers.get("X-Slack-Retry-Num") for headers, _ in listener.requests]
    assert numbers == [None, "1", "2", "3"]
    assert listener.requests[1][0]["X-Slack-Retry-Reason"] == "http_error"
    assert len({json.loads(body)["event_id"] for _, body in listener.requests}) == 1


async def test_an_app_can_ask_for_no_repetition(slack: SlackStandIn, listener: Listener) -> None:
    """X-Slack-No-Retry ends it at once."""
    listener.answers = [web.Response(status=500, headers={"X-Slack-No-Retry": "1"})]
    ack = await slack.people.event({"type": "reaction_added"})
    assert (ack.ok, ack.wants_retry, len(slack.delivery._retries)) == (False, False, 0)


async def test_a_home_tab_is_published_and_its_buttons_reach_the_app(
    slack: SlackStandIn, client: AsyncWebClient, listener: Listener
) -> None:
    """The payload's container is the view, and the view is each user's own."""
    await client.views_publish(user_id="U0BOB", view={"type": "home", "blocks": incident_blocks()})
    home = slack.workspace.views.homes["U0BOB"]
    await slack.people.press_in_view("U0BOB", home, "acknowledge")
    payload = json.loads(parse_qs(listener.requests[0][1].decode())["payload"][0])
    assert (payload["container"], payload["view"]["type"]) == ({"type": "view", "view_id": home}, "home")
    with pytest.raises(KeyError):
        await slack.people.press_in_view("U0ALICE", home, "acknowledge")


async def test_an_app_that_asked_hears_of_a_closed_modal(
    slack: SlackStandIn, client: AsyncWebClient, listener: Listener
) -> None:
    """view_closed comes with notify_on_close only."""
    for notify in (False, True):
        await slack.people.command("U0BOB", "C0CHURN", "/churn")
        trigger = parse_qs(listener.requests[-1][1].decode())["trigger_id"][0]
        await client.views_open(trigger_id=trigger, view=scale_modal("1") | {"notify_on_close": notify})
        await slack.people.close("U0BOB", is_cleared=True)
    payload = json.loads(parse_qs(listener.requests[-1][1].decode())["payload"][0])
    assert (payload["type"], payload["is_cleared"], len(listener.requests)) == ("view_closed", True, 3)
