"""Plants whose signs are on pods: images, commands, ends, probes, references, nodes."""

from datetime import timedelta
from typing import Any

from bot.domain.suspects import FailureMode as M
from tests.e2e.planting import PATH, Bed, Plant, ago, crash_loops, ended, runs, waits

PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 3}
PROBE_WORDS = "GET /healthz on port 8080, timeout 1 s, 3 failures in a row"
REGISTRY = "registry.example/churn-api"


def _image(message: str, tag: str, *, event: str = "") -> Any:
    def plant(bed: Bed) -> None:
        bed.apply(bed.app(by_hand=True, image=f"{REGISTRY}:{tag}"))
        reason = "ImagePullBackOff" if event else "ErrImagePull"
        name = bed.kubelet(phase="Pending", **waits(reason, message.format(image=f"{REGISTRY}:{tag}")))
        if event:
            bed.event(name, "Failed", event.format(image=f"{REGISTRY}:{tag}"))

    return plant


def _command(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True, command=["servee", "--port", "8080"]))
    said = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "servee": executable file not found in $PATH: unknown'  # noqa: E501 - as it is written
    bed.kubelet(**waits("RunContainerError", said))


def _exits(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True))
    name = bed.kubelet(**crash_loops(3))
    bed.cluster.set_logs(bed.namespace, name, "starting\n", previous="starting\nKeyError: 'MODEL_URI'\n")


def _out_of_memory(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True))
    bed.kubelet(**crash_loops(137, "OOMKilled"))


def _liveness(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True, livenessProbe=PROBE))
    name = bed.kubelet(ready=True, restartCount=5, lastState=ended(137), **runs(seconds=8))
    bed.event(name, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", count=15)


def _readiness_never(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True, readinessProbe=PROBE))
    name = bed.kubelet(changed=ago(minutes=6), **runs(minutes=5))
    bed.event(name, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404", count=90)


def _readiness_flaps(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True, readinessProbe=PROBE))
    name = bed.kubelet(ready=True, changed=ago(seconds=20), **runs(minutes=50))
    bed.event(
        name,
        "Unhealthy",
        "Readiness probe failed: context deadline exceeded",
        count=12,
        first=timedelta(minutes=20),
    )


def _init(**status: Any) -> Any:
    def plant(bed: Bed) -> None:
        command = ["sh", "-c", "until nslookup database; do sleep 2; done"]
        first = {"name": "wait-for-database", "image": bed.cluster.image, "command": command}
        bed.apply(bed.app(by_hand=True, pod={"initContainers": [first]}))
        bed.kubelet(phase="Pending", init=status, **waits("PodInitializing"))

    return plant


def _config_map(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True, envFrom=[{"configMapRef": {"name": "churn-settings"}}]))
    bed.kubelet(
        phase="Pending", **waits("CreateContainerConfigError", 'configmap "churn-settings" not found')
    )


def _secret(bed: Bed) -> None:
    volume = {"name": "credentials", "secret": {"secretName": "churn-database"}}
    bed.apply(bed.app(by_hand=True, pod={"volumes": [volume]}))
    name = bed.kubelet(phase="Pending", **waits("ContainerCreating"))
    bed.event(
        name,
        "FailedMount",
        'MountVolume.SetUp failed for volume "credentials" : secret "churn-database" not found',
    )


def _key(bed: Bed) -> None:
    config = bed.made("v1", "ConfigMap", "churn-settings", data={"OTHER": "1"})
    reference = {"configMapKeyRef": {"name": "churn-settings", "key": "MODEL_URI"}}
    bed.apply(config, bed.app(by_hand=True, env=[{"name": "MODEL_URI", "valueFrom": reference}]))
    said = f"couldn't find key MODEL_URI in ConfigMap {bed.namespace}/churn-settings"
    bed.kubelet(phase="Pending", **waits("CreateContainerConfigError", said))


def _claim(bed: Bed) -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "churn-data"}}
    bed.apply(
        bed.made("v1", "PersistentVolumeClaim", "churn-data", spec=spec), bed.app(pod={"volumes": [volume]})
    )


def _mount(bed: Bed) -> None:
    volume = {"name": "models", "nfs": {"server": "nfs.example", "path": "/models"}}
    bed.apply(bed.app(by_hand=True, pod={"volumes": [volume]}))
    name = bed.kubelet(phase="Pending", **waits("ContainerCreating"))
    said = 'MountVolume.SetUp failed for volume "models" : mount failed: mount.nfs: Connection timed out'
    bed.event(name, "FailedMount", said)


def _requests(**requests: str) -> Any:
    def plant(bed: Bed) -> None:
        bed.apply(bed.app(resources={"requests": requests}))

    return plant


def _placed(replicas: int = 1, **pod: Any) -> Any:
    def plant(bed: Bed) -> None:
        bed.apply(bed.app(replicas=replicas, pod=pod))

    return plant


def _evicted(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True))
    said = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container api was using 480Mi, request is 64Mi, has larger consumption of memory. "  # noqa: E501 - as it is written
    bed.kubelet(phase="Failed", status={"reason": "Evicted", "message": said}, state=ended(137))


def _preempted(bed: Bed) -> None:
    bed.apply(bed.app(pod={"nodeSelector": {"pool": "small"}}, resources={"requests": {"cpu": "800m"}}))
    bed.ready()
    container = {"name": "greedy", "image": bed.cluster.image, "resources": {"requests": {"cpu": "800m"}}}
    spec = {"nodeSelector": {"pool": "small"}, "priorityClassName": "e2e-urgent", "containers": [container]}
    bed.apply(bed.made("v1", "Pod", "greedy", spec=spec))


_RULE = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["moon"]}]}
_NEAR = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_RULE]}}}
_TERM = {"labelSelector": {"matchLabels": {"app": "churn-api"}}, "topologyKey": "kubernetes.io/hostname"}
_APART = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_TERM]}}
_SPEC = "spec.template.spec"
_FIRST = f"{_SPEC}.initContainers[wait-for-database]"

PLANTS = (
    Plant(
        mode=M.IMAGE_MISSING,
        field=f"{PATH}.image",
        value=f"{REGISTRY}:nope",
        plant=_image(
            'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": '
            'failed to resolve reference "{image}": {image}: not found',
            "nope",
        ),
    ),
    Plant(
        mode=M.IMAGE_PULL_REFUSED,
        field=f"{PATH}.image",
        value=f"{REGISTRY}:private",
        plant=_image(
            'Back-off pulling image "{image}"',
            "private",
            event='Failed to pull image "{image}": failed to authorize: failed to fetch oauth token: '
            "unexpected status from GET request to https://auth.example/token: 401 Unauthorized",
        ),
    ),
    Plant(
        mode=M.IMAGE_ARCHITECTURE,
        field=f"{PATH}.image",
        value=f"{REGISTRY}:arm",
        plant=_image(
            'Back-off pulling image "{image}"',
            "arm",
            event='Failed to pull image "{image}": '
            "no matching manifest for linux/amd64 in the manifest list entries",
        ),
    ),
    Plant(
        mode=M.IMAGE_PULL_FAILS,
        field=f"{PATH}.image",
        value=f"{REGISTRY}:slow",
        plant=_image('failed to pull image "{image}": dial tcp 192.0.2.1:443: i/o timeout', "slow"),
    ),
    Plant(mode=M.COMMAND_WRONG, field=f"{PATH}.command", value="servee --port 8080", plant=_command),
    Plant(
        mode=M.EXITS_WITH_ERROR, field=PATH, value="exit code 3", says="KeyError: 'MODEL_URI'", plant=_exits
    ),
    Plant(mode=M.OUT_OF_MEMORY, field=f"{PATH}.resources.limits.memory", value="512Mi", plant=_out_of_memory),
    Plant(mode=M.LIVENESS_KILLS, field=f"{PATH}.livenessProbe", value=PROBE_WORDS, plant=_liveness),
    Plant(
        mode=M.READINESS_NEVER_PASSES,
        field=f"{PATH}.readinessProbe",
        value=PROBE_WORDS,
        plant=_readiness_never,
    ),
    Plant(mode=M.READINESS_FLAPS, field=f"{PATH}.readinessProbe", value=PROBE_WORDS, plant=_readiness_flaps),
    Plant(
        mode=M.INIT_CONTAINER_HANGS,
        field=f"{_FIRST}.command",
        value="sh -c until nslookup database; do sleep 2; done",
        plant=_init(**runs(minutes=9)),
    ),
    Plant(mode=M.INIT_CONTAINER_FAILS, field=_FIRST, value="exit code 1", plant=_init(**crash_loops(1))),
    Plant(
        mode=M.CONFIG_MAP_MISSING,
        field=f"{PATH}.envFrom.configMapRef",
        value="churn-settings",
        plant=_config_map,
    ),
    Plant(
        mode=M.SECRET_MISSING,
        field=f"{_SPEC}.volumes[credentials].secret",
        value="churn-database",
        plant=_secret,
    ),
    Plant(
        mode=M.CONFIG_KEY_MISSING,
        field=f"{PATH}.env[MODEL_URI].valueFrom.configMapKeyRef",
        value="MODEL_URI of ConfigMap churn-settings",
        plant=_key,
    ),
    Plant(
        mode=M.VOLUME_CLAIM_UNBOUND,
        subject="persistent volume claim churn-data",
        field="spec.storageClassName",
        value="fast",
        plant=_claim,
    ),
    Plant(mode=M.MOUNT_FAILS, field=f"{_SPEC}.volumes[models]", value="models", plant=_mount),
    Plant(
        mode=M.UNSCHEDULABLE_CPU,
        field=f"{PATH}.resources.requests.cpu",
        value="64",
        plant=_requests(cpu="64"),
    ),
    Plant(
        mode=M.UNSCHEDULABLE_MEMORY,
        field=f"{PATH}.resources.requests.memory",
        value="900Gi",
        plant=_requests(memory="900Gi"),
    ),
    Plant(
        mode=M.UNSCHEDULABLE_NODE_SELECTOR,
        field=f"{_SPEC}.nodeSelector",
        value="disk=nvme",
        plant=_placed(nodeSelector={"disk": "nvme"}),
    ),
    Plant(
        mode=M.UNSCHEDULABLE_AFFINITY,
        field=f"{_SPEC}.affinity.nodeAffinity",
        value="zone In moon",
        plant=_placed(affinity=_NEAR),
    ),
    Plant(
        mode=M.UNSCHEDULABLE_ANTI_AFFINITY,
        field=f"{_SPEC}.affinity.podAntiAffinity",
        value="app=churn-api by kubernetes.io/hostname",
        plant=_placed(replicas=9, affinity=_APART),
    ),
    Plant(
        mode=M.UNSCHEDULABLE_TAINT,
        field=f"{_SPEC}.tolerations",
        value="gpu=true:NoSchedule",
        plant=_placed(nodeSelector={"pool": "gpu"}),
    ),
    Plant(
        mode=M.NODE_CORDONED,
        subject="node e2e-cordoned",
        field="spec.unschedulable",
        value="true",
        plant=_placed(nodeSelector={"pool": "cordoned"}),
    ),
    Plant(
        mode=M.NODE_NOT_READY,
        subject="node e2e-lost",
        field="status.conditions[Ready]",
        value="False",
        plant=_placed(nodeSelector={"pool": "lost"}),
    ),
    Plant(
        mode=M.EVICTED_BY_PRESSURE, field=f"{PATH}.resources.requests.memory", value="64Mi", plant=_evicted
    ),
    Plant(mode=M.PREEMPTED, field=f"{_SPEC}.priorityClassName", value="none", plant=_preempted),
)
