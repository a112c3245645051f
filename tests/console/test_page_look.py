"""How the page looks and whom it serves: light, dark, phone, keyboard, screen readers, what the bot knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import RateLimits, SlackStandIn, demo_workspace
from bot.console.demo import demo_commands
from tests.console.app_under_test import bolt_app, incident_blocks, web_application
from tests.console.conftest import SECRET, Serving
from tests.console.looking import assert_looks_as, chromium_page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp
    from playwright.async_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

DESK: Final[Any] = {"viewport": {"width": 1280, "height": 800}, "timezone_id": "UTC", "locale": "en-US"}
PHONE: Final[Any] = {**DESK, "viewport": {"width": 390, "height": 844}, "has_touch": True}
KNOWN: Final[dict[str, Any]] = {
    "audit_head": "57:9f86d081884c",
    "incidents": [
        {
            "id": 7,
            "title": "HighAPILatency",
            "state": "acknowledged",
            "severity": "P2",
            "revision": 5,
            "firing": 1,
            "runbook": "HighAPILatency",
            "findings": [
                {"check": "pods", "verdict": "ok", "summary": "3 of 3 pods ready"},
                {"check": "metrics", "verdict": "fail", "summary": "P95 latency 1.7 s is above 1 s"},
                {"check": "connectivity", "verdict": "unknown", "summary": "could not look"},
            ],
            "causes": [
                {
                    "title": "More traffic than the replicas can take",
                    "likelihood": "likely",
                    "score": 0.75,
                    "evidence": [
                        {"judgement": "for", "weight": 3, "words": "Requests are 3 times yesterday's"},
                        {"judgement": "against", "weight": 2, "words": "no autoscaler is at its maximum"},
                        {"judgement": "cannot_judge", "weight": 1, "words": ""},
                    ],
                }
            ],
            "approvals": [
                {"state": "granted", "plan": "scale shop-api, replicas 3 → 6", "digest": "0a1b2c3d"}
            ],
            "audit": [{"number": 56, "kind": "approval_granted", "by": "U0BOB"}],
        }
    ],
}


async def known() -> dict[str, Any]:
    """What a bot would tell of itself."""
    return KNOWN


@pytest.fixture
async def address(serve: Serving, session: aiohttp.ClientSession) -> AsyncIterator[str]:
    """The page's address for Alice: one incident with a reply."""
    stand_in = SlackStandIn(
        demo_workspace(),
        signing_secret=SECRET,
        commands=demo_commands(),
        rates=RateLimits(enabled=False),
    )
    async with stand_in as slack:
        slack.knowing = known
        client = AsyncWebClient(
            token=slack.workspace.app.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
        )
        base = await serve(web_application(bolt_app(client, SECRET)))
        slack.delivery.events_url = f"{base}/slack/events"
        posted = await client.chat_postMessage(channel="C0CHURN", text="P1", blocks=incident_blocks())
        text = "✅ Alice has it. `pods`: 3 of 3 ready."
        await client.chat_postMessage(channel="C0CHURN", text=text, thread_ts=str(posted["ts"]))
        yield f"{slack.base_url}/?user=U0ALICE#C0CHURN"


async def opened(page: Page, address: str) -> None:
    """The page with its incident."""
    await page.goto(address)
    await page.wait_for_selector('[data-action="acknowledge"]')
    await page.evaluate("document.fonts.ready")


async def assert_for_everybody(page: Page) -> None:
    """axe-core finds no violation of what it can tell: names, roles, contrast, order, landmarks."""
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_channel_looks_as_it_should_in_light_and_dark(address: str, scheme: Any) -> None:
    """The incident with its buttons; nothing in it keeps anybody out."""
    async with chromium_page(**DESK, color_scheme=scheme) as page:
        await opened(page, address)
        await assert_for_everybody(page)
        await assert_looks_as(page, f"channel-{scheme}")


async def test_thread_and_modal_look_as_they_should(address: str) -> None:
    """The thread beside the channel, then the form over both."""
    async with chromium_page(**DESK, color_scheme="light") as page:
        await opened(page, address)
        await page.click(".replies")
        await page.wait_for_selector("#thread:not([hidden]) .message")
        await assert_for_everybody(page)
        await assert_looks_as(page, "thread")
        await page.click('[data-action="request_remediation"]')
        await page.wait_for_selector("dialog[open]")
        await assert_for_everybody(page)
        await assert_looks_as(page, "modal")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_panel_shows_what_the_bot_knows(address: str, scheme: Any) -> None:
    """State, causes with their evidence, findings, approvals and audit; opened and closed by keyboard."""
    async with chromium_page(**DESK, color_scheme=scheme) as page:
        await opened(page, address)
        await page.focus("#knowledge-open")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#known .incident")
        shown = await page.inner_text("#known")
        for words in ("P2 · acknowledged", "Requests are 3 times", "not judged", "replicas 3 → 6", "57:9f86"):
            assert words in shown
        await assert_for_everybody(page)
        await assert_looks_as(page, f"knowledge-{scheme}")
        await page.focus("#knowledge-close")
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "knowledge-open"
        assert await page.is_hidden("#knowledge")


async def test_it_fits_a_phone(address: str) -> None:
    """Nothing is wider than the screen; channels, thread and panel come over the messages, and go."""
    async with chromium_page(**PHONE, color_scheme="light") as page:
        await opened(page, address)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await assert_for_everybody(page)
        await assert_looks_as(page, "phone")
        await page.click("#menu")
        await page.wait_for_selector("#sidebar .entry", state="visible")
        await assert_for_everybody(page)
        await page.click("#menu")
        await page.click("#knowledge-open")
        await page.wait_for_selector("#known .incident")
        await assert_for_everybody(page)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_first_tab_leads_past_everything(address: str) -> None:
    """Who cannot see the page gets to the composer with one key and Enter."""
    async with chromium_page(**DESK) as page:
        await opened(page, address)
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the composer"
