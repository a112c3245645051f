"""HTTP as an OpenAPI 3.1 document: `lightship schema http`, and the reference in the documentation.

Written beside the doors rather than derived from them: the doors read more than they promise. A test holds
its paths against the routes that `handlers.server` mounts.
"""

from __future__ import annotations

from typing import Any, Final

from bot import __version__

_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_ALERT: Final = {
    "type": "object",
    "required": ["status", "labels", "startsAt"],
    "properties": {
        "status": {"enum": ["firing", "resolved"]},
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "startsAt": {"type": "string", "format": "date-time"},
        "endsAt": {"type": ["string", "null"], "format": "date-time"},
        "generatorURL": {"type": "string"},
        "fingerprint": {"type": "string", "description": "made of the labels where it is missing"},
    },
}
_GROUP: Final = {
    "type": "object",
    "required": ["version", "receiver", "groupKey", "alerts"],
    "properties": {
        "version": {"const": "4"},
        "receiver": {"type": "string", "minLength": 1},
        "groupKey": {"type": "string", "minLength": 1},
        "groupLabels": _TEXTS,
        "externalURL": {"type": "string"},
        "truncatedAlerts": {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**31},
        "alerts": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Alert"}},
    },
}
_FAULT: Final = {
    "type": "object",
    "required": ["where", "fault", "mend"],
    "properties": {
        "where": {"type": "string", "description": "the place in the body, such as `alerts[3].startsAt`"},
        "fault": {"type": "string", "description": "what is wrong there"},
        "mend": {"type": "string", "description": "what would be right"},
    },
}
_FAULTS: Final = {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}}


def openapi() -> dict[str, Any]:
    """The document, as JSON takes it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lightship",
            "version": __version__,
            "description": (
                "Alertmanager and Slack post to the bot; operators' tools ask it how it is. Only "
                "`/slack/events` has to "
                "be reachable from outside of the cluster, and with Socket Mode not even that."
            ),
        },
        "paths": {
            "/alerts": {"post": _alerts()},
            "/slack/events": {"post": _slack()},
            "/metrics": {"get": _metrics()},
            "/healthz": {"get": _healthz()},
            "/readyz": {"get": _readyz()},
        },
        "components": {
            "schemas": {"AlertGroup": _GROUP, "Alert": _ALERT, "Fault": _FAULT},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _alerts() -> dict[str, Any]:
    source = {
        "name": "source",
        "in": "query",
        "description": "tells several Alertmanagers apart",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "default": "default"},
    }
    stored = {
        "type": "object",
        "required": ["stored", "not_stored"],
        "properties": {"stored": {"type": "integer", "minimum": 1}, "not_stored": _FAULTS},
    }
    refused = {"type": "object", "required": ["detail"], "properties": {"detail": _FAULTS}}
    words = {
        "400": (
            "nothing in the body can be used, or `source` is no name; each fault is named with its place "
            "and its mend"
        ),
        "401": "the bearer token of `LIGHTSHIP_WEBHOOK_TOKEN` is missing or another",
        "413": "the body is above the limit: set `max_alerts` in the receiver",
        "503": "overloaded, or the store is away: Alertmanager repeats it by itself, so nothing is lost",
    }
    return {
        "operationId": "postAlerts",
        "summary": "Take an alert group",
        "description": (
            "Alertmanager's webhook, version 4. Answers 200 only after every usable alert is durably "
            "stored. Valid alerts "
            "of a partly bad body are stored, and the answer lists what was not. Never 429: Alertmanager "
            "gives a 4xx up, "
            "and repeats a 5xx."
        ),
        "security": [{"bearer": []}],
        "parameters": [source],
        "requestBody": {"required": True, "content": _json({"$ref": "#/components/schemas/AlertGroup"})},
        "responses": {
            "200": {"description": "stored; what could not be kept is named", "content": _json(stored)},
            **{status: {"description": said, "content": _json(refused)} for status, said in words.items()},
        },
    }


def _slack() -> dict[str, Any]:
    return {
        "operationId": "postSlackEvents",
        "summary": "Take what Slack sends",
        "description": (
            "Events, slash commands and interactivity. Slack's signature is verified, and one that is "
            "older than five "
            "minutes is refused. Not mounted in Socket Mode without a signing secret."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
                **_json({"type": "object"}),
            },
        },
        "responses": {
            "200": {"description": "taken; the answer follows in Slack"},
            "400": {"description": "the body cannot be read"},
            "401": {"description": "the signature is missing, wrong or too old"},
            "404": {"description": "the bot uses Socket Mode, or nothing listens to this kind of event"},
            "413": {"description": "the body is above a megabyte"},
            "503": {"description": "the bot is stopping or has too much to do; Slack repeats events"},
        },
    }


def _metrics() -> dict[str, Any]:
    return {
        "operationId": "getMetrics",
        "summary": "The bot's metrics",
        "description": (
            "Prometheus' text format, or OpenMetrics where it is asked for. Gauges of the store are two "
            "seconds old at most."
        ),
        "responses": {
            "200": {"description": "the metrics", "content": {"text/plain": {"schema": {"type": "string"}}}}
        },
    }


def _healthz() -> dict[str, Any]:
    return {
        "operationId": "getHealthz",
        "summary": "Alive",
        "description": "Whether the process turns; asks nothing else.",
        "responses": {
            "200": {"description": "alive", "content": {"text/plain": {"schema": {"type": "string"}}}}
        },
    }


def _readyz() -> dict[str, Any]:
    content = {
        "text/plain": {"schema": {"type": "string"}},
        **_json({"type": "object", "required": ["ready", "stopping", "dependencies"]}),
    }
    return {
        "operationId": "getReadyz",
        "summary": "Ready",
        "description": (
            "One line a dependency; JSON where `Accept` asks for it. Slack's absence does not make the bot "
            "unready: alerts "
            "are stored and shown later."
        ),
        "responses": {
            "200": {"description": "ready", "content": content},
            "503": {"description": "stopping, or a required dependency does not answer", "content": content},
        },
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
