"""The page in a real browser: a person's way through an incident, by keyboard and pointer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import SlackStandIn
from tests.console.app_under_test import bolt_app, incident_blocks, web_application
from tests.console.browser import Tab, chromium
from tests.console.conftest import SECRET, Serving

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
async def incident(slack: SlackStandIn, client: AsyncWebClient, serve: Serving) -> str:
    """A real app with one incident posted; gives its ts."""
    base = await serve(web_application(bolt_app(client, SECRET)))
    slack.delivery.events_url = f"{base}/slack/events"
    answer = await client.chat_postMessage(channel="C0CHURN", text="P1", blocks=incident_blocks())
    return str(answer["ts"])


@pytest.fixture
async def tab(slack: SlackStandIn, incident: str) -> AsyncIterator[Tab]:
    """Alice's page; a script error or a breach of the policy fails the test at its end."""
    async with chromium() as found:
        await found.goto(f"{slack.base_url}/?user=U0ALICE#C0CHURN")
        await found.until(f"document.querySelector('[data-ts=\"{incident}\"]')")
        yield found
        assert found.complaints == []


async def test_a_command_is_completed_and_answered(tab: Tab) -> None:
    """Typing, arrow, Enter to complete, Enter to send; the answer is marked as hers alone."""
    await tab.click("#composer-main textarea")
    await tab.write("/churn s")
    await tab.until("document.querySelectorAll('#composer-main .suggestion').length === 2")
    await tab.key("Enter")
    assert await tab.run("document.querySelector('#composer-main textarea').value") == "/churn status"
    await tab.key("Enter")
    said = "[...document.querySelectorAll('.whisper')].map(m => m.textContent).join()"
    await tab.until(f"{said}.includes('you asked: status')")
    assert "Only visible to you" in await tab.run(said)


async def test_a_modal_is_refused_corrected_and_told_in_the_thread(tab: Tab) -> None:
    """The fault stands at its field with the focus on it; what was typed is kept."""
    await tab.click('[data-action="request_remediation"]')
    await tab.until("document.querySelector('dialog[open]')")
    await tab.write("99")
    await tab.key("Enter")
    await tab.until("document.querySelector('dialog .fault[role=alert]')?.textContent === 'At most 10.'")
    assert await tab.run("document.activeElement.value") == "99"
    await tab.run("document.activeElement.select()")
    await tab.write("6")
    await tab.key("Enter")
    await tab.until("!document.querySelector('dialog[open]')")
    await tab.click(".replies")
    await tab.until("document.getElementById('replies').textContent.includes('asks for 6 replicas')")


async def test_a_dangerous_button_asks_first(tab: Tab, slack: SlackStandIn, incident: str) -> None:
    """Denying does nothing, confirming deletes the message."""
    await tab.click('[data-action="resolve"]')
    await tab.key("Escape")
    await tab.until("!document.querySelector('dialog[open]')")
    assert ("C0CHURN", incident) in slack.workspace.messages
    await tab.click('[data-action="resolve"]')
    await tab.click('dialog [data-confirm="yes"]')
    await tab.until(f"!document.querySelector('[data-ts=\"{incident}\"]')")


async def test_another_user_acts_after_the_switch(tab: Tab, slack: SlackStandIn, incident: str) -> None:
    """What Bob presses is Bob's."""
    await tab.run(
        "(s => { s.value = 'U0BOB'; s.dispatchEvent(new Event('change')); })(document.getElementById('user'))"
    )
    await tab.until("document.documentElement.dataset.user === 'U0BOB'")
    await tab.click('[data-action="acknowledge"]')
    await slack.recording.until(lambda: slack.workspace.messages["C0CHURN", incident].text == "acknowledged")
    await tab.until("document.getElementById('messages').textContent.includes('acknowledged by @Bob Tanaka')")


async def test_text_from_messages_stays_text(tab: Tab, client: AsyncWebClient) -> None:
    """Markup and script addresses in every kind of text are shown and not run."""
    nasty = "<img src=x onerror=alert(1)> <javascript:alert(1)|click> [x](javascript:alert(1))"
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": nasty}},
        {"type": "header", "text": {"type": "plain_text", "text": nasty}},
        {"type": "markdown", "text": nasty},
    ]
    ts = (await client.chat_postMessage(channel="C0CHURN", text=nasty, blocks=blocks))["ts"]
    await tab.until(f"document.querySelector('[data-ts=\"{ts}\"]')")
    found = f"document.querySelector('[data-ts=\"{ts}\"]')"
    assert await tab.run(f"{found}.querySelectorAll('.body img, .body script').length") == 0
    assert (
        await tab.run(f"[...{found}.querySelectorAll('a')].filter(a => a.protocol === 'javascript:').length")
        == 0
    )
    assert "onerror=alert(1)" in await tab.run(f"{found}.textContent")


async def test_unread_channels_are_marked_and_mentions_counted(tab: Tab, slack: SlackStandIn) -> None:
    """A message elsewhere makes its channel bold, one that names the user's group counts."""
    slack.workspace.post("C0OPS", user="U0BOB", text="<!subteam^S0ONCALL> look")
    await tab.until("document.querySelector('.entry.unread .count')?.textContent === '1'")
    await tab.click('.entry[href="#C0OPS"]')
    await tab.until("!document.querySelector('.entry.unread')")
