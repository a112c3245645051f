"""Trigger ids, modals' stacks and response URLs: what an interaction hands out, and how long it serves."""

from urllib.parse import parse_qs

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.console import SlackStandIn
from tests.console.app_under_test import scale_modal
from tests.console.conftest import HandClock, Listener


async def trigger_of(slack: SlackStandIn, listener: Listener) -> tuple[str, str]:
    """The trigger id and response URL of a fresh command."""
    await slack.people.command("U0BOB", "C0CHURN", "/churn")
    fields = parse_qs(listener.requests[-1][1].decode())
    return fields["trigger_id"][0], fields["response_url"][0]


async def test_a_trigger_serves_once_and_for_three_seconds(
    slack: SlackStandIn, client: AsyncWebClient, listener: Listener, clock: HandClock
) -> None:
    """A second exchange and a late one are refused with Slack's codes."""
    trigger, _ = await trigger_of(slack, listener)
    await client.views_open(trigger_id=trigger, view=scale_modal("1"))
    late, _ = await trigger_of(slack, listener)
    clock.now += 3.5
    codes = [await code_of(client, used) for used in (trigger, late, "1.2.3")]
    assert codes == ["exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id"]


async def code_of(client: AsyncWebClient, trigger: str, *, method: str = "views.open") -> str:
    """The error code of the refused call with that trigger id."""
    with pytest.raises(SlackApiError) as refused:
        await client.api_call(method, json={"trigger_id": trigger, "view": scale_modal("1")})
    return str(refused.value.response["error"])


async def test_views_are_pushed_updated_and_stack_three_deep(
    slack: SlackStandIn, client: AsyncWebClient, listener: Listener
) -> None:
    """A fourth is refused; an update with an old hash is refused; closing goes back one."""
    opened = (
        await client.views_open(trigger_id=(await trigger_of(slack, listener))[0], view=scale_modal("1"))
    )["view"]
    for depth in (2, 3):
        await client.views_push(
            trigger_id=(await trigger_of(slack, listener))[0], view=scale_modal(str(depth))
        )
    trigger, _ = await trigger_of(slack, listener)
    assert await code_of(client, trigger, method="views.push") == "push_limit_reached"
    altered = (await client.views_update(view_id=opened["id"], hash=opened["hash"], view=scale_modal("new")))[
        "view"
    ]
    assert altered["hash"] != opened["hash"]
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=opened["id"], hash=opened["hash"], view=scale_modal("late"))
    await slack.people.close("U0BOB")
    assert [v.body["private_metadata"] for v in slack.workspace.views.of_user("U0BOB")] == ["new", "2"]


async def test_a_response_url_serves_five_times_within_half_an_hour(
    slack: SlackStandIn, listener: Listener, clock: HandClock
) -> None:
    """The sixth use and a late one answer 404; broken blocks answer 400."""
    _, url = await trigger_of(slack, listener)
    webhook = AsyncWebhookClient(url, retry_handlers=[])
    assert (await webhook.send(text="x", blocks=[{"type": "blink"}])).body == "invalid_blocks"
    answers = [(await webhook.send(text=str(n))).status_code for n in range(5)]
    assert answers == [200, 200, 200, 200, 404]
    _, late = await trigger_of(slack, listener)
    clock.now += 30 * 60 + 1
    assert (await AsyncWebhookClient(late, retry_handlers=[]).send(text="x")).status_code == 404
    assert [call.outcome for call in slack.recording.of("response_url")][-2:] == ["used_url", "expired_url"]
