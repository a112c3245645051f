"""A small workspace for development and the demo: two channels, three people, a guest, an on-call group."""

from collections.abc import Iterable
from time import time

from bot.console.values import App, Channel, Clock, SlashCommand, User, UserGroup, Word
from bot.console.workspace import Workspace

SOME_WORDS = (
    Word(word="help", description="What can be asked"),
    Word(word="status", description="The service at a glance"),
    Word(word="scale", hint="REPLICAS [REASON]", description="Ask for more or fewer pods"),
)
"""What is completed where nobody says which words the app knows."""


def demo_commands(words: Iterable[Word] = SOME_WORDS) -> tuple[SlashCommand, ...]:
    """The slash command of the sample service, completed with the words that the app says it knows."""
    return (
        SlashCommand(
            name="/churn", description="Ask about the churn service", hint="help", words=tuple(words)
        ),
    )


def demo_workspace(*, clock: Clock = time, app: App | None = None) -> Workspace:
    """#churn and #ops; Alice, Bob and Carol, a guest, and the group @oncall of Alice and Bob."""
    everybody = frozenset({"U0ALICE", "U0BOB", "U0CAROL"})
    bot = (app or App()).bot_user_id
    return Workspace(
        app=app,
        clock=clock,
        team_name="Lightship demo",
        domain="lightship-demo",
        users=(
            User(id="U0ALICE", name="alice", real_name="Alice Moreau", is_admin=True),
            User(id="U0BOB", name="bob", real_name="Bob Tanaka"),
            User(id="U0CAROL", name="carol", real_name="Carol Osei"),
            User(id="U0GUEST", name="guest", real_name="Guest Ng", is_guest=True),
        ),
        usergroups=(UserGroup(id="S0ONCALL", handle="oncall", name="On call", users=("U0ALICE", "U0BOB")),),
        channels=(
            Channel(
                id="C0CHURN",
                name="churn",
                members=everybody | {"U0GUEST", bot},
                topic="Incidents of the churn model and its service",
            ),
            Channel(id="C0OPS", name="ops", members=everybody | {bot}, topic="Operations"),
        ),
    )
