"""The webhook door behind a real HTTP server, with an intake that keeps deliveries in a list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.testing import FrozenClock, SequentialIds
from handlers.alertmanager import AlertmanagerDoor, WebhookRules

if TYPE_CHECKING:
    import asyncio

    from bot.domain.deliveries import Delivery

TOKEN = "webhook-token-of-the-test"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
PAYLOADS = Path(__file__).parent / "payloads"


class ListIntake:
    """An intake that stores at once, or raises, or hangs, as it was told."""

    def __init__(self) -> None:
        self.stored: list[Delivery] = []
        self.error: Exception | None = None
        self.hanging: asyncio.Event | None = None

    async def submit(self, delivery: Delivery) -> None:
        """Store it."""
        if self.hanging is not None:
            await self.hanging.wait()
        if self.error is not None:
            raise self.error
        self.stored.append(delivery)


class AlertBench:
    """The door, what it stored and what it said was rejected."""

    def __init__(self, rules: WebhookRules | None = None) -> None:
        self.intake = ListIntake()
        self.rejected: list[str] = []
        self.clock = FrozenClock()
        self.door = AlertmanagerDoor(
            intake=self.intake,
            clock=self.clock,
            ids=SequentialIds("delivery"),
            rules=rules or WebhookRules(token=TOKEN),
            on_rejected=self.rejected.append,
        )

    def application(self) -> web.Application:
        """The route alone."""
        application = web.Application()
        application.router.add_post("/alerts", self.door.handle)
        return application


def golden(name: str) -> dict[str, Any]:
    """A recorded payload, parsed anew."""
    content: dict[str, Any] = json.loads((PAYLOADS / name).read_text())
    return content


def one_alert(**changes: Any) -> dict[str, Any]:
    """A firing alert as Alertmanager writes it; a change to None removes the field."""
    alert: dict[str, Any] = {
        "status": "firing",
        "labels": {"alertname": "HighLatency", "service": "churn", "severity": "critical"},
        "annotations": {"summary": "slow"},
        "startsAt": "2026-11-24T08:57:13.611Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": "5b3d1b9c8f0a7d2e",
    }
    return {name: value for name, value in (alert | changes).items() if value is not None}


def one_group(*alerts: Any, **changes: Any) -> dict[str, Any]:
    """A payload around alerts; a change to None removes the field."""
    group: dict[str, Any] = {
        "version": "4",
        "groupKey": '{}:{alertname="HighLatency"}',
        "receiver": "lightship",
        "status": "firing",
        "truncatedAlerts": 0,
        "groupLabels": {"alertname": "HighLatency"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts) or [one_alert()],
    }
    return {name: value for name, value in (group | changes).items() if value is not None}
