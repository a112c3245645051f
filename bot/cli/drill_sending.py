"""The webhook of a drill, posted to the bot as Alertmanager would post it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.drills import Drill
    from bot.settings import Environment

SOURCE: Final = "drill"
"""The webhook's source: what is not in Alertmanager is not compared with it."""

_WITHIN: Final = 10.0
_UNAUTHORIZED, _OK = 401, 200


class Refused(Exception):  # noqa: N818 - an answer in words for the person who asked
    """The drill could not be had, in words."""


class Declined(Refused):
    """The person who was asked does not want it to be sent."""


async def post_to_bot(
    drill: Drill, *, address: str, environment: Environment, ended_at: datetime | None
) -> None:
    """Send it, firing or ended. Raises Refused where the bot is not there or does not take it."""
    token = environment.webhook_token.get_secret_value() if environment.webhook_token else ""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=_WITHIN)
    url = f"{address}/alerts?source={SOURCE}"
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.post(url, json=webhook_of(drill, ended_at=ended_at)) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Refused(f"the bot cannot be reached at {address}; start it, or name it with --url") from error
    if status == _UNAUTHORIZED:
        raise Refused("the bot wants another token: set LIGHTSHIP_WEBHOOK_TOKEN as the bot has it")
    if status != _OK:
        raise Refused(f"what answers at {address} did not take the alert ({status})")


def webhook_of(drill: Drill, *, ended_at: datetime | None) -> dict[str, Any]:
    """The body of the webhook."""
    status = "firing" if ended_at is None else "resolved"
    alert = {
        "status": status,
        "labels": dict(drill.labels),
        "annotations": dict(drill.annotations),
        "startsAt": drill.at.isoformat(),
        "endsAt": ended_at.isoformat() if ended_at else "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": drill.fingerprint,
    }
    return {
        "version": "4",
        "groupKey": f"drill {drill.id}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "lightship",
        "groupLabels": {"alertname": drill.labels["alertname"]},
        "commonLabels": dict(drill.labels),
        "commonAnnotations": dict(drill.annotations),
        "externalURL": "",
        "alerts": [alert],
    }
