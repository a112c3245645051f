"""All files of a new set-up as text, from the choices and the rules. Pure; called by `lightship init`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.setting_up.configuration import draft_configuration
from bot.setting_up.manifests import (
    alertmanager_receiver,
    kubernetes_objects,
    kustomization,
    slack_app,
)
from bot.setting_up.measuring import watched_by
from bot.setting_up.runbook_drafts import RunbookDraft, draft_other, draft_runbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.ports.examiners import AlertRule
    from bot.setting_up.choices import Choices
    from bot.setting_up.measuring import Watched

CONFIGURATION = "lightship.yaml"
ROLES = "kubernetes/rbac.yaml"


@dataclass(frozen=True, slots=True)
class Draft:
    """A file: its path within the folder, and what it holds."""

    name: str
    text: str


def draft_all(choices: Choices, rules: Sequence[AlertRule]) -> tuple[Draft, ...]:
    """Every file but the Roles, the configuration first."""
    metrics: dict[str, Watched] = {}
    runbooks: dict[str, RunbookDraft] = {}
    for rule in rules:
        watched = watched_by(rule)
        if watched is not None:
            watched = replace(watched, name=_free(watched.name, metrics))
            metrics[watched.name] = watched
        draft = draft_runbook(rule, watched, choices)
        stem = _free(draft.file.removesuffix(".yaml"), {name.removesuffix(".yaml") for name in runbooks})
        runbooks[f"{stem}.yaml"] = draft
    other = draft_other(choices)
    runbooks[other.file] = other
    return (
        Draft(CONFIGURATION, draft_configuration(choices, tuple(metrics.values()))),
        *(Draft(f"runbooks/{name}", one.text) for name, one in runbooks.items()),
        Draft("slack-app.yaml", slack_app(choices)),
        Draft("alertmanager-receiver.yaml", alertmanager_receiver(choices)),
        Draft("kubernetes/lightship.yaml", kubernetes_objects(choices)),
        Draft("kustomization.yaml", kustomization(tuple(runbooks))),
    )


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, or with the first number that makes it one of its own."""
    known = set(taken)
    if name not in known:
        return name
    return next(one for number in range(2, len(known) + 3) if (one := f"{name}_{number}") not in known)
