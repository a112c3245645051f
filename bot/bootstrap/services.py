"""From `lightship.yaml` to what the engines decide with: services, whose alert is whose, which runbook fits.

Called by `bot.bootstrap.assembly`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.bootstrap.policies import approval_policy
from bot.checks.targets import CheckTarget
from bot.domain.access import AccessPolicy
from bot.domain.bounds import Bounds
from bot.domain.incidents import Classification
from bot.domain.matchers import matches_all
from bot.domain.measures import Worse
from bot.domain.retraining import RetrainingRules
from bot.domain.routing import Destination
from bot.domain.runbooks import select_runbook
from bot.domain.services import NamedMetric, ProbeTarget, WatchedService, Way
from bot.domain.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bot.domain.alerts import Alert
    from bot.domain.routing import ServiceRouting
    from bot.domain.runbooks import Runbook
    from bot.settings import ServiceSettings, Settings
    from bot.settings.connectivity import TargetSettings
    from bot.settings.retraining import RetrainingSettings


def watched_services(settings: Settings) -> dict[str, WatchedService]:
    """The services in the order in which alerts are offered to them."""
    return {name: _watched(name, one, settings) for name, one in settings.services.items()}


def _watched(name: str, one: ServiceSettings, settings: Settings) -> WatchedService:
    kubernetes, model = one.kubernetes, one.model
    return WatchedService(
        name=name,
        channel=one.channel,
        command=settings.command_of(name),
        match=one.match,
        namespace=kubernetes.namespace if kubernetes else "",
        deployment=kubernetes.deployment if kubernetes else "",
        hpa=(kubernetes.hpa or "") if kubernetes else "",
        cronjob=(kubernetes.cronjob or "") if kubernetes else "",
        model=model.name if model else "",
        model_alias=model.alias if model else "",
        model_baseline=float(model.baseline) if model and model.baseline is not None else None,
        metrics=tuple(
            NamedMetric(
                name=metric,
                query=written.query,
                title=written.title,
                unit=written.unit,
                threshold=None if written.threshold is None else float(written.threshold),
                worse=Worse(written.worse),
            )
            for metric, written in one.metrics.items()
        ),
        connectivity=tuple(_probe(target) for target in one.connectivity),
        policy=AccessPolicy(
            channel=one.channel,
            viewers=one.viewers,
            responders=one.responders,
            approvers=one.approvers,
        ),
        oncall=one.oncall or "",
        mention=frozenset(one.mention),
        dashboard_url=one.links.dashboard or "",
        bounds=Bounds(
            may_be_reverted=one.remediation.may_be_reverted,
            nodes_may_grow=one.remediation.nodes_may_grow,
        ),
        approval=approval_policy(one, protected=settings.remediations.protected_namespaces),
        retraining=_retraining(one.retraining),
    )


def _retraining(wished: RetrainingSettings) -> RetrainingRules:
    return RetrainingRules(
        drift_above=float(wished.drift_above),
        accuracy_drop=float(wished.accuracy_drop),
        oldest=wished.oldest,
        min_between=timedelta(days=float(wished.min_days_since_training)),
        fewest_rows=wished.fewest_rows,
        most_a_week=wished.most_a_week,
        broken_above=float(wished.broken_above),
        report_holds=wished.report_holds,
        proposes=wished.propose,
        rest=wished.rest,
    )


def _probe(target: TargetSettings) -> ProbeTarget:
    ways = ((Way.TCP, target.tcp), (Way.HTTP, target.http), (Way.DNS, target.dns))
    way, address = next((way, str(address)) for way, address in ways if address is not None)
    return ProbeTarget(name=target.name, way=way, address=address, expect=target.expect)


def check_target(service: WatchedService) -> CheckTarget:
    """What the checks of a service look at."""
    return CheckTarget(
        service=service.name,
        namespace=service.namespace,
        deployment=service.deployment,
        hpa=service.hpa,
        cronjob=service.cronjob,
        model=service.model,
        model_alias=service.model_alias,
        model_baseline=service.model_baseline,
        metrics=service.metrics,
        connectivity=service.connectivity,
        retraining=service.retraining,
    )


def routing(services: Mapping[str, WatchedService]) -> ServiceRouting:
    """Whose an alert with these labels is: the first service whose matchers all hold."""

    def route(labels: Mapping[str, str]) -> Destination | None:
        for one in services.values():
            if matches_all(one.match, labels):
                return Destination(service=one.name, channel=one.channel)
        return None

    return route


def classification(runbooks: Callable[[], Iterable[Runbook]]) -> Callable[[Alert], Classification]:
    """What an alert means: its runbook, and the severity that the runbook or else its label says."""

    def classify(alert: Alert) -> Classification:
        runbook = select_runbook(runbooks(), alert.labels).runbook
        by_label = Severity.from_label(alert.labels.get("severity"))
        severity = runbook.severity if runbook and runbook.severity else by_label
        return Classification(severity=severity, runbook=runbook.name if runbook else None)

    return classify


def checks_without_being_named(service: WatchedService, runbook: Runbook | None) -> tuple[str, ...]:
    """What runs whatever the runbook says: known ways to fail; without a runbook, all that can.

    Names of checks that this version has not are passed over by whoever runs them.
    """
    named = ("failures",) if service.deployment or service.cronjob else ()
    if runbook is not None:
        return named
    by_object = {
        "pods": service.deployment,
        "rollouts": service.deployment,
        "events": service.deployment,
        "hpa": service.hpa,
        "jobs": service.cronjob,
        "metrics": service.metrics,
    }
    return (*named, *(name for name, configured in by_object.items() if configured))
