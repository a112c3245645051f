"""files.*: an upload in three steps, as Slack wants it since files.upload is gone."""

import mimetypes
from dataclasses import replace

from bot.console.values import File, Json
from bot.console.web_api.arguments import Arguments
from bot.console.web_api.chat import thread_of
from bot.console.web_api.context import Context, Method, blocks_of, writable_channel
from bot.console.web_api.errors import ApiError

LARGEST = 64 * 1024 * 1024


def get_upload_url(context: Context, arguments: Arguments) -> Json:
    """files.getUploadURLExternal."""
    name = arguments.required("filename").replace("/", "_")
    length = arguments.number("length", default=0, most=LARGEST)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    file = File(
        id=context.workspace.new_id("F"),
        name=name,
        mimetype=kind,
        alt_text=arguments.text("alt_txt"),
        user=context.bot,
    )
    context.workspace.files[file.id] = file
    return {"upload_url": f"{context.base_url}/upload/v1/{file.id}?length={length}", "file_id": file.id}


def complete_upload(context: Context, arguments: Arguments) -> Json:
    """files.completeUploadExternal: shares the files, in a thread if one is named."""
    asked = arguments.structure("files", otherwise="invalid_arguments")
    if not isinstance(asked, list) or not asked or not all(isinstance(item, dict) for item in asked):
        raise ApiError("invalid_arguments")
    named = "channel_id" if arguments.text("channel_id") else "channels"
    channel = writable_channel(context, arguments, named) if arguments.text(named) else None
    blocks = blocks_of(context, arguments)
    files = []
    for item in asked:
        found = context.workspace.files.get(str(item.get("id")))
        if found is None or not found.content:
            raise ApiError("file_not_found")
        shared = (*found.channels, *([channel.id] if channel else []))
        files.append(replace(found, title=item.get("title") or found.name, channels=shared, is_complete=True))
    context.workspace.files |= {file.id: file for file in files}
    if channel is not None:
        context.workspace.post(
            channel.id,
            user=context.bot,
            text=arguments.text("initial_comment"),
            blocks=blocks or (),
            thread_ts=thread_of(arguments),
            files=tuple(file.id for file in files),
        )
    return {"files": [file.as_json(context.base_url) for file in files]}


def file(context: Context, arguments: Arguments) -> Json:
    """files.info."""
    found = context.workspace.files.get(arguments.required("file"))
    if found is None:
        raise ApiError("file_not_found")
    return {"file": found.as_json(context.base_url)}


METHODS: dict[str, Method] = {
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
    "files.info": file,
}
