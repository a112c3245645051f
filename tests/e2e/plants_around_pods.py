"""Plants whose signs are around the pods: refusals, rollouts, budgets, autoscalers, network, jobs."""

from typing import Any

from bot.domain.suspects import FailureMode as M
from tests.e2e.planting import NAME, PATH, Bed, Plant, ago, ended, pause, stamp
from tests.e2e.servers.programs import until
from tests.e2e.servers.workloads import autoscaler, cron_job, disruption_budget, job_of

CRON = "training-pipeline"
_SPEC = "spec.template.spec"
_WITH_PORT = [{"name": "http", "containerPort": 8080}]


def _quota(bed: Bed) -> None:
    bed.apply(bed.made("v1", "ResourceQuota", "team", spec={"hard": {"pods": "1"}}))
    path = bed.path("v1", "resourcequotas", "team")
    until(
        lambda: bed.cluster.api.call(path).get("status", {}).get("used") is not None,
        "the quota counts",
        seconds=120,
    )
    bed.apply(bed.app(replicas=3))


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


def _silent_webhook(bed: Bed) -> None:
    _webhook(service={"name": "policy", "namespace": bed.namespace, "path": "/"})(bed)


def _past_deadline(bed: Bed) -> None:
    made = bed.app(by_hand=True)
    made["spec"] |= {"progressDeadlineSeconds": 2, "minReadySeconds": 0}
    bed.apply(made)


def _paused(bed: Bed) -> None:
    bed.apply(bed.app())
    bed.ready()
    made = bed.app(pod={"terminationGracePeriodSeconds": 2})
    made["spec"]["paused"] = True
    bed.apply(made)


def _budget(bed: Bed) -> None:
    bed.apply(bed.app(replicas=2), disruption_budget(bed.namespace, minimum=2))


def _at_maximum(bed: Bed) -> None:
    made = bed.app(replicas=2)
    made["spec"]["template"]["metadata"]["annotations"]["kwok.x-k8s.io/usage-cpu"] = "95m"
    bed.apply(made, autoscaler(bed.namespace, minimum=1, maximum=2))


def _blind(bed: Bed) -> None:
    bed.apply(bed.app(resources={}), autoscaler(bed.namespace))


def _wrong_target(bed: Bed) -> None:
    bed.apply(bed.app(), autoscaler(bed.namespace, target="churn-apy"))


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


def _policy(bed: Bed) -> None:
    ports = [{"port": 80, "targetPort": "http"}]
    rule = {"ports": [{"port": 9090}]}
    spec = {"podSelector": {"matchLabels": {"app": NAME}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    bed.apply(
        bed.app(ports=_WITH_PORT),
        bed.made("v1", "Service", NAME, spec={"selector": {"app": NAME}, "ports": ports}),
        bed.made("networking.k8s.io/v1", "NetworkPolicy", "only-metrics", spec=spec),
    )


def _dns(bed: Bed) -> None:
    bed.apply(bed.app(pod={"dnsPolicy": "Default"}))


def _job_fails(bed: Bed) -> None:
    cron = cron_job(bed.namespace, image=bed.cluster.image)
    job = job_of(cron, f"{CRON}-28")
    template = {**job["spec"]["template"], "metadata": {"annotations": {"lightship.test/by-hand": "true"}}}
    job["spec"] = {"backoffLimit": 0, "template": template}
    bed.apply(cron, job)
    bed.kubelet(labels=f"job-name={CRON}-28", phase="Failed", state=ended(2))


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


def _config_map(bed: Bed) -> None:
    source = [{"configMapRef": {"name": "churn-settings"}}]
    bed.apply(bed.made("v1", "ConfigMap", "churn-settings", data={"LIMIT": "1"}), bed.app(envFrom=source))
    bed.ready()
    pause(6.5)
    bed.apply(bed.made("v1", "ConfigMap", "churn-settings", data={"LIMIT": "s3cret"}))


_PROBE = {"tcpSocket": {"port": 8080}, "periodSeconds": 5}
_LIMITS = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}}
_ENV = [{"name": "MODE", "value": "s3cret"}]
_JOBS = {"cronjob": CRON}

PLANTS = (
    Plant(
        mode=M.REFUSED_BY_QUOTA,
        subject="resource quota team",
        field="spec.hard.pods",
        value="1",
        plant=_quota,
    ),
    Plant(
        mode=M.REFUSED_BY_LIMIT_RANGE,
        field=f"{PATH}.resources.limits.memory",
        value="512Mi",
        plant=_limit_range,
    ),
    Plant(
        mode=M.REFUSED_BY_WEBHOOK,
        field="spec.template",
        value="pods.policy.example: every pod needs an owner",
        plant=_webhook(),
    ),
    Plant(
        mode=M.WEBHOOK_WITHOUT_PODS,
        subject="service *",
        field="spec.selector",
        value="no answer for pods.policy.example",
        plant=_silent_webhook,
    ),
    Plant(
        mode=M.ROLLOUT_PAST_DEADLINE, field="spec.progressDeadlineSeconds", value="2", plant=_past_deadline
    ),
    Plant(mode=M.ROLLOUT_PAUSED, field="spec.paused", value="true", plant=_paused),
    Plant(
        mode=M.DISRUPTION_BUDGET_BLOCKS,
        subject=f"pod disruption budget {NAME}",
        field="spec.minAvailable",
        value="2",
        plant=_budget,
    ),
    Plant(
        mode=M.AUTOSCALER_AT_MAXIMUM,
        subject="autoscaler churn-api-hpa",
        field="spec.maxReplicas",
        value="2",
        plant=_at_maximum,
    ),
    Plant(
        mode=M.AUTOSCALER_WITHOUT_METRICS, field=f"{PATH}.resources.requests.cpu", value="none", plant=_blind
    ),
    Plant(
        mode=M.AUTOSCALER_WRONG_TARGET,
        subject="autoscaler churn-api-hpa",
        field="spec.scaleTargetRef.name",
        value="churn-apy",
        plant=_wrong_target,
    ),
    Plant(
        mode=M.AUTOSCALER_UNDOES_SCALE,
        subject="autoscaler churn-api-hpa",
        field="spec.minReplicas",
        value="1",
        plant=_undone,
    ),
    Plant(
        mode=M.SERVICE_SELECTS_NOTHING,
        subject=f"service {NAME}",
        field="spec.selector",
        value="app=churn-apy",
        plant=_service({"app": "churn-apy"}, 8080),
    ),
    Plant(
        mode=M.SERVICE_PORT_MATCHES_NOTHING,
        subject=f"service {NAME}",
        field="spec.ports[http].targetPort",
        value="web",
        plant=_service({"app": NAME}, "web"),
    ),
    Plant(
        mode=M.NETWORK_POLICY_SHUTS_PORT,
        subject="network policy only-metrics",
        field="spec.ingress",
        value="no rule for port 8080 (http)",
        plant=_policy,
    ),
    Plant(mode=M.DNS_POLICY, field=f"{_SPEC}.dnsPolicy", value="Default", plant=_dns),
    Plant(
        mode=M.JOB_OVER_BACKOFF_LIMIT,
        subject=f"job {CRON}-28",
        field="spec.backoffLimit",
        value="0",
        plant=_job_fails,
        target=_JOBS,
    ),
    Plant(
        mode=M.JOB_OVER_DEADLINE,
        subject=f"job {CRON}-29",
        field="spec.activeDeadlineSeconds",
        value="1",
        plant=_job_late,
        target=_JOBS,
    ),
    Plant(
        mode=M.CRON_JOB_SUSPENDED,
        subject=f"cron job {CRON}",
        field="spec.suspend",
        value="true",
        plant=_cron(suspend=True),
        target=_JOBS,
    ),
    Plant(
        mode=M.CRON_JOB_MISSED,
        subject=f"cron job {CRON}",
        field="spec.startingDeadlineSeconds",
        value="none",
        plant=_missed,
        target=_JOBS,
    ),
    Plant(
        mode=M.CHANGED_IMAGE,
        field=f"{PATH}.image",
        value="image of container api: busybox → busybox:1.36",
        plant=_released(image="busybox:1.36"),
    ),
    Plant(
        mode=M.CHANGED_ENVIRONMENT,
        field=f"{PATH}.env",
        value="environment of container api: added MODE",
        plant=_released(env=_ENV),
    ),
    Plant(
        mode=M.CHANGED_RESOURCES,
        field=f"{PATH}.resources.limits.memory",
        value="memory limits of container api: 512Mi → 64Mi",
        plant=_released(resources=_LIMITS),
    ),
    Plant(
        mode=M.CHANGED_PROBE,
        field=f"{PATH}.readinessProbe",
        value="readiness probe of container api added",
        plant=_released(readinessProbe=_PROBE),
    ),
    Plant(
        mode=M.CHANGED_COMMAND,
        field=f"{PATH}.command",
        value="command of container api changed",
        plant=_released(command=["serve", "--fast"]),
    ),
    Plant(
        mode=M.CONFIG_MAP_NEWER,
        subject="config map churn-settings",
        field="data",
        value="changed",
        plant=_config_map,
    ),
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
