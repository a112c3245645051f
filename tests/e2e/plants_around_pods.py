"""Plants whose signs are around the pods: refusals, rollouts, budgets, autoscalers, network, jobs."""

from functools import partial
from typing import Any

from bot.domain.suspects import FailureMode as M
from tests.e2e.planting import NAME, PATH, Bed, Plant, ago, ended, pause, planted, stamp
from tests.e2e.servers.programs import until
from tests.e2e.servers.workloads import autoscaler, cron_job, disruption_budget, job_of

CRON = "training-pipeline"
_SPEC = "spec.template.spec"
_WITH_PORT = [{"name": "http", "containerPort": 8080}]
_PROBE = {"tcpSocket": {"port": 8080}, "periodSeconds": 5}
_LIMITS = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}}
_ENV = [{"name": "MODE", "value": "s3cret"}]
_JOBS = {"cronjob": CRON}

PLANTS: list[Plant] = []
_plant = partial(planted, PLANTS)


@_plant(M.REFUSED_BY_QUOTA, "spec.hard.pods", "1", subject="resource quota team")
def _quota(bed: Bed) -> None:
    bed.apply(bed.made("v1", "ResourceQuota", "team", spec={"hard": {"pods": "1"}}))
    path = bed.path("v1", "resourcequotas", "team")
    until(
        lambda: bed.cluster.api.call(path).get("status", {}).get("used") is not None,
        "the quota counts",
        seconds=120,
    )
    bed.apply(bed.app(replicas=3))


@_plant(M.REFUSED_BY_LIMIT_RANGE, f"{PATH}.resources.limits.memory", "512Mi")
def _limit_range(bed: Bed) -> None:
    limit = {"type": "Container", "max": {"memory": "256Mi"}}
    bed.apply(bed.made("v1", "LimitRange", "bounds", spec={"limits": [limit]}), bed.app())


def _webhook(**client: Any) -> Any:
    def plant(bed: Bed) -> None:
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
        hook = {
            "name": "pods.policy.example",
            "clientConfig": client or bed.cluster.refusing_webhook(),
            "rules": [rule],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": bed.namespace}},
            "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 1 if client else 10, "failurePolicy": "Fail",
        }  # fmt: skip
        kind = "ValidatingWebhookConfiguration"
        metadata = {"name": bed.namespace}
        bed.apply(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": kind,
                "metadata": metadata,
                "webhooks": [hook],
            },
            bed.made(
                "v1", "Service", "policy", spec={"selector": {"app": "policy"}, "ports": [{"port": 443}]}
            ),
            bed.app(),
        )

    return plant


@_plant(M.WEBHOOK_WITHOUT_PODS, "spec.selector", "no answer for pods.policy.example", subject="service *")
def _silent_webhook(bed: Bed) -> None:
    _webhook(service={"name": "policy", "namespace": bed.namespace, "path": "/"})(bed)


@_plant(M.ROLLOUT_PAST_DEADLINE, "spec.progressDeadlineSeconds", "2")
def _past_deadline(bed: Bed) -> None:
    made = bed.app(by_hand=True)
    made["spec"] |= {"progressDeadlineSeconds": 2, "minReadySeconds": 0}
    bed.apply(made)


@_plant(M.ROLLOUT_PAUSED, "spec.paused", "true")
def _paused(bed: Bed) -> None:
    bed.apply(bed.app())
    bed.ready()
    made = bed.app(pod={"terminationGracePeriodSeconds": 2})
    made["spec"]["paused"] = True
    bed.apply(made)


@_plant(M.DISRUPTION_BUDGET_BLOCKS, "spec.minAvailable", "2", subject=f"pod disruption budget {NAME}")
def _budget(bed: Bed) -> None:
    bed.apply(bed.app(replicas=2), disruption_budget(bed.namespace, minimum=2))


@_plant(M.AUTOSCALER_AT_MAXIMUM, "spec.maxReplicas", "2", subject="autoscaler churn-api-hpa")
def _at_maximum(bed: Bed) -> None:
    made = bed.app(replicas=2)
    made["spec"]["template"]["metadata"]["annotations"]["kwok.x-k8s.io/usage-cpu"] = "95m"
    bed.apply(made, autoscaler(bed.namespace, minimum=1, maximum=2))


@_plant(M.AUTOSCALER_WITHOUT_METRICS, f"{PATH}.resources.requests.cpu", "none")
def _blind(bed: Bed) -> None:
    bed.apply(bed.app(resources={}), autoscaler(bed.namespace))


@_plant(
    M.AUTOSCALER_WRONG_TARGET, "spec.scaleTargetRef.name", "churn-apy", subject="autoscaler churn-api-hpa"
)
def _wrong_target(bed: Bed) -> None:
    bed.apply(bed.app(), autoscaler(bed.namespace, target="churn-apy"))


@_plant(M.AUTOSCALER_UNDOES_SCALE, "spec.minReplicas", "1", subject="autoscaler churn-api-hpa")
def _undone(bed: Bed) -> None:
    bed.apply(bed.app(replicas=2), autoscaler(bed.namespace, minimum=1, maximum=4))
    path = bed.path("autoscaling/v2", "horizontalpodautoscalers", "churn-api-hpa")

    def works() -> bool:
        said = bed.cluster.api.call(path).get("status", {})
        return any(
            one["type"] == "ScalingActive" and one["status"] == "True" for one in said.get("conditions", ())
        )

    until(works, "the autoscaler reads its metrics", seconds=120)
    bed.cluster.api.merge(bed.path("apps/v1", "deployments", NAME, "scale"), {"spec": {"replicas": 4}})


def _service(selector: dict[str, str], port: Any) -> Any:
    def plant(bed: Bed) -> None:
        ports = [{"name": "http", "port": 80, "targetPort": port}]
        spec = {"selector": selector, "ports": ports}
        bed.apply(bed.app(ports=_WITH_PORT), bed.made("v1", "Service", NAME, spec=spec))

    return plant


@_plant(
    M.NETWORK_POLICY_SHUTS_PORT,
    "spec.ingress",
    "no rule for port 8080 (http)",
    subject="network policy only-metrics",
)
def _policy(bed: Bed) -> None:
    ports = [{"port": 80, "targetPort": "http"}]
    rule = {"ports": [{"port": 9090}]}
    spec = {"podSelector": {"matchLabels": {"app": NAME}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    bed.apply(
        bed.app(ports=_WITH_PORT),
        bed.made("v1", "Service", NAME, spec={"selector": {"app": NAME}, "ports": ports}),
        bed.made("networking.k8s.io/v1", "NetworkPolicy", "only-metrics", spec=spec),
    )


@_plant(M.DNS_POLICY, f"{_SPEC}.dnsPolicy", "Default")
def _dns(bed: Bed) -> None:
    bed.apply(bed.app(pod={"dnsPolicy": "Default"}))


@_plant(M.JOB_OVER_BACKOFF_LIMIT, "spec.backoffLimit", "0", subject=f"job {CRON}-28", target=_JOBS)
def _job_fails(bed: Bed) -> None:
    cron = cron_job(bed.namespace, image=bed.cluster.image)
    job = job_of(cron, f"{CRON}-28")
    template = {**job["spec"]["template"], "metadata": {"annotations": {"lightship.test/by-hand": "true"}}}
    job["spec"] = {"backoffLimit": 0, "template": template}
    bed.apply(cron, job)
    bed.kubelet(labels=f"job-name={CRON}-28", phase="Failed", state=ended(2))


@_plant(M.JOB_OVER_DEADLINE, "spec.activeDeadlineSeconds", "1", subject=f"job {CRON}-29", target=_JOBS)
def _job_late(bed: Bed) -> None:
    cron = cron_job(bed.namespace, image=bed.cluster.image)
    job = job_of(cron, f"{CRON}-29")
    pod = job["spec"]["template"]["spec"] | {"nodeSelector": {"nowhere": "here"}}
    job["spec"] = {"activeDeadlineSeconds": 1, "template": {"spec": pod}}
    bed.apply(cron, job)


def _cron(**spec: Any) -> Any:
    def plant(bed: Bed) -> None:
        cron = cron_job(bed.namespace, image=bed.cluster.image)
        cron["spec"] |= spec
        bed.apply(cron)

    return plant


@_plant(M.CRON_JOB_MISSED, "spec.startingDeadlineSeconds", "none", subject=f"cron job {CRON}", target=_JOBS)
def _missed(bed: Bed) -> None:
    _cron(schedule="* * * * *")(bed)
    path = bed.path("batch/v1", "cronjobs", CRON, "status")
    bed.cluster.api.merge(path, {"status": {"lastScheduleTime": stamp(ago(days=1))}})


def _released(**container: Any) -> Any:
    def plant(bed: Bed) -> None:
        bed.apply(bed.app())
        bed.ready()
        bed.apply(bed.app(**container))

    return plant


@_plant(M.CONFIG_MAP_NEWER, "data", "changed", subject="config map churn-settings")
def _config_map(bed: Bed) -> None:
    source = [{"configMapRef": {"name": "churn-settings"}}]
    bed.apply(bed.made("v1", "ConfigMap", "churn-settings", data={"LIMIT": "1"}), bed.app(envFrom=source))
    bed.ready()
    pause(6.5)
    bed.apply(bed.made("v1", "ConfigMap", "churn-settings", data={"LIMIT": "s3cret"}))


_plant(M.REFUSED_BY_WEBHOOK, "spec.template", "pods.policy.example: every pod needs an owner")(_webhook())
_plant(M.SERVICE_SELECTS_NOTHING, "spec.selector", "app=churn-apy", subject=f"service {NAME}")(
    _service({"app": "churn-apy"}, 8080)
)
_plant(M.SERVICE_PORT_MATCHES_NOTHING, "spec.ports[http].targetPort", "web", subject=f"service {NAME}")(
    _service({"app": NAME}, "web")
)
_plant(M.CRON_JOB_SUSPENDED, "spec.suspend", "true", subject=f"cron job {CRON}", target=_JOBS)(
    _cron(suspend=True)
)
_plant(M.CHANGED_IMAGE, f"{PATH}.image", "image of container api: busybox → busybox:1.36")(
    _released(image="busybox:1.36")
)
_plant(M.CHANGED_ENVIRONMENT, f"{PATH}.env", "environment of container api: added MODE")(_released(env=_ENV))
_plant(
    M.CHANGED_RESOURCES, f"{PATH}.resources.limits.memory", "memory limits of container api: 512Mi → 64Mi"
)(_released(resources=_LIMITS))
_plant(M.CHANGED_PROBE, f"{PATH}.readinessProbe", "readiness probe of container api added")(
    _released(readinessProbe=_PROBE)
)
_plant(M.CHANGED_COMMAND, f"{PATH}.command", "command of container api changed")(
    _released(command=["serve", "--fast"])
)


def healthy(bed: Bed) -> None:
    """A service as it should be, with everything around it that could be wrong."""
    ports = [
        {"name": "http", "port": 80, "targetPort": "http"},
        {"name": "metrics", "port": 9090, "targetPort": 8080},
    ]
    rule = {"ports": [{"port": "http"}]}
    spec = {"podSelector": {"matchLabels": {"app": NAME}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    source = [{"configMapRef": {"name": "churn-settings"}}]
    bed.apply(
        bed.made("v1", "ConfigMap", "churn-settings", data={"LIMIT": "1"}),
        bed.app(replicas=3, ports=_WITH_PORT, envFrom=source, readinessProbe=_PROBE, livenessProbe=_PROBE),
        bed.made("v1", "Service", NAME, spec={"selector": {"app": NAME}, "ports": ports}),
        bed.made("v1", "Service", "other", spec={"selector": {"app": "other"}, "ports": [{"port": 80}]}),
        bed.made("networking.k8s.io/v1", "NetworkPolicy", "http", spec=spec),
        disruption_budget(bed.namespace, minimum=2),
        autoscaler(bed.namespace, minimum=3, maximum=9, cpu_percent=80),
        cron_job(bed.namespace, image=bed.cluster.image),
    )
    bed.ready(3)


def healthy_by_hand(bed: Bed) -> None:
    """A service without autoscaler, that somebody has just scaled by hand."""
    bed.apply(bed.app(replicas=1))
    bed.ready()
    bed.cluster.api.merge(bed.path("apps/v1", "deployments", NAME, "scale"), {"spec": {"replicas": 2}})
    bed.ready(2)


def scaled_to_nothing(bed: Bed) -> None:
    """A service that is meant to rest."""
    bed.apply(bed.app(replicas=0))
