"""What people type behind a slash command, read into a word and its arguments; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.domain.access import Role
from bot.domain.words import nearest
from handlers.package_words import package_words

LONGEST_TEXT: Final = 4_000
LONGEST_REASON: Final = 500
_INCIDENT: Final = re.compile(r"#?(\d{1,15})", re.ASCII)
_TYPOGRAPHY: Final = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "\u2018": "'",
        "\u2019": "'",
        "\u00a0": " ",
        "\u202f": " ",
        "—": "--",
    }
)
_MARKUP: Final = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A word that is built: how it is written, what it does, and the role that it needs."""

    word: str
    usage: str
    does: str
    role: Role


WORDS: Final = (
    Word(word="help", usage="help", does="this list", role=Role.VIEWER),
    Word(word="status", usage="status", does="the service at a glance", role=Role.VIEWER),
    Word(
        word="failures", usage="failures", does="what is broken, by name, and what mends it", role=Role.VIEWER
    ),
    Word(word="pods", usage="pods", does="its pods, and what is wrong with them", role=Role.VIEWER),
    Word(word="hpa", usage="hpa", does="the autoscaler, its bounds and its metrics", role=Role.VIEWER),
    Word(
        word="logs",
        usage="logs [POD] [--tail N] [--previous] [--since 10m]",
        does="what the pods have written, folded, errors first",
        role=Role.VIEWER,
    ),
    Word(
        word="metrics",
        usage="metrics [NAME] [--range 1h]",
        does="the service's numbers, now, yesterday and a week ago",
        role=Role.VIEWER,
    ),
    Word(word="events", usage="events [--since 1h]", does="what Kubernetes warned about", role=Role.VIEWER),
    Word(word="rollouts", usage="rollouts", does="what was released, and what it changed", role=Role.VIEWER),
    Word(
        word="jobs",
        usage="jobs [CRONJOB]",
        does="the newest training runs, and what Lightship runs by the clock",
        role=Role.VIEWER,
    ),
    Word(word="model", usage="model", does="the model behind the alias", role=Role.VIEWER),
    Word(
        word="drift",
        usage="drift [FEATURE]",
        does="the newest drift report, or one feature",
        role=Role.VIEWER,
    ),
    Word(
        word="retraining",
        usage="retraining",
        does="whether to train anew, and what speaks against",
        role=Role.VIEWER,
    ),
    Word(
        word="candidate",
        usage="candidate",
        does="the newest version beside the one in production",
        role=Role.VIEWER,
    ),
    Word(
        word="connectivity",
        usage="connectivity",
        does="whether what the service needs can be reached",
        role=Role.VIEWER,
    ),
    Word(word="alerts", usage="alerts", does="what is firing", role=Role.VIEWER),
    Word(word="incidents", usage="incidents", does="the open incidents", role=Role.VIEWER),
    Word(word="runbook", usage="runbook [NAME]", does="what to do", role=Role.VIEWER),
    Word(word="ack", usage="ack [INCIDENT]", does="take an incident", role=Role.RESPONDER),
    Word(word="resolve", usage="resolve [INCIDENT]", does="call an incident over", role=Role.RESPONDER),
    Word(
        word="silence",
        usage="silence DURATION [INCIDENT] [REASON]",
        does="keep Alertmanager quiet about an incident, such as `silence 2h deploying`",
        role=Role.RESPONDER,
    ),
    Word(
        word="scale",
        usage="scale REPLICAS [REASON]",
        does="ask for an approval to scale the deployment",
        role=Role.RESPONDER,
    ),
    Word(word="restart", usage="restart [REASON]", does="ask to replace all pods", role=Role.RESPONDER),
    Word(
        word="rollback",
        usage="rollback [REVISION] [REASON]",
        does="ask to go back to a revision, the one before without a number",
        role=Role.RESPONDER,
    ),
    Word(
        word="resources",
        usage="resources [cpu=2] [memory=2Gi] [container=NAME] [REASON]",
        does="ask for other limits; `cpu_request=` and `memory_request=` are requests",
        role=Role.RESPONDER,
    ),
    Word(word="delete-pod", usage="delete-pod POD [REASON]", does="ask to evict a pod", role=Role.RESPONDER),
    Word(
        word="run", usage="run CRONJOB [REASON]", does="ask to run a CronJob's Job now", role=Role.RESPONDER
    ),
    Word(word="retrain", usage="retrain [REASON]", does="ask to train the model now", role=Role.RESPONDER),
    Word(
        word="promote",
        usage="promote VERSION [REASON]",
        does="ask to point the model's alias at a version, newer or older",
        role=Role.RESPONDER,
    ),
    Word(word="freeze", usage="freeze [REASON]", does="stop all actions, everywhere", role=Role.APPROVER),
    Word(word="unfreeze", usage="unfreeze", does="let actions go on", role=Role.APPROVER),
    *(
        Word(word=one.word, usage=one.usage, does=one.does, role=Role.RESPONDER if one.asks else Role.VIEWER)
        for one in package_words()
    ),
)
BUILT: Final = {word.word: word for word in WORDS}
ALIASES: Final = {
    "acknowledge": "ack",
    "incident": "incidents",
    "alert": "alerts",
    "failure": "failures",
    "pod": "pods",
    "log": "logs",
    "metric": "metrics",
    "event": "events",
    "rollout": "rollouts",
    "job": "jobs",
    "?": "help",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Typed:
    """A known word and what followed it, split at blanks."""

    word: Word
    arguments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """No word of ours, and the nearest one of those that are built."""

    word: str
    nearest: str | None


def plain_words(text: str) -> str:
    """What Slack sent as the person saw it: entities, mentions and typographic signs turned back."""
    text = _MARKUP.sub(_seen, text[:LONGEST_TEXT].translate(_TYPOGRAPHY))
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def read_command(text: str) -> Typed | Unknown:
    """The word and its arguments; nothing at all means help."""
    typed, *arguments = plain_words(text).split() or ["help"]
    word = typed.casefold().strip("\"'`").replace("_", "-")
    word = ALIASES.get(word, word)
    if word in BUILT:
        return Typed(word=BUILT[word], arguments=tuple(arguments))
    return Unknown(word=typed, nearest=nearest(word, BUILT))


def read_incident(text: str) -> int | None:
    """An incident's number, with or without its `#`; None where it is none."""
    found = _INCIDENT.fullmatch(text)
    return int(found[1]) if found else None


def read_reason(words: tuple[str, ...]) -> str:
    """The rest of a command as a reason, without the quotation marks around it."""
    reason = " ".join(words).strip()
    if len(reason) > 1 and reason[0] == reason[-1] and reason[0] in "\"'":
        reason = reason[1:-1].strip()
    return reason[:LONGEST_REASON]


def _seen(found: re.Match[str]) -> str:
    mark, target, label = found.groups()
    if mark == "!":
        return label or target.partition("^")[0]
    if mark:
        return f"{mark}{label or target}"
    return label or target
