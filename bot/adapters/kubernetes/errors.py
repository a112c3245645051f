"""What the API server's refusals and the network's failures mean, said once for reader, planner and writer.

Called by the connection alone. No answer's body goes into an error except the API's own `message`, cut short.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from bot.domain.errors import (
    Conflict,
    DryRunUnsupported,
    Forbidden,
    LightshipError,
    NotFound,
    Permanent,
    Protected,
    Temporary,
)
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.rights import Right

LONGEST_DELAY: Final = 300.0
_KINDS: Final = {HTTPStatus.NOT_FOUND: NotFound, HTTPStatus.CONFLICT: Conflict}
_LATER: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_CANNOT: Final = re.compile(r'cannot (\w+) resource "([\w./-]+)"(?: in API group "([\w.-]*)")?')
_POLICY: Final = re.compile(
    r".*ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request: ", re.DOTALL
)
"""What stands before a policy's own words, which say more than its name."""
_NO_DRY_RUN: Final = re.compile(r"does not support dry run", re.IGNORECASE)
_REFUSED_BY_RULE: Final = re.compile(
    r"denied the request|exceeded quota|violates PodSecurity|ValidatingAdmissionPolicy"
)


def error_of_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, right: Right, place: str
) -> LightshipError:
    """The error for an answer that is not 2xx. `place` says where: `namespace shop`, `the cluster`."""
    message = _message_of(body) or f"HTTP status {status}"
    if status == HTTPStatus.UNAUTHORIZED:
        return Permanent("Kubernetes does not accept the credentials (401)")
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(message, right=right, place=place)
    if status in _KINDS:
        return _KINDS[HTTPStatus(status)](f"Kubernetes: {message}")
    if _is_budget(status, body) or _NO_DRY_RUN.search(message):
        kind = Protected if _is_budget(status, body) else DryRunUnsupported
        return kind(f"Kubernetes: {message}")
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        delay = retry_after(headers.get("Retry-After"))
        return Temporary(f"Kubernetes answered {status}: {message}", delay=delay)
    return Permanent(f"Kubernetes refuses ({status}): {message}")


def retry_after(value: str | None) -> float | None:
    """The seconds of a Retry-After header, at most five minutes; None where it names none."""
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return min(seconds, LONGEST_DELAY) if seconds >= 0 else None


def _forbidden(message: str, *, right: Right, place: str) -> LightshipError:
    if _REFUSED_BY_RULE.search(message):
        return Permanent(f"Kubernetes refuses (403): {message}")
    found = _CANNOT.search(message)
    missing = f"{found[1]} {found[2]}" if found else str(right)
    return Forbidden(f"Lightship may not `{missing}` in {place}", right=missing)


def _is_budget(status: int, body: bytes) -> bool:
    """Whether it is the eviction's own refusal, and not a server that has too much to do."""
    if status != HTTPStatus.TOO_MANY_REQUESTS:
        return False
    details = _answer_of(body).get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    reasons = [one.get("reason") for one in causes or () if isinstance(one, dict)]
    return "DisruptionBudget" in reasons


def _message_of(body: bytes) -> str:
    message = _answer_of(body).get("message")
    if not isinstance(message, str):
        return ""
    return one_line(_POLICY.sub("a ValidatingAdmissionPolicy refuses it: ", message), limit=300)


def _answer_of(body: bytes) -> dict[str, Any]:
    try:
        answer: Any = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
