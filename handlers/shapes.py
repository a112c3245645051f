"""Whether a request has the shape of one of Slack's, as far as anything of it is read; the Slack door asks.

Slack's library reads into requests before and after it verifies their signature, and fails on what it does
not expect: a malformed request would be answered as an error of ours. What Slack documents is not refused.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


def _absent(value: object) -> object:
    return {} if value is None else value


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Named(_Shape):
    """Somebody or something with an id."""

    id: str | None = None
    team_id: str | None = None
    enterprise_id: str | None = None


_Something = Annotated[_Named | str, BeforeValidator(_absent)]


class _Action(_Shape):
    action_id: str
    type: str
    block_id: str | None = None


class _State(_Shape):
    values: dict[str, dict[str, dict[str, Any]]] = Field(default_factory=dict)


class _View(_Shape):
    type: str
    id: str | None = None
    callback_id: str | None = None
    private_metadata: str | None = None
    app_installed_team_id: str | None = None
    state: Annotated[_State, BeforeValidator(_absent)] = Field(default_factory=_State)


class _Container(_Shape):
    message_ts: str | None = None
    channel_id: str | None = None
    thread_ts: str | None = None


class _Interaction(_Shape):
    """A press, a submitted form, or anything else that comes as `payload`."""

    type: str
    user: _Something = ""
    team: _Something = ""
    enterprise: _Something = ""
    channel: _Something = ""
    container: Annotated[_Container, BeforeValidator(_absent)] = Field(default_factory=_Container)
    message: Annotated[dict[str, Any], BeforeValidator(_absent)] = Field(default_factory=dict)
    view: _View | None = None
    actions: list[_Action] = Field(default_factory=list)
    callback_id: str | None = None
    response_url: str | None = None
    trigger_id: str | None = None
    response_urls: list[dict[str, Any]] = Field(default_factory=list)


class _Event(_Shape):
    """Of the Events API, or the check of the address."""

    type: str
    event: Annotated[dict[str, Any], BeforeValidator(_absent)] = Field(default_factory=dict)
    team_id: str | None = None
    enterprise_id: str | None = None
    challenge: str | None = None
    authorizations: list[dict[str, Any]] | None = None


def is_shaped(body: object) -> bool:
    """Whether it is a slash command, an interaction or an event, or has nothing in it."""
    if not isinstance(body, dict):
        return False
    if "command" in body or not body:
        return all(isinstance(value, str) for value in body.values())
    kind = _Event if "event" in body or "challenge" in body else _Interaction
    try:
        kind.model_validate(body)
    except (ValidationError, RecursionError):
        return False
    return True
