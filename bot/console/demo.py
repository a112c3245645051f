"""A small workspace for development and the demo: two channels, three people, a guest, an on-call group."""

from time import time

from bot.console.values import App, Channel, Clock, SlashCommand, User, UserGroup, Word
from bot.console.workspace import Workspace

CHURN_WORDS = (
    Word(word="help", description="What can be asked"),
    Word(word="status", description="The service at a glance"),
    Word(word="pods", description="Its pods, and what is wrong with them"),
    Word(word="hpa", description="The autoscaler and its bounds"),
    Word(word="logs", hint="[POD] [--tail N] [--previous]", description="The newest log lines"),
    Word(word="metrics", hint="[NAME] [--range 1h]", description="The service's numbers"),
    Word(word="events", description="What Kubernetes noted"),
    Word(word="drift", hint="[FEATURE]", description="Whether the model's input moved"),
    Word(word="model", description="Versions of the model"),
    Word(word="alerts", description="What is firing"),
    Word(word="incidents", description="Open incidents"),
    Word(word="runbook", hint="[NAME]", description="What to do"),
    Word(word="ack", hint="[INCIDENT]", description="Take an incident on"),
    Word(word="resolve", hint="[INCIDENT]", description="Close an incident"),
    Word(word="silence", hint="DURATION [REASON]", description="Quieten the alert for a while"),
    Word(word="scale", hint="REPLICAS [REASON]", description="Ask for more or fewer pods"),
    Word(word="restart", hint="[REASON]", description="Ask for a rolling restart"),
    Word(word="rollback", hint="[REVISION]", description="Ask for an earlier revision"),
    Word(word="retrain", hint="[REASON]", description="Ask for a training run"),
    Word(word="promote", hint="VERSION", description="Ask for another model version"),
    Word(word="jobs", description="Training runs"),
)


def demo_commands() -> tuple[SlashCommand, ...]:
    """The slash command of the sample service, with its words for completion."""
    return (
        SlashCommand(
            name="/churn", description="Ask about the churn service", hint="help", words=CHURN_WORDS
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
