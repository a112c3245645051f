"""Slack's limits: each one named, with the largest content that passes and the smallest that does not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import SlackStandIn, Surface, violations
from bot.console.limits import size_violations, view_violations

Json = dict[str, Any]


def plain(length: int) -> Json:
    """A plain text of that many characters."""
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int) -> Json:
    """A mrkdwn text of that many characters."""
    return {"type": "mrkdwn", "text": "x" * length}


def section(**more: Any) -> Json:
    """A section with a short text."""
    return {"type": "section", "text": mrkdwn(1), **more}


def button(**more: Any) -> Json:
    """A sound button."""
    return {"type": "button", "action_id": "a", "text": plain(1), **more}


def option(**more: Any) -> Json:
    """A sound option."""
    return {"text": plain(1), "value": "v", **more}


def actions(*elements: Json) -> Json:
    """An actions block."""
    return {"type": "actions", "elements": list(elements)}


def buttons(count: int) -> Json:
    """An actions block of so many buttons."""
    return actions(*(button(action_id=f"a{n}") for n in range(count)))


def choice(kind: str, count: int) -> Json:
    """An actions block with one choosing element of so many options."""
    return actions({"type": kind, "action_id": "a", "options": [option(value=str(n)) for n in range(count)]})


def confirm(**more: Any) -> Json:
    """A button with a confirm dialog."""
    dialog = {"title": plain(1), "text": plain(1), "confirm": plain(1), "deny": plain(1), **more}
    return actions(button(confirm=dialog))


def table(rows: int, cells: int, text: str = "x") -> Json:
    """A table of equal cells."""
    return {"type": "table", "rows": [[{"type": "raw_text", "text": text}] * cells] * rows}


def rich(text: str) -> Json:
    """A rich text of one leaf."""
    leaf = {"type": "text", "text": text}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [leaf]}]}


LIMITS: dict[str, tuple[list[Json], list[Json]]] = {
    "50 blocks": ([section()] * 50, [section()] * 51),
    "section text 3000": ([section(text=mrkdwn(3000))], [section(text=mrkdwn(3001))]),
    "section text not empty": ([section()], [section(text=mrkdwn(0))]),
    "section has text or fields": ([section()], [{"type": "section"}]),
    "10 fields": ([section(fields=[mrkdwn(1)] * 10)], [section(fields=[mrkdwn(1)] * 11)]),
    "field text 2000": ([section(fields=[mrkdwn(2000)])], [section(fields=[mrkdwn(2001)])]),
    "field text not empty": ([section(fields=[mrkdwn(1)])], [section(fields=[mrkdwn(0)])]),
    "header 150": ([{"type": "header", "text": plain(150)}], [{"type": "header", "text": plain(151)}]),
    "header is plain": ([{"type": "header", "text": plain(1)}], [{"type": "header", "text": mrkdwn(1)}]),
    "10 context elements": (
        [{"type": "context", "elements": [mrkdwn(1)] * 10}],
        [{"type": "context", "elements": [mrkdwn(1)] * 11}],
    ),
    "context not empty": (
        [{"type": "context", "elements": [mrkdwn(1)]}],
        [{"type": "context", "elements": []}],
    ),
    "25 action elements": ([buttons(25)], [buttons(26)]),
    "actions not empty": ([buttons(1)], [buttons(0)]),
    "button text 75": ([actions(button(text=plain(75)))], [actions(button(text=plain(76)))]),
    "button value 2000": ([actions(button(value="x" * 2000))], [actions(button(value="x" * 2001))]),
    "button url 3000": ([actions(button(url="x" * 3000))], [actions(button(url="x" * 3001))]),
    "button style": ([actions(button(style="danger"))], [actions(button(style="loud"))]),
    "confirm title 100": ([confirm(title=plain(100))], [confirm(title=plain(101))]),
    "confirm text 300": ([confirm(text=mrkdwn(300))], [confirm(text=mrkdwn(301))]),
    "confirm button 30": ([confirm(confirm=plain(30))], [confirm(confirm=plain(31))]),
    "deny button 30": ([confirm(deny=plain(30))], [confirm(deny=plain(31))]),
    "100 options of a select": ([choice("static_select", 100)], [choice("static_select", 101)]),
    "a select has options": ([choice("static_select", 1)], [choice("static_select", 0)]),
    "5 options of an overflow": ([choice("overflow", 5)], [choice("overflow", 6)]),
    "10 radio buttons": ([choice("radio_buttons", 10)], [choice("radio_buttons", 11)]),
    "10 checkboxes": ([choice("checkboxes", 10)], [choice("checkboxes", 11)]),
    "option text 75": (
        [actions({"type": "static_select", "action_id": "a", "options": [option(text=plain(75))]})],
        [actions({"type": "static_select", "action_id": "a", "options": [option(text=plain(76))]})],
    ),
    "option value 150": (
        [actions({"type": "static_select", "action_id": "a", "options": [option(value="x" * 150)]})],
        [actions({"type": "static_select", "action_id": "a", "options": [option(value="x" * 151)]})],
    ),
    "initial option is an option": (
        [actions({"type": "static_select", "options": [option()], "initial_option": option()})],
        [actions({"type": "static_select", "options": [option()], "initial_option": option(value="w")})],
    ),
    "markdown 12000": (
        [{"type": "markdown", "text": "x" * 12_000}],
        [{"type": "markdown", "text": "x" * 12_001}],
    ),
    "markdown 12000 in all": (
        [{"type": "markdown", "text": "x" * 6_000}] * 2,
        [{"type": "markdown", "text": "x" * 6_001}] * 2,
    ),
    "100 table rows": ([table(100, 1)], [table(101, 1)]),
    "20 table cells": ([table(1, 20)], [table(1, 21)]),
    "table 10000 characters": ([table(10, 10, "x" * 100)], [table(10, 10, "x" * 101)]),
    "one table a message": ([table(1, 1)], [table(1, 1), table(1, 1)]),
    "table cell not empty": ([table(1, 1)], [table(1, 1, "")]),
    "block_id 255": ([section(block_id="x" * 255)], [section(block_id="x" * 256)]),
    "block_id unique": (
        [section(block_id="a"), section(block_id="b")],
        [section(block_id="a"), section(block_id="a")],
    ),
    "action_id 255": ([actions(button(action_id="x" * 255))], [actions(button(action_id="x" * 256))]),
    "action_id unique in its block": (
        [actions(button()), actions(button())],
        [actions(button(), button())],
    ),
    "image has words": (
        [{"type": "image", "image_url": "https://x.example/a.png", "alt_text": "a"}],
        [{"type": "image", "image_url": "https://x.example/a.png", "alt_text": ""}],
    ),
    "rich text leaf not empty": ([rich("x")], [rich("")]),
    "known type": ([{"type": "divider"}], [{"type": "blink"}]),
    "accessory of a section": ([section(accessory=button())], [section(accessory={"type": "number_input"})]),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_holds_exactly(name: str) -> None:
    """What is just within passes, what is just beyond is named."""
    within, beyond = LIMITS[name]
    assert violations(within) == ()
    assert len(violations(beyond)) == 1


@pytest.mark.parametrize("name", LIMITS)
async def test_the_server_refuses_what_the_rules_refuse(
    slack: SlackStandIn, client: AsyncWebClient, name: str
) -> None:
    """chat.postMessage answers invalid_blocks with the pointer of the fault, and takes what is within."""
    within, beyond = LIMITS[name]
    await client.chat_postMessage(channel="C0CHURN", text="x", blocks=within)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C0CHURN", text="x", blocks=beyond)
    answer = refused.value.response
    (broken,) = violations(beyond)
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        f"[ERROR] {broken.fault} [json-pointer:{broken.pointer}]"
    ]
    assert len(slack.workspace.history("C0CHURN")) == 1


def modal(**more: Any) -> Json:
    """A sound modal."""
    return {"type": "modal", "title": plain(1), "blocks": [section()], **more}


INPUT = {"type": "input", "label": plain(1), "element": {"type": "plain_text_input", "action_id": "a"}}
VIEWS: dict[str, tuple[Json, Json]] = {
    "title 24": (modal(title=plain(24)), modal(title=plain(25))),
    "title": (modal(), {"type": "modal", "blocks": [section()]}),
    "submit 24": (modal(submit=plain(24)), modal(submit=plain(25))),
    "close 24": (modal(close=plain(24)), modal(close=plain(25))),
    "private_metadata 3000": (modal(private_metadata="x" * 3000), modal(private_metadata="x" * 3001)),
    "100 blocks": (modal(blocks=[section()] * 100), modal(blocks=[section()] * 101)),
    "inputs want a submit": (modal(blocks=[INPUT], submit=plain(1)), modal(blocks=[INPUT])),
    "no markdown": (modal(), modal(blocks=[{"type": "markdown", "text": "x"}])),
    "home of 100": (
        {"type": "home", "blocks": [section()] * 100},
        {"type": "home", "blocks": [section()] * 101},
    ),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_views_limit_holds_exactly(name: str) -> None:
    """Just within passes, just beyond is named."""
    within, beyond = VIEWS[name]
    assert view_violations(within) == ()
    assert len(view_violations(beyond)) == 1


def test_the_surface_decides_how_many_blocks_there_may_be() -> None:
    """A modal and a Home tab take 100 blocks, a message 50."""
    assert violations([section()] * 100, Surface.MODAL) == violations([section()] * 100, Surface.HOME) == ()
    assert violations([section()] * 51, Surface.MESSAGE)[0].fault == "no more than 50 items allowed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KINDS = st.sampled_from(["section", "actions", "context", "table", "rich_text", "input", "header", "image"])
KEYS = st.sampled_from(
    ["text", "elements", "fields", "accessory", "element", "rows", "label", "block_id", "options"]
)


@given(kind=KINDS, rest=st.dictionaries(KEYS, JSON, max_size=4))
def test_no_shape_of_a_block_breaks_the_rules_themselves(kind: str, rest: Json) -> None:
    """Whatever a block holds, the answer is a list of violations and never an exception."""
    violations([{**rest, "type": kind}])


@pytest.mark.parametrize(("length", "error"), [(13_200, None), (13_201, "msg_blocks_too_long")])
async def test_the_blocks_of_a_message_have_a_size_together(
    client: AsyncWebClient, length: int, error: str | None
) -> None:
    """13,200 characters with their keys, however they are spread; a post and an edit are refused alike."""
    empty = len(json.dumps(section(text=mrkdwn(0)), separators=(",", ":")))
    sizes = [3_000 + empty] * 4
    sizes.append(length - sum(sizes))
    blocks = [section(text=mrkdwn(size - empty)) for size in sizes]
    assert violations(blocks) == ()
    ts = (await client.chat_postMessage(channel="C0CHURN", text="x"))["ts"]
    for method, place in (("chat.postMessage", {}), ("chat.update", {"ts": ts})):
        call = client.api_call(method, json={"channel": "C0CHURN", "text": "x", "blocks": blocks, **place})
        if error is None:
            await call
        else:
            with pytest.raises(SlackApiError, match=error):
                await call


def test_a_table_counts_with_its_texts_alone() -> None:
    """A full table of ten thousand characters leaves room for a few blocks beside it."""
    rows = [[{"type": "raw_text", "text": "x" * 5} for _ in range(20)] for _ in range(100)]
    assert size_violations([{"type": "table", "rows": rows}, section(text=mrkdwn(3_000))]) == ()
    assert size_violations([{"type": "table", "rows": rows}, *[section(text=mrkdwn(3_000))] * 2])


@pytest.mark.parametrize(("length", "error"), [(4000, None), (4001, "msg_too_long")])
async def test_an_update_takes_4000_characters(
    client: AsyncWebClient, length: int, error: str | None
) -> None:
    """chat.update refuses longer text with msg_too_long."""
    ts = (await client.chat_postMessage(channel="C0CHURN", text="x"))["ts"]
    if error is None:
        await client.chat_update(channel="C0CHURN", ts=ts, text="x" * length)
    else:
        with pytest.raises(SlackApiError, match=error):
            await client.chat_update(channel="C0CHURN", ts=ts, text="x" * length)


async def test_a_post_is_cut_above_40000_characters(client: AsyncWebClient) -> None:
    """chat.postMessage takes the text, cuts it, and warns."""
    answer = await client.chat_postMessage(channel="C0CHURN", text="x" * 40_001)
    assert len(answer["message"]["text"]) == 40_000
    assert answer["warning"] == "message_truncated"
