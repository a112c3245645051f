"""auth.*, users.*, usergroups.*, bots.*, team.*: who is who."""

from bot.console.values import Json
from bot.console.web_api.arguments import Arguments
from bot.console.web_api.context import Context, Method, page_of
from bot.console.web_api.errors import ApiError


def auth_test(context: Context, _arguments: Arguments) -> Json:
    """auth.test."""
    workspace = context.workspace
    return {
        "url": f"{context.base_url}/",
        "team": workspace.team_name,
        "team_id": workspace.team_id,
        "user": workspace.users[context.bot].name,
        "user_id": context.bot,
        "bot_id": workspace.app.bot_id,
        "app_id": workspace.app.id,
        "is_enterprise_install": False,
    }


def user(context: Context, arguments: Arguments) -> Json:
    """users.info."""
    found = context.workspace.users.get(arguments.required("user"))
    if found is None:
        raise ApiError("user_not_found")
    return {"user": found.as_json(context.workspace.team_id)}


def users(context: Context, arguments: Arguments) -> Json:
    """users.list."""
    everybody = list(context.workspace.users.values())
    shown, cursor = page_of(everybody, arguments, default=1000, most=1000)
    return {
        "members": [found.as_json(context.workspace.team_id) for found in shown],
        "response_metadata": {"next_cursor": cursor},
    }


def usergroups(context: Context, arguments: Arguments) -> Json:
    """usergroups.list."""
    found = []
    for group in context.workspace.usergroups.values():
        if group.is_disabled and not arguments.flag("include_disabled"):
            continue
        shown = group.as_json(context.workspace.team_id)
        if not arguments.flag("include_users"):
            del shown["users"]
        found.append(shown)
    return {"usergroups": found}


def usergroup_users(context: Context, arguments: Arguments) -> Json:
    """usergroups.users.list."""
    found = context.workspace.usergroups.get(arguments.required("usergroup"))
    if found is None:
        raise ApiError("no_such_subteam")
    if found.is_disabled and not arguments.flag("include_disabled"):
        raise ApiError("subteam_disabled")
    return {"users": list(found.users)}


def bot(context: Context, arguments: Arguments) -> Json:
    """bots.info."""
    app = context.workspace.app
    if arguments.text("bot") not in ("", app.bot_id):
        raise ApiError("bot_not_found")
    return {
        "bot": {
            "id": app.bot_id,
            "deleted": False,
            "name": app.name,
            "app_id": app.id,
            "user_id": app.bot_user_id,
            "icons": {},
        }
    }


def team(context: Context, _arguments: Arguments) -> Json:
    """team.info."""
    workspace = context.workspace
    return {"team": {"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.domain}}


def api_test(_context: Context, arguments: Arguments) -> Json:
    """api.test."""
    if arguments.given("error"):
        raise ApiError(arguments.text("error"), args=arguments.plain())
    return {"args": arguments.plain()}


METHODS: dict[str, Method] = {
    "api.test": api_test,
    "auth.test": auth_test,
    "users.info": user,
    "users.list": users,
    "usergroups.list": usergroups,
    "usergroups.users.list": usergroup_users,
    "bots.info": bot,
    "team.info": team,
}
