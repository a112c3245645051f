"""What each action is called, what it is asked, and whether it can be taken back.

Read by the doors (commands and forms), by the check of runbooks and by the remediations' registry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.quantities import parse_quantity
from bot.domain.remedies import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_DIGITS: Final = 6
_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)


class ArgumentKind(StrEnum):
    """What an argument has to be, in the words of a complaint."""

    COUNT = "a whole number"
    FACTOR = "a number above zero"
    QUANTITY = "a quantity such as 500m or 2Gi"
    OBJECT = "the name of a Kubernetes object"


class TakenBack(StrEnum):
    """Whether an action can be undone."""

    RESTORED = "restored"
    CANCELLED = "cancelled"
    NEVER = "never"


class About(StrEnum):
    """The kind of object that an action changes."""

    DEPLOYMENT = "Deployment"
    CRON_JOB = "CronJob"


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionArgument:
    """One thing that an action is asked; `title` labels its field in a form."""

    name: str
    kind: ArgumentKind
    title: str
    required: bool = False
    in_forms: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionFacts:
    """An action as people meet it: `title` is a verb for headings, `done` its participle for sentences.

    `about` is the object of a service that it is asked for. `broken` says why it cannot be had.
    """

    title: str
    done: str
    taken_back: TakenBack
    arguments: tuple[ActionArgument, ...] = ()
    about: About = About.DEPLOYMENT
    broken: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The names of its arguments."""
        return frozenset(argument.name for argument in self.arguments)


_ACTIONS: Final[dict[Action, ActionFacts]] = {
    Action.SCALE: ActionFacts(
        title="Scale",
        done="scaled",
        taken_back=TakenBack.RESTORED,
        arguments=(
            ActionArgument(name="replicas", kind=ArgumentKind.COUNT, title="Replicas", required=True),
            ActionArgument(name="factor", kind=ArgumentKind.FACTOR, title="Factor", in_forms=False),
        ),
    ),
    Action.RESTART: ActionFacts(title="Restart", done="restarted", taken_back=TakenBack.NEVER),
    Action.ROLLBACK: ActionFacts(
        title="Roll back",
        done="rolled back",
        taken_back=TakenBack.RESTORED,
        arguments=(
            ActionArgument(
                name="revision", kind=ArgumentKind.COUNT, title="Revision, the one before when empty"
            ),
        ),
    ),
    Action.RESOURCES: ActionFacts(
        title="Resources",
        done="given other resources",
        taken_back=TakenBack.RESTORED,
        arguments=(
            ActionArgument(name="cpu", kind=ArgumentKind.QUANTITY, title="CPU limit"),
            ActionArgument(name="memory", kind=ArgumentKind.QUANTITY, title="Memory limit"),
            ActionArgument(name="cpu_request", kind=ArgumentKind.QUANTITY, title="CPU request"),
            ActionArgument(name="memory_request", kind=ArgumentKind.QUANTITY, title="Memory request"),
            ActionArgument(name="container", kind=ArgumentKind.OBJECT, title="Container"),
        ),
    ),
    Action.DELETE_POD: ActionFacts(
        title="Delete pod",
        done="evicted",
        taken_back=TakenBack.NEVER,
        arguments=(ActionArgument(name="pod", kind=ArgumentKind.OBJECT, title="Pod", required=True),),
    ),
    Action.RUN: ActionFacts(
        title="Run",
        done="run",
        taken_back=TakenBack.CANCELLED,
        about=About.CRON_JOB,
        arguments=(ActionArgument(name="cronjob", kind=ArgumentKind.OBJECT, title="CronJob", required=True),),
    ),
    Action.RETRAIN: ActionFacts(
        title="Retrain", done="run", taken_back=TakenBack.CANCELLED, about=About.CRON_JOB
    ),
    Action.PROMOTE: ActionFacts(
        title="Promote",
        done="promoted",
        taken_back=TakenBack.RESTORED,
        arguments=(ActionArgument(name="version", kind=ArgumentKind.COUNT, title="Version", required=True),),
    ),
}
ACTIONS: Final[Mapping[Action, ActionFacts]] = _ACTIONS
"""Every action, those of other packages among them once they are registered."""


def describe(action: Action, facts: ActionFacts) -> None:
    """Take in what people read of another package's action."""
    _ACTIONS[action] = facts


def fault_in(argument: ActionArgument, value: object) -> str:
    """What is wrong with an argument's value, as `must be a whole number`; empty where nothing is."""
    if argument.kind is ArgumentKind.COUNT:
        right = whole_number(value) is not None
    elif argument.kind is ArgumentKind.OBJECT:
        right = isinstance(value, str) and bool(_OBJECT_NAME.fullmatch(value.strip()))
    else:
        number = parse_quantity(value) if not isinstance(value, bool) else None
        right = number is not None and number > 0
    return "" if right else f"must be {argument.kind.value}"


def whole_number(value: object) -> int | None:
    """A number that is not negative, as itself or in plain digits; None where it is none."""
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
