"""The bodies that Slack sends to an app: slash command, block actions, view submission, event.

Built by `people` from the workspace's state; pure.
"""

import re

from bot.console.values import Json, Message, SlashCommand, View
from bot.console.workspace import Workspace

VERIFICATION_TOKEN = "deprecated-verification-token"  # noqa: S105 (Slack's retired field, of no use to anyone)


def slash_command(
    workspace: Workspace,
    *,
    user: str,
    channel: str,
    command: str,
    text: str,
    trigger_id: str,
    response_url: str,
) -> dict[str, str]:
    """The form fields of a slash command."""
    found = workspace.channels[channel]
    name = "directmessage" if found.is_direct else "privategroup" if found.is_private else found.name
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.users[user].team_id,
        "team_domain": workspace.domain,
        "channel_id": channel,
        "channel_name": name,
        "user_id": user,
        "user_name": workspace.users[user].name,
        "command": command,
        "text": text,
        "api_app_id": workspace.app.id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def _interaction(workspace: Workspace, kind: str, user: str, trigger_id: str | None) -> Json:
    person = workspace.users[user]
    found: Json = {
        "type": kind,
        "user": {"id": user, "username": person.name, "name": person.name, "team_id": person.team_id},
        "api_app_id": workspace.app.id,
        "token": VERIFICATION_TOKEN,
        "team": {"id": workspace.team_id, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    return found | ({"trigger_id": trigger_id} if trigger_id else {})


def message_actions(
    workspace: Workspace,
    message: Message,
    action: Json,
    *,
    base_url: str,
    user: str,
    trigger_id: str,
    response_url: str,
    values: Json,
) -> Json:
    """The payload of a press in a message; an ephemeral one is not shown to the app again, as in Slack."""
    channel = workspace.channels[message.channel]
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.only_for is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    found = _interaction(workspace, "block_actions", user, trigger_id) | {
        "container": container,
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": values},
        "response_url": response_url,
        "actions": [action],
    }
    if message.only_for is None:
        found["message"] = workspace.message_json(message, base_url)
    return found


def view_actions(
    workspace: Workspace, view: View, action: Json, *, user: str, trigger_id: str, values: Json
) -> Json:
    """The payload of a press in a modal or Home tab."""
    return _interaction(workspace, "block_actions", user, trigger_id) | {
        "container": {"type": "view", "view_id": view.id},
        "view": view.as_json(workspace.app, workspace.team_id, values),
        "actions": [action],
    }


def view_submission(workspace: Workspace, view: View, *, user: str, trigger_id: str, values: Json) -> Json:
    """The payload of a submitted modal."""
    return _interaction(workspace, "view_submission", user, trigger_id) | {
        "view": view.as_json(workspace.app, workspace.team_id, values),
        "response_urls": [],
    }


def view_closed(workspace: Workspace, view: View, *, user: str, is_cleared: bool) -> Json:
    """The payload of a modal that was closed without submitting."""
    return _interaction(workspace, "view_closed", user, None) | {
        "view": view.as_json(workspace.app, workspace.team_id),
        "is_cleared": is_cleared,
    }


def event_callback(workspace: Workspace, event: Json) -> Json:
    """The envelope of an event, with a new event id."""
    app = workspace.app
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.team_id,
        "api_app_id": app.id,
        "event": event,
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(workspace.clock()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team_id,
                "user_id": app.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }


def escaped(workspace: Workspace, text: str, command: SlashCommand | None = None) -> str:
    """What a person typed as Slack hands it on: specials escaped, @names and #channels turned to ids.

    For a slash command the ids carry their names, and come only when the command's manifest asks for it.
    """
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if command is not None and not command.should_escape:
        return text
    ids = {f"@{user.name}": (f"@{user.id}", user.name) for user in workspace.users.values()}
    ids |= {f"@{g.handle}": (f"!subteam^{g.id}", f"@{g.handle}") for g in workspace.usergroups.values()}
    ids |= {f"#{channel.name}": (f"#{channel.id}", channel.name) for channel in workspace.channels.values()}

    def turned(found: re.Match[str]) -> str:
        target, name = ids[found[0]]
        return f"<{target}|{name}>" if command else f"<{target}>"

    typed = "|".join(re.escape(name) for name in sorted(ids, key=len, reverse=True))
    return re.sub(f"(?:{typed})(?![\\w-])", turned, safe)
