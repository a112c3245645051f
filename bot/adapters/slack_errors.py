"""What Slack's answers mean in the two words that engines act on; used by the Slack adapters alone.

One table for Slack's error codes. Whether a lost answer is ambiguous depends on the call: an edit or a
question can simply be repeated, a post cannot.
"""

from __future__ import annotations

from typing import Final

from bot.domain.errors import (
    Ambiguous,
    ContentRefused,
    Forbidden,
    LightshipError,
    NotFound,
    Permanent,
    Temporary,
)

LEAST_DELAY: Final = 1.0
_LONGEST_DELAY: Final = 3600.0
_STATUS_OF_SERVER_FAULTS: Final = 500
_STATUS_TOO_MANY: Final = 429

LIMITED: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
UNSURE: Final = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
GONE: Final = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "invalid_thread_ts",
        "user_not_found",
        "user_not_visible",
        "users_not_found",
        "no_such_subteam",
        "subteam_not_found",
        "view_not_found",
        "file_not_found",
        "file_deleted",
        "not_found",
    }
)
REFUSED_CONTENT: Final = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_attachments",
        "msg_too_long",
        "msg_blocks_too_long",
        "too_many_attachments",
        "no_text",
        "markdown_text_conflict",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_too_large",
        "metadata_must_be_sent_from_app",
    }
)
ADVICE: Final = {
    "channel_not_found": "the bot does not see the channel; check its id, and invite the bot if private",
    "not_in_channel": "the bot is not in the channel; invite it there",
    "is_archived": "the channel is archived; unarchive it or configure another one",
    "restricted_action": "a workspace setting forbids posting here; ask an administrator",
    "restricted_action_read_only_channel": "the channel is read-only for the bot; ask an administrator",
    "restricted_action_thread_locked": "the thread is locked; ask an administrator",
    "cant_delete_message": "the message is not the bot's own; nothing was removed",
    "invalid_auth": "the bot token is not valid; set SLACK_BOT_TOKEN anew",
    "not_authed": "no bot token was sent; set SLACK_BOT_TOKEN",
    "token_revoked": "the bot token was revoked; install the app again and set SLACK_BOT_TOKEN",
    "token_expired": "the bot token has expired; install the app again and set SLACK_BOT_TOKEN",
    "account_inactive": "the app's account is deactivated; install the app again",
    "missing_scope": "the app lacks a scope; install it again from the shipped manifest",
    "no_permission": "the bot token may not do this; install the app again from the shipped manifest",
    "not_allowed_token_type": "this is not a bot token; SLACK_BOT_TOKEN begins with xoxb-",
    "access_denied": "Slack denies access; ask an administrator of the workspace",
    "team_access_not_granted": "the app is not granted to this workspace; ask an administrator",
    "ekm_access_denied": "the workspace's key management denies access; ask an administrator",
    "org_login_required": "the workspace is moving into an organisation; try when that is done",
    "expired_trigger_id": "the dialog was asked for too late; press again",
    "exchanged_trigger_id": "the dialog was asked for twice; press again",
    "invalid_trigger_id": "Slack does not know the press that asked for the dialog; press again",
    "used_url": "the answer's address was used too often",
    "expired_url": "the answer's address has expired",
}
_RIGHTS: Final = frozenset({"missing_scope", "no_permission", "restricted_action", "access_denied"})


def outcome_label(code: str) -> str:
    """The metric's label for an error code: the code itself when it is one we know, else `other`."""
    known = code in LIMITED or code in UNSURE or code in GONE or code in REFUSED_CONTENT or code in ADVICE
    return code if known else "other"


def read_delay(retry_after: object) -> float:
    """Seconds from a `Retry-After` header, between one second and an hour; 30 where it says nothing."""
    try:
        seconds = float(str(retry_after))
    except ValueError:
        return 30.0
    return min(max(seconds, LEAST_DELAY), _LONGEST_DELAY) if seconds == seconds else 30.0  # noqa: PLR0124 - NaN


def from_code(method: str, code: str, *, repeatable: bool, needed: str = "") -> LightshipError:
    """The error for an `"ok": false` answer. `needed` is the scope that Slack asked for, if it said one."""
    if code in LIMITED:
        return Temporary(f"Slack's rate limit for {method}", delay=30.0)
    if code in UNSURE:
        return lost(method, f"Slack answered {code}", repeatable=repeatable)
    if code in GONE:
        return NotFound(f"Slack: {code.replace('_', ' ')} ({method})")
    if code in REFUSED_CONTENT:
        return ContentRefused(f"Slack refuses the message's content: {code.replace('_', ' ')} ({method})")
    words = ADVICE.get(code, f"Slack answered {code[:80]!r}")
    text = f"{words} ({method}{': ' + needed[:80] if needed else ''})"
    return Forbidden(text, right=needed[:80]) if code in _RIGHTS else Permanent(text)


def from_status(method: str, status: int, retry_after: object, *, repeatable: bool) -> LightshipError:
    """The error for an answer that is not Slack's usual JSON."""
    if status == _STATUS_TOO_MANY:
        return Temporary(f"Slack's rate limit for {method}", delay=read_delay(retry_after))
    if status >= _STATUS_OF_SERVER_FAULTS or status == 200:  # noqa: PLR2004 - an unreadable success
        return lost(method, f"HTTP {status}", repeatable=repeatable)
    return Permanent(f"Slack answered HTTP {status} to {method}; check SLACK_API_URL and any proxy between")


def lost(method: str, why: str, *, repeatable: bool) -> Temporary:
    """The error for a call that may have taken effect."""
    if repeatable:
        return Temporary(f"{why} ({method})")
    return Ambiguous(f"{why}; Slack may have taken it ({method})")
