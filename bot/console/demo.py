"""A small workspace for development and the demo: a channel for each service, people, an on-call group.

Which services there are is the configuration's; the people are those that it names, and three more at least.
"""

from __future__ import annotations

from functools import lru_cache
from time import time
from typing import TYPE_CHECKING

from bot.console.values import App, Channel, Clock, SlashCommand, User, UserGroup, Word
from bot.console.workspace import Workspace
from bot.settings import Settings, load_settings
from bot.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SOME_WORDS = (
    Word(word="help", description="What can be asked"),
    Word(word="status", description="The service at a glance"),
    Word(word="scale", hint="REPLICAS [REASON]", description="Ask for more or fewer pods"),
)
"""What is completed where nobody says which words the app knows."""

PEOPLE = (
    User(id="U0ALICE", name="alice", real_name="Alice Moreau", is_admin=True),
    User(id="U0BOB", name="bob", real_name="Bob Tanaka"),
    User(id="U0CAROL", name="carol", real_name="Carol Osei"),
    User(id="U0GUEST", name="guest", real_name="Guest Ng", is_guest=True),
)


def demo_commands(
    words: Iterable[Word] = SOME_WORDS, settings: Settings | None = None
) -> tuple[SlashCommand, ...]:
    """The slash command of each service, completed with the words that the app says it knows."""
    configured, known = settings or _shipped_settings(), tuple(words)
    return tuple(
        SlashCommand(
            name=configured.command_of(name),
            description=f"Ask about the {name} service",
            hint="help",
            words=known,
        )
        for name in configured.services
    )


def demo_workspace(
    *, clock: Clock = time, app: App | None = None, settings: Settings | None = None
) -> Workspace:
    """A channel for each service and #ops; Alice, Bob and Carol, a guest, and a group of Alice and Bob."""
    configured = settings or _shipped_settings()
    people = (*PEOPLE, *_named_people(configured))
    everybody = frozenset(one.id for one in people if not one.is_guest)
    bot = (app or App()).bot_user_id
    groups = tuple(_groups(configured)) or ("S0ONCALL",)
    default = configured.default_channel or "C0OPS"
    channels = [
        Channel(
            id=service.channel,
            name=name,
            members=everybody | {"U0GUEST", bot},
            topic=f"Incidents of {name}",
        )
        for name, service in configured.services.items()
        if service.channel != default  # such as Lightship itself
    ]
    channels.append(Channel(id=default, name="ops", members=everybody | {bot}, topic="Operations"))
    return Workspace(
        app=app,
        clock=clock,
        team_name="Lightship demo",
        domain="lightship-demo",
        users=people,
        usergroups=tuple(
            UserGroup(
                id=group,
                handle="oncall" if number == 0 else group.removeprefix("S0").lower(),
                name="On call",
                users=("U0ALICE", "U0BOB"),
            )
            for number, group in enumerate(groups)
        ),
        channels=tuple(channels),
    )


@lru_cache(maxsize=1)
def _shipped_settings() -> Settings:
    settings = load_settings(shipped("lightship.yaml"), {}).settings
    if settings is None:
        raise RuntimeError("the shipped configuration is damaged; `lightship check` says where")
    return settings


def _ids(settings: Settings) -> Iterator[str]:
    for service in settings.services.values():
        oncall = (service.oncall,) if service.oncall else ()
        yield from (*service.approvers, *service.responders, *service.viewers, *oncall)


def _named_people(settings: Settings) -> Iterator[User]:
    known = {one.id for one in PEOPLE}
    for name in dict.fromkeys(_ids(settings)):
        if not name.startswith("S") and name not in known:
            short = name.removeprefix("U0").lower()
            yield User(id=name, name=short, real_name=short.capitalize())


def _groups(settings: Settings) -> Iterator[str]:
    yield from (name for name in dict.fromkeys(_ids(settings)) if name.startswith("S"))
