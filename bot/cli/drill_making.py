"""What a drill is made of: the runbook's alert, with labels that it and one of the services take.

Called by `lightship test-alert`, and by `lightship doctor --send`.
"""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.runbooks import vocabulary_of
from bot.cli.drill_sending import Refused
from bot.cli.options import DEFAULT_CONFIG, show_faults
from bot.domain.drills import LABEL, Drill, labels_for
from bot.domain.runbooks import select_runbook
from bot.domain.words import did_you_mean
from bot.settings import load_settings, read_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click

    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.settings import Environment, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What the files and the environment say."""

    environment: Environment
    settings: Settings
    runbooks: tuple[Runbook, ...]


def runbook_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: the runbooks of the configuration, as far as they can be read."""
    config = context.params.get("config") or Path(os.environ.get("LIGHTSHIP_CONFIG", DEFAULT_CONFIG))
    folders = load_settings(config, os.environ).runbook_folders
    return [one.name for one in load_runbooks(folders).runbooks if one.name.startswith(incomplete)]


def read_ready(config: Path) -> Ready:
    """Everything right, or its faults are shown and the command ends."""
    environment, faults = read_environment(os.environ)
    loaded = load_settings(config, os.environ)
    if faults or loaded.settings is None:
        show_faults((*faults, *loaded.faults))
        sys.exit(1)
    runbooks = load_runbooks(loaded.runbook_folders, vocabulary_of(loaded.settings))
    if runbooks.faults:
        show_faults(runbooks.faults)
        sys.exit(1)
    return Ready(environment=environment, settings=loaded.settings, runbooks=runbooks.runbooks)


def make_drill(ready: Ready, name: str, given: Mapping[str, str], *, through_alertmanager: bool) -> Drill:
    """The drill for a runbook: labels that it and a service take. Raises Refused where there are none."""
    from bot.adapters.clock import SystemClock  # noqa: PLC0415 - `--help` needs none of these
    from bot.bootstrap.services import watched_services  # noqa: PLC0415 - as above
    from handlers.fingerprints import fingerprint  # noqa: PLC0415 - as above

    known = {one.name: one for one in ready.runbooks}
    if name not in known:
        told = did_you_mean(name, known) or f"; there are {', '.join(sorted(known))}"
        raise Refused(f"there is no runbook `{name[:60]}`{told}")
    services = watched_services(ready.settings)
    found = _labels(known[name], services, ready.runbooks, given)
    if found is None:
        raise Refused(
            f"no labels were found that `{name}` and a service take; say some with --label NAME=VALUE"
        )
    service, labels = found
    drill_id = secrets.token_hex(6)
    labels[LABEL] = drill_id
    return Drill(
        id=drill_id,
        fingerprint=fingerprint(labels),
        service=service,
        runbook=name,
        labels=labels,
        annotations={"summary": "A drill: this alert was made by `lightship test-alert`"},
        at=SystemClock().now(),
        through_alertmanager=through_alertmanager,
    )


def _labels(
    runbook: Runbook,
    services: dict[str, WatchedService],
    runbooks: tuple[Runbook, ...],
    given: Mapping[str, str],
) -> tuple[str, dict[str, str]] | None:
    """The first service whose alert it can be, and the labels of that alert."""
    from bot.bootstrap.services import routing  # noqa: PLC0415 - as above

    route = routing(services)
    for name, service in services.items():
        labels = labels_for((*runbook.match, *service.match))
        if labels is None:
            continue
        labels.setdefault("alertname", runbook.name)
        labels.setdefault("severity", "warning")
        labels |= given
        taken = route(labels)
        chosen = select_runbook(runbooks, labels).runbook
        if taken is not None and taken.service == name and chosen is not None and chosen.name == runbook.name:
            return name, labels
    return None
