"""views.*: modals and Home tabs."""

import json

from bot.console.limits import view_violations
from bot.console.tickets import TicketError
from bot.console.values import Json, View
from bot.console.view_stacks import HashConflictError, StackFullError
from bot.console.web_api.arguments import Arguments
from bot.console.web_api.context import Context, Method, missing_files
from bot.console.web_api.errors import ApiError, broken_limits, missing

LARGEST = 250_000


def checked_view(context: Context, view: object) -> Json:
    """The view with its blocks' ids filled in; refuses one that breaks a limit."""
    if not isinstance(view, dict):
        raise missing("view")
    if len(json.dumps(view)) > LARGEST:
        raise ApiError("view_too_large")
    broken = list(view_violations(view)) or missing_files(context, view["blocks"], "/view/blocks")
    if broken:
        raise broken_limits("invalid_arguments", broken)
    return {**view, "blocks": list(context.workspace.with_ids(view["blocks"]))}


def _view_of(context: Context, arguments: Arguments) -> Json:
    view = checked_view(context, arguments.structure("view", otherwise="invalid_arguments"))
    named = view.get("external_id")
    if named:
        other = context.workspace.views.by_external_id(named)
        if (
            other is not None
            and other.id != arguments.text("view_id")
            and named != arguments.text("external_id")
        ):
            raise ApiError("duplicate_external_id")
    return view


def _user_of(context: Context, arguments: Arguments) -> str:
    try:
        return context.tickets.redeem(arguments.required("trigger_id"))
    except TicketError as refused:
        raise ApiError(str(refused)) from None


def _answer(context: Context, view: View) -> Json:
    return {"view": view.as_json(context.workspace.app, context.workspace.team_id)}


def open_view(context: Context, arguments: Arguments) -> Json:
    """views.open."""
    view = _view_of(context, arguments)
    return _answer(context, context.workspace.views.open(_user_of(context, arguments), view))


def push(context: Context, arguments: Arguments) -> Json:
    """views.push."""
    view = _view_of(context, arguments)
    try:
        return _answer(context, context.workspace.views.push(_user_of(context, arguments), view))
    except StackFullError:
        raise ApiError("push_limit_reached") from None


def update(context: Context, arguments: Arguments) -> Json:
    """views.update."""
    view = _view_of(context, arguments)
    views = context.workspace.views
    named = views.by_external_id(arguments.text("external_id"))
    try:
        altered = views.update(
            named.id if named else arguments.text("view_id"),
            view,
            expected_hash=arguments.text("hash") or None,
        )
    except KeyError:
        raise ApiError("not_found") from None
    except HashConflictError:
        raise ApiError("hash_conflict") from None
    return _answer(context, altered)


def publish(context: Context, arguments: Arguments) -> Json:
    """views.publish: a user's Home tab."""
    view = _view_of(context, arguments)
    user = arguments.required("user_id")
    if user not in context.workspace.users:
        raise ApiError("user_not_found")
    if view["type"] != "home":
        raise ApiError("invalid_arguments")
    return _answer(context, context.workspace.views.publish(user, view))


METHODS: dict[str, Method] = {
    "views.open": open_view,
    "views.push": push,
    "views.update": update,
    "views.publish": publish,
}
