"""What a newcomer decided, as one value: the drafts are made from it and from nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.domain.matchers import Matcher, Operator

NO_CHANNEL: Final = "C0REPLACE"
"""Stands for a channel that nobody has named yet; `lightship doctor` will not find it."""

_CHANNEL: Final = re.compile(r"[CGD][A-Z0-9]{2,}")
_PERSON: Final = re.compile(r"[SUW][A-Z0-9]{2,}")
_SERVICE: Final = re.compile(r"[a-z0-9]([a-z0-9_-]{0,29}[a-z0-9])?")
_OBJECT: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Names and addresses of one service. Empty texts stand for what there is not."""

    service: str
    channel: str = NO_CHANNEL
    namespace: str = ""
    deployment: str = ""
    hpa: str = ""
    prometheus: str = ""
    alertmanager: str = ""
    approvers: tuple[str, ...] = ()
    match: tuple[Matcher, ...] = ()
    address: str = ""
    """Where Slack reaches the bot, `https://…`; without it the bot uses Socket Mode."""

    @property
    def command(self) -> str:
        """The slash command."""
        return f"/{self.service}"

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """Which alerts are the service's: those of its label `service` where nothing else was said."""
        return self.match or (Matcher(name="service", operator=Operator.EQUAL, value=self.service),)


def service_fault(text: str) -> str:
    """Why it cannot be the name of a service; empty where it can. It becomes the slash command as well."""
    if _SERVICE.fullmatch(text):
        return ""
    return f"`{text[:60]}` is no name of a service: small letters, digits, `-` and `_`, such as shop"


def channel_fault(text: str) -> str:
    """Why it is not the id of a channel."""
    if _CHANNEL.fullmatch(text):
        return ""
    return (
        f"`{text[:60]}` is no channel id: it begins with C, such as C0123ABCD; Slack shows it at the end of "
        "the channel's details"
    )


def people_fault(names: tuple[str, ...]) -> str:
    """Why one of them is not the id of a user or a user group."""
    for name in names:
        if not _PERSON.fullmatch(name):
            return (
                f"`{name[:60]}` is no id of a person or a group: it begins with U or S, such as U0123ABCD; "
                "Slack shows it in the profile, under ⋮, Copy member ID"
            )
    return ""


def split_deployment(text: str) -> tuple[str, str]:
    """`NAMESPACE/DEPLOYMENT` apart. Raises ValueError, with what is wrong, where it is not that."""
    namespace, slash, deployment = text.partition("/")
    if slash and _NAMESPACE.fullmatch(namespace) and _OBJECT.fullmatch(deployment):
        return namespace, deployment
    raise ValueError(f"`{text[:60]}` is no NAMESPACE/DEPLOYMENT, such as shop/shop-api")


def address_fault(text: str) -> str:
    """Why it is not an address."""
    if re.fullmatch(r"https?://[^\s/?#]+(/\S*)?", text):
        return ""
    return f"`{text[:60]}` is no address: it begins with http:// or https://"
