"""What an app answers to an interaction: through its response URL, or in the acknowledgement of a command.

`server` routes the response URLs here, `people` hands over acknowledgements.
"""

import json

from aiohttp import web

from bot.console.limits import Surface, violations
from bot.console.tickets import Hook, TicketError
from bot.console.values import Json
from bot.console.web_api.context import Context, missing_files
from bot.console.web_api.dispatch import Door
from bot.console.web_api.errors import ApiError, broken_limits


def respond(context: Context, hook: Hook, body: Json) -> None:
    """Carries out an answer: replace or delete the message that was pressed, else post; raises ApiError."""
    workspace = context.workspace
    original = workspace.messages.get((hook.channel, hook.ts or ""))
    if body.get("delete_original"):
        if original is not None:
            workspace.remove(hook.channel, original.ts)
        return
    blocks = body.get("blocks") or ()
    if isinstance(blocks, str):
        blocks = json.loads(blocks)
    broken = list(violations(blocks, Surface.MESSAGE)) or missing_files(context, blocks)
    if broken:
        raise broken_limits("invalid_blocks", broken)
    text = str(body.get("text") or "")
    attachments = tuple(body.get("attachments") or ())
    if not text and not blocks and not attachments:
        raise ApiError("no_text")
    content: Json = {"text": text, "blocks": blocks, "attachments": attachments}
    if body.get("replace_original") and original is not None:
        workspace.edit(hook.channel, original.ts, edited_ts=workspace.next_ts(), **content)
        return
    if workspace.channels[hook.channel].is_archived:
        raise ApiError("is_archived")
    whisper = body.get("response_type", "ephemeral") != "in_channel"
    thread = body.get("thread_ts") or (hook.thread_ts if whisper else None)
    workspace.post(
        hook.channel,
        user=context.bot,
        only_for=hook.user if whisper else None,
        thread_ts=thread,
        **content,
    )


async def response_url(door: Door, request: web.Request) -> web.StreamResponse:
    """One use of a response URL."""
    try:
        body = json.loads(await request.text())
    except json.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        return web.Response(status=400, text="invalid_payload")

    def run() -> tuple[str, web.Response]:
        try:
            hook = door.context.tickets.use(request.match_info["secret"])
        except TicketError as refused:
            answer = {"ok": False, "error": str(refused)}
            return str(refused), web.json_response(answer, status=404)
        try:
            respond(door.context, hook, body)
        except (ApiError, json.JSONDecodeError) as refused:
            code = refused.code if isinstance(refused, ApiError) else "invalid_blocks_format"
            return code, web.Response(status=400, text=code)
        return "ok", web.Response(text="ok")

    return await door.misbehaving(request, "response_url", body, run)
