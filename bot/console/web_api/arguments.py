"""A call's arguments, from wherever the client put them: query, form or JSON, on GET and POST.

Slack's SDKs use all of these, and send structures as JSON strings in forms; `Arguments` hides the difference.
"""

import json
from typing import Any

from aiohttp import web

from bot.console.values import Json
from bot.console.web_api.errors import ApiError, missing


class Arguments:
    """Typed access to the arguments of one call; what cannot be read raises ApiError."""

    def __init__(self, found: Json) -> None:
        self.found = found

    def text(self, name: str) -> str:
        """The string, or an empty one."""
        value = self.found.get(name)
        return "" if value is None else str(value)

    def required(self, name: str) -> str:
        """The string; refuses the call when it is missing or empty."""
        value = self.text(name)
        if not value:
            raise missing(name)
        return value

    def given(self, name: str) -> bool:
        """Whether the argument was sent at all, empty or not."""
        return self.found.get(name) is not None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A truth value in any of its spellings."""
        value = self.found.get(name)
        return default if value is None else str(value).lower() in {"1", "true"}

    def number(self, name: str, *, default: int, most: int) -> int:
        """A whole number from 1 to `most`; refuses others with invalid_limit."""
        try:
            value = int(self.found.get(name, default))
        except (TypeError, ValueError):
            raise ApiError("invalid_limit") from None
        if not 1 <= value <= most:
            raise ApiError("invalid_limit")
        return value

    def structure(self, name: str, *, otherwise: str) -> Any:
        """A JSON structure, as such or as a string; refuses what does not parse with `otherwise`."""
        value = self.found.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ApiError(otherwise) from None

    def plain(self) -> Json:
        """The arguments for the recording: structures parsed, the token left out."""
        shown: Json = {}
        for name, value in self.found.items():
            if name == "token":
                continue
            shown[name] = _parsed(value)
        return shown


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


async def arguments_of(request: web.Request) -> Arguments:
    """Reads a request's arguments; raises ApiError for a body that is not what its type says."""
    found: Json = dict(request.query)
    if request.content_type == "application/json" and request.can_read_body:
        try:
            body = await request.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise ApiError("invalid_json") from None
        if not isinstance(body, dict):
            raise ApiError("json_not_object")
        found |= body
    elif request.method == "POST":
        found |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return Arguments(found)


def token_of(request: web.Request, arguments: Arguments) -> str:
    """The token shown with the call: bearer header first, else the `token` argument."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else arguments.text("token")
