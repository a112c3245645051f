"""A small real Bolt app, the kind that the stand-in must carry: a command, buttons, a modal, an event."""

from typing import Any

from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

Json = dict[str, Any]


def plain(text: str) -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def scale_modal(ts: str) -> Json:
    """The modal that asks for a number of replicas."""
    return {
        "type": "modal",
        "callback_id": "scale",
        "private_metadata": ts,
        "title": plain("Scale churn-api"),
        "submit": plain("Request"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": "replicas",
                "label": plain("Replicas"),
                "hint": plain("Now 3, at most 10."),
                "element": {"type": "number_input", "action_id": "value", "is_decimal_allowed": False},
            },
            {
                "type": "input",
                "block_id": "reason",
                "label": plain("Reason"),
                "optional": True,
                "element": {"type": "plain_text_input", "action_id": "value", "multiline": True},
            },
        ],
    }


def incident_blocks() -> list[Json]:
    """An incident as it is posted, with buttons."""
    buttons = [
        ("acknowledge", "Acknowledge", "primary", None),
        ("request_remediation", "Scale…", None, None),
        (
            "resolve",
            "Resolve",
            "danger",
            {
                "title": plain("Resolve it?"),
                "text": plain("The alert still fires."),
                "confirm": plain("Resolve"),
                "deny": plain("Keep open"),
                "style": "danger",
            },
        ),
    ]
    elements = []
    for action_id, text, style, confirm in buttons:
        element: Json = {"type": "button", "action_id": action_id, "text": plain(text), "value": "7"}
        element |= {"style": style} if style else {}
        element |= {"confirm": confirm} if confirm else {}
        elements.append(element)
    return [
        {"type": "header", "text": plain(":rotating_light: P1 · High prediction latency")},
        {
            "type": "section",
            "block_id": "facts",
            "text": {
                "type": "mrkdwn",
                "text": "*p99 is 2.1 s*, above `1 s` since <!date^1700000000^{time}|22:13>",
            },
            "fields": [
                {"type": "mrkdwn", "text": "*Service*\nchurn"},
                {"type": "mrkdwn", "text": "*State*\nfiring"},
            ],
        },
        {"type": "actions", "block_id": "buttons", "elements": elements},
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": "Runbook: high latency · <!subteam^S0ONCALL>"}],
        },
    ]


def bolt_app(client: AsyncWebClient, secret: str) -> AsyncApp:
    """The app: /churn answers, Scale… opens a modal, its submission is told in the thread."""
    app = AsyncApp(client=client, signing_secret=secret, process_before_response=False)

    async def command(ack: Any, respond: Any, command: Json) -> None:
        await ack()
        await respond(f"you asked: {command['text']}")

    async def request(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=scale_modal(body["message"]["ts"]))

    async def submitted(ack: Any, body: Json, view: Json, client: AsyncWebClient) -> None:
        replicas = int(view["state"]["values"]["replicas"]["value"]["value"])
        if replicas > 10:
            await ack(response_action="errors", errors={"replicas": "At most 10."})
            return
        await ack()
        text = f"<@{body['user']['id']}> asks for {replicas} replicas"
        await client.chat_postMessage(channel="C0CHURN", thread_ts=view["private_metadata"], text=text)

    async def acknowledged(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        blocks = [
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": f"acknowledged by <@{body['user']['id']}>"},
            }
        ]
        await respond(text="acknowledged", blocks=blocks, replace_original=True)

    async def resolved(ack: Any, respond: Any) -> None:
        await ack()
        await respond(delete_original=True)

    async def mentioned(event: Json, say: Any) -> None:
        await say(text=f"hello <@{event['user']}>", thread_ts=event["ts"])

    app.command("/churn")(command)
    app.action("request_remediation")(request)
    app.action("acknowledge")(acknowledged)
    app.action("resolve")(resolved)
    app.view("scale")(submitted)
    app.event("app_mention")(mentioned)
    return app


def web_application(app: AsyncApp) -> web.Application:
    """The app behind POST /slack/events."""
    return app.web_app(path="/slack/events")
