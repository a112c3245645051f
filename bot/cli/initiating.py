"""`lightship init`: from nothing to files that `lightship check` accepts, with five questions."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bot.cli.asking import Questions
from bot.cli.options import show_faults, unused_config_option
from bot.cli.progress import waiting
from bot.domain.matchers import Matcher, MatcherError, parse_matcher
from bot.setting_up.choices import NO_CHANNEL, Choices
from bot.setting_up.placing import Placing, place
from bot.setting_up.rules import likely_matcher, rules_of_file, rules_of_service
from bot.setting_up.surveying import current_context, look_at_cluster, look_at_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.ports.examiners import AlertRule
    from bot.setting_up.drafting import Draft
    from bot.setting_up.surveying import Seen

_COLOURS: Final = {Placing.WRITTEN: "green", Placing.REPLACED: "yellow", Placing.KEPT: "yellow"}


class MatcherType(click.ParamType[Matcher]):
    """A matcher of Alertmanager."""

    name = "MATCHER"

    def convert(
        self, value: str | Matcher, param: click.Parameter | None, ctx: click.Context | None
    ) -> Matcher:
        """Read it, or say why it is none."""
        if isinstance(value, Matcher):
            return value
        try:
            return parse_matcher(value)
        except MatcherError as error:
            self.fail(f'`{value[:80]}` is no matcher, such as service="shop": {error}', param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options say; None where they say nothing."""

    service: str | None
    channel: str | None
    deployment: str | None
    prometheus: str | None
    approvers: str | None
    match: tuple[Matcher, ...]
    rules: tuple[Path, ...]
    address: str
    yes: bool


@click.command(
    epilog="\b\nExamples:\n  lightship init\n"
    "  lightship init --yes --service shop --deployment shop/shop-api \\\n"
    "    --channel C0123ABCD --approvers U0123ABCD,S0456EFGH --prometheus http://prometheus:9090\n"
    "  lightship init --yes --service shop --rules alerts.yaml --folder ops"
)
@click.option("--service", metavar="NAME", help="The service to watch; also its slash command.")
@click.option("--channel", metavar="ID", help="The Slack channel of its incidents.")
@click.option("--deployment", metavar="NAMESPACE/NAME", help="The Deployment that serves it; `-` for none.")
@click.option("--prometheus", metavar="URL", help="Where to look for its alert rules; `-` for none.")
@click.option("--approvers", metavar="IDS", help="Who may approve, separated by commas; `-` for nobody yet.")
@click.option("--match", multiple=True, type=MatcherType(), help="Which alerts are its own; may be repeated.")
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Alert rules from a file: a Prometheus rule file or a PrometheusRule.",
)
@click.option("--address", default="", metavar="URL", help="Where Slack reaches the bot; else Socket Mode.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default=True,
    help="Where the files are written.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: options, what is found, and defaults.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there, without asking for each.")
@unused_config_option
def init(  # noqa: PLR0917 - click hands them over by name
    service: str | None,
    channel: str | None,
    deployment: str | None,
    prometheus: str | None,
    approvers: str | None,
    match: tuple[Matcher, ...],
    rules: tuple[Path, ...],
    address: str,
    folder: Path,
    yes: bool,
    overwrite: bool,
) -> None:
    """Draft the configuration, runbooks and manifests of an own service.

    Asks five questions, looks at the kubeconfig's context and at Prometheus' alert rules, and writes files
    that `lightship check` accepts. What is there already is kept unless you say otherwise.
    """
    asked = Asked(
        service=service,
        channel=channel,
        deployment=deployment,
        prometheus=prometheus,
        approvers=approvers,
        match=match,
        rules=rules,
        address=address.rstrip("/"),
        yes=yes,
    )
    choices, found = asyncio.run(_choose(asked))

    from bot.setting_up.drafting import draft_all  # noqa: PLC0415 - `--help` needs none of the drafts

    drafts = draft_all(choices, found)
    try:
        kept = _place(folder, drafts, yes=yes, overwrite=overwrite)
    except OSError as error:
        click.echo(f"lightship init: {error.filename or folder}: {error.strerror or error}", err=True)
        sys.exit(1)
    _tell_what_is_next(folder, choices, kept=kept)


async def _choose(asked: Asked) -> tuple[Choices, tuple[AlertRule, ...]]:
    """The answers to the five questions, each after a look at what could be meant."""
    questions = Questions(yes=asked.yes)
    context = current_context(kubeconfig_path())
    if context:
        click.echo(f"Kubernetes: context {context.name}, namespace {context.namespace}")
    else:
        click.echo("Kubernetes: no context; set KUBECONFIG to have its Deployments looked up")
    cluster = None
    if context:
        with waiting(f"Asking Kubernetes ({context.name})"):
            cluster = await _look_at_cluster(context.namespace)
    if cluster:
        click.echo(cluster.remark)
    placed = cluster.deployments if cluster else ()
    service = questions.service(asked.service, placed)
    channel = questions.channel(asked.channel)
    namespace, deployment = questions.deployment(
        asked.deployment, service, placed, namespace=context.namespace if context else ""
    )
    prometheus = questions.prometheus(asked.prometheus, os.environ.get("PROMETHEUS_URL", ""))
    approvers = questions.approvers(asked.approvers)
    rules = await _all_rules(asked.rules, prometheus)
    match = asked.match or _matchers(rules, service, namespace)
    own = rules_of_service(rules, match)
    if rules:
        shown = ", ".join(map(str, match))
        click.echo(f"Rules:      {len(own)} of {len(rules)} are of alerts with {shown}")
    choices = Choices(
        service=service,
        channel=channel,
        namespace=namespace,
        deployment=deployment,
        hpa=next((one.hpa for one in placed if one.deployment == deployment), ""),
        prometheus=prometheus,
        alertmanager=os.environ.get("ALERTMANAGER_URL", ""),
        approvers=approvers,
        match=match,
        address=questions.address(asked.address),
    )
    return choices, own


def kubeconfig_path() -> Path:
    """The kubeconfig that kubectl would read first."""
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(named) if named else Path.home() / ".kube" / "config"


async def _look_at_cluster(namespace: str) -> Seen:
    from bot.adapters.kubernetes import KubernetesConnection, KubernetesReader  # noqa: PLC0415 - takes a second

    connection = KubernetesConnection(kubeconfig=str(kubeconfig_path()))
    try:
        return await look_at_cluster(KubernetesReader(connection), namespace)
    finally:
        await connection.close()


async def _all_rules(files: tuple[Path, ...], prometheus: str) -> tuple[AlertRule, ...]:
    rules: list[AlertRule] = []
    for path in files:
        found, faults = rules_of_file(path)
        if faults:
            show_faults(faults)
            sys.exit(1)
        rules += found
    if prometheus:
        from bot.adapters.prometheus import PrometheusMetrics  # noqa: PLC0415 - only where there is one

        metrics = PrometheusMetrics(prometheus)
        try:
            with waiting("Asking Prometheus for its alert rules"):
                seen = await look_at_rules(metrics)
        finally:
            await metrics.close()
        click.echo(seen.remark)
        rules += seen.rules
    return tuple(rules)


def _matchers(rules: tuple[AlertRule, ...], service: str, namespace: str) -> tuple[Matcher, ...]:
    likely = likely_matcher(rules, service=service, namespace=namespace)
    return (likely,) if likely else Choices(service=service).matchers


def _place(folder: Path, drafts: tuple[Draft, ...], *, yes: bool, overwrite: bool) -> int:
    """Write all drafts and the Roles that the configuration needs; how many files were kept."""

    def may_replace(path: Path) -> bool:
        if overwrite or yes:
            return overwrite
        return click.confirm(f"{path} is there already. Replace it?", default=False)

    kept = 0
    for name, text in ((one.name, one.text) for one in drafts):
        kept += _put(folder, name, text, may_replace)
    from bot.setting_up.drafting import CONFIGURATION, ROLES  # noqa: PLC0415 - loaded by now

    roles = _roles(folder / CONFIGURATION)
    return kept + (_put(folder, ROLES, roles, may_replace) if roles else 0)


def _put(folder: Path, name: str, text: str, may_replace: Callable[[Path], bool]) -> bool:
    placed = place(folder, name, text, may_replace=may_replace)
    word = click.style(f"{placed.placing.value:<13}", fg=_COLOURS.get(placed.placing))
    click.echo(f"{word} {placed.path}")
    return placed.placing is Placing.KEPT


def _roles(config: Path) -> str:
    """The Roles of the configuration that stands there now; empty where it is wrong, as a kept one may be."""
    from bot.bootstrap.services import watched_services  # noqa: PLC0415 - `--help` needs none of the checks
    from bot.cli.granting import roles_text  # noqa: PLC0415 - as above
    from bot.settings import load_settings  # noqa: PLC0415 - as above

    loaded = load_settings(config, {})
    if loaded.settings is None:
        return ""
    return roles_text(loaded.settings, watched_services(loaded.settings), account=("lightship", "lightship"))


def _tell_what_is_next(folder: Path, choices: Choices, *, kept: int) -> None:
    config = "" if folder == Path() else f" --config {folder / 'lightship.yaml'}"
    if kept:
        files = "file was" if kept == 1 else "files were"
        click.echo(f"\n{kept} {files} kept; --overwrite replaces what is there.")
    click.echo("\nNext:")
    if choices.channel == NO_CHANNEL:
        click.echo(f"  put your channel's id in the place of {NO_CHANNEL} in lightship.yaml")
    click.echo(f"  lightship check{config}")
    click.echo(f"  lightship doctor{config}")
    click.echo("  make the Slack app of slack-app.yaml; put alertmanager-receiver.yaml into Alertmanager")
    click.echo(f"  lightship run{config}")
