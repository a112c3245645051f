"""Slack's way to refuse a call: HTTP 200, `ok: false` and an error code.

Raised by the methods, answered by `dispatch`.
"""

from collections.abc import Sequence

from bot.console.limits import Violation
from bot.console.values import Json


class ApiError(Exception):
    """A refused call; `more` are further fields of the answer."""

    def __init__(self, code: str, **more: object) -> None:
        super().__init__(code)
        self.code = code
        self.more = more

    def as_json(self) -> Json:
        """The body of the answer."""
        return {"ok": False, "error": self.code, **self.more}


def broken_limits(code: str, broken: Sequence[Violation]) -> ApiError:
    """The refusal that names each fault and where it is, as Slack does."""
    messages = [f"[ERROR] {violation}" for violation in broken]
    return ApiError(code, errors=[str(v) for v in broken], response_metadata={"messages": messages})


def missing(field: str) -> ApiError:
    """The refusal of a call without a required argument."""
    return ApiError(
        "invalid_arguments",
        response_metadata={"messages": [f"[ERROR] missing required field: {field}"]},
    )
