"""The part of `lightship doctor` that asks Slack: the token, its scopes, every channel. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.errors import LightshipError, NotFound
from bot.domain.examinations import Examination, fault, skipped, warning, well
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.bootstrap.outside import Outside
    from bot.domain.services import WatchedService
    from bot.settings import Environment, Settings

SCOPES: Final = {
    "chat:write": "it could not post",
    "channels:history": "it could not find its own messages again",
    "users:read": "it could not tell who presses a button",
    "files:write": "it could not show pictures and logs",
    "files:read": "it could not tell whether a picture has arrived, and might show it twice",
    "commands": "it would have no slash command",
}
"""What the bot cannot do without, and what would happen."""

_GROUPS: Final = "usergroups:read"
_PRIVATE: Final = {"channels:history": "groups:history"}
_INSTALL: Final = "add it on the app's page, OAuth & Permissions, and install the app again"


async def examine_slack(
    settings: Settings, environment: Environment, outside: Outside, services: Mapping[str, WatchedService]
) -> list[Examination]:
    """Token, scopes, how Slack reaches the bot, and the channels."""
    if environment.slack_bot_token is None:
        return [fault("slack", "SLACK_BOT_TOKEN is not set", "copy it from OAuth & Permissions")]
    identity = await outside.slack.identity()
    found = [well("slack", f"signed in to {identity.team_name or identity.team}")]
    found += _way(environment)
    found += _scopes(await outside.slack.scopes(), _with_groups(services.values()))
    channels = {service.channel: service.name for service in services.values()}
    if settings.default_channel:
        channels.setdefault(settings.default_channel, "default_channel")
    for channel, name in channels.items():
        found.append(await _channel(outside, channel, name))
    if settings.default_channel is None:
        found.append(_no_default(settings))
    return found


def _no_default(settings: Settings) -> Examination:
    silent = " or that Alertmanager is silent" if settings.heartbeat else ""
    return warning(
        "default_channel",
        f"not set: no channel is told what is wrong with Lightship itself{silent}, and alerts of no service "
        "are only counted",
        "set default_channel, and invite the bot",
    )


def _way(environment: Environment) -> list[Examination]:
    if environment.slack_app_token is not None:
        return [well("slack events", "by Socket Mode")]
    if environment.slack_signing_secret is not None:
        return [well("slack events", "by HTTP: Slack must reach POST /slack/events")]
    return [
        fault(
            "slack events",
            "neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN is set, so no button would work",
            "copy the signing secret from Basic Information, or make an app-level token for Socket Mode",
        )
    ]


def _with_groups(services: Iterable[WatchedService]) -> bool:
    people = (
        (*one.policy.approvers, *one.policy.viewers, *one.policy.responders, one.oncall) for one in services
    )
    return any(name.startswith("S") for names in people for name in names)


def _scopes(granted: frozenset[str], groups: bool) -> list[Examination]:
    if not granted:
        return [skipped("slack scopes", "Slack does not tell them")]
    needed = {**SCOPES, **({_GROUPS: "it could not tell who is in a user group"} if groups else {})}
    missing = [
        fault(f"scope {scope}", f"not granted: {without}", _INSTALL)
        for scope, without in needed.items()
        if scope not in granted and _PRIVATE.get(scope) not in granted
    ]
    return missing or [well("slack scopes", f"all {len(needed)} that are needed are granted")]


async def _channel(outside: Outside, channel: str, name: str) -> Examination:
    title = f"channel of {name}" if name != "default_channel" else name
    try:
        await outside.slack.call("conversations.history", {"channel": channel, "limit": 1}, form=True)
    except NotFound:
        return fault(
            title, f"{channel} is unknown, or private without the bot in it", f"invite the bot: {channel}"
        )
    except LightshipError as error:
        said = one_line(error, limit=200)
        if "not_in_channel" in said:
            return warning(title, f"the bot is not in {channel}", "type /invite @lightship there")
        return fault(title, f"{channel}: {said}")
    return well(title, f"the bot is in {channel}")
