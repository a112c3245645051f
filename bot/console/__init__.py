"""The local stand-in for Slack: its Web API, its deliveries to an app, its limits, and a page to use it by.

One code serves the demo's console (in place of Slack) and the recording stand-in of the tests. An app
reaches it by `SLACK_API_URL` only, exactly as it reaches Slack, so nothing in the app knows of this package.
"""

from bot.console.delivery import Ack, Delivery, SignedRequest, signed_request
from bot.console.demo import demo_workspace
from bot.console.faults import Fault, FaultScript
from bot.console.limits import Surface, Violation, violations
from bot.console.people import People
from bot.console.rates import RateLimits
from bot.console.recording import Call, Recording
from bot.console.server import SlackStandIn
from bot.console.values import App, Channel, Message, SlashCommand, User, UserGroup, View, Word
from bot.console.workspace import Workspace

__all__ = [
    "Ack",
    "App",
    "Call",
    "Channel",
    "Delivery",
    "Fault",
    "FaultScript",
    "Message",
    "People",
    "RateLimits",
    "Recording",
    "SignedRequest",
    "SlackStandIn",
    "SlashCommand",
    "Surface",
    "User",
    "UserGroup",
    "View",
    "Violation",
    "Word",
    "Workspace",
    "demo_workspace",
    "signed_request",
    "violations",
]
