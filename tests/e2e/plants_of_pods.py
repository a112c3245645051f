"""Plants whose signs are on pods: images, commands, ends, probes, references, nodes."""

from datetime import timedelta
from functools import partial
from typing import Any

from bot.domain.suspects import FailureMode as M
from tests.e2e.planting import PATH, Bed, Plant, ago, crash_loops, ended, planted, runs, waits

PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 3}
PROBE_WORDS = "GET /healthz on port 8080, timeout 1 s, 3 failures in a row"
REGISTRY = "registry.example/churn-api"
_RULE = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["moon"]}]}
_NEAR = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_RULE]}}}
_TERM = {"labelSelector": {"matchLabels": {"app": "churn-api"}}, "topologyKey": "kubernetes.io/hostname"}
_APART = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_TERM]}}
_SPEC = "spec.template.spec"
_FIRST = f"{_SPEC}.initContainers[wait-for-database]"

PLANTS: list[Plant] = []
_plant = partial(planted, PLANTS)


def _image(message: str, tag: str, *, event: str = "") -> Any:
    def plant(bed: Bed) -> None:
        bed.apply(bed.app(by_hand=True, image=f"{REGISTRY}:{tag}"))
        reason = "ImagePullBackOff" if event else "ErrImagePull"
        name = bed.kubelet(phase="Pending", **waits(reason, message.format(image=f"{REGISTRY}:{tag}")))
        if event:
            bed.event(name, "Failed", event.format(image=f"{REGISTRY}:{tag}"))

    return plant


@_plant(M.COMMAND_WRONG, f"{PATH}.command", "servee --port 8080")
def _command(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True, command=["servee", "--port", "8080"]))
    said = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "servee": executable file not found in $PATH: unknown'  # noqa: E501 - as it is written
    bed.kubelet(**waits("RunContainerError", said))


@_plant(M.EXITS_WITH_ERROR, PATH, "exit code 3", says="KeyError: 'MODEL_URI'")
def _exits(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True))
    name = bed.kubelet(**crash_loops(3))
    bed.cluster.set_logs(bed.namespace, name, "starting\n", previous="starting\nKeyError: 'MODEL_URI'\n")


@_plant(M.OUT_OF_MEMORY, f"{PATH}.resources.limits.memory", "512Mi")
def _out_of_memory(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True))
    bed.kubelet(**crash_loops(137, "OOMKilled"))


@_plant(M.LIVENESS_KILLS, f"{PATH}.livenessProbe", PROBE_WORDS)
def _liveness(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True, livenessProbe=PROBE))
    name = bed.kubelet(ready=True, restartCount=5, lastState=ended(137), **runs(seconds=8))
    bed.event(name, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", count=15)


@_plant(M.READINESS_NEVER_PASSES, f"{PATH}.readinessProbe", PROBE_WORDS)
def _readiness_never(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True, readinessProbe=PROBE))
    name = bed.kubelet(changed=ago(minutes=6), **runs(minutes=5))
    bed.event(name, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404", count=90)


@_plant(M.READINESS_FLAPS, f"{PATH}.readinessProbe", PROBE_WORDS)
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


@_plant(M.CONFIG_MAP_MISSING, f"{PATH}.envFrom.configMapRef", "churn-settings")
def _config_map(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True, envFrom=[{"configMapRef": {"name": "churn-settings"}}]))
    bed.kubelet(
        phase="Pending", **waits("CreateContainerConfigError", 'configmap "churn-settings" not found')
    )


@_plant(M.SECRET_MISSING, f"{_SPEC}.volumes[credentials].secret", "churn-database")
def _secret(bed: Bed) -> None:
    volume = {"name": "credentials", "secret": {"secretName": "churn-database"}}
    bed.apply(bed.app(by_hand=True, pod={"volumes": [volume]}))
    name = bed.kubelet(phase="Pending", **waits("ContainerCreating"))
    bed.event(
        name,
        "FailedMount",
        'MountVolume.SetUp failed for volume "credentials" : secret "churn-database" not found',
    )


@_plant(
    M.CONFIG_KEY_MISSING,
    f"{PATH}.env[MODEL_URI].valueFrom.configMapKeyRef",
    "MODEL_URI of ConfigMap churn-settings",
)
def _key(bed: Bed) -> None:
    config = bed.made("v1", "ConfigMap", "churn-settings", data={"OTHER": "1"})
    reference = {"configMapKeyRef": {"name": "churn-settings", "key": "MODEL_URI"}}
    bed.apply(config, bed.app(by_hand=True, env=[{"name": "MODEL_URI", "valueFrom": reference}]))
    said = f"couldn't find key MODEL_URI in ConfigMap {bed.namespace}/churn-settings"
    bed.kubelet(phase="Pending", **waits("CreateContainerConfigError", said))


@_plant(M.VOLUME_CLAIM_UNBOUND, "spec.storageClassName", "fast", subject="persistent volume claim churn-data")
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


@_plant(M.MOUNT_FAILS, f"{_SPEC}.volumes[models]", "models")
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


@_plant(M.EVICTED_BY_PRESSURE, f"{PATH}.resources.requests.memory", "64Mi")
def _evicted(bed: Bed) -> None:
    bed.apply(bed.app(by_hand=True))
    said = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container api was using 480Mi, request is 64Mi, has larger consumption of memory. "  # noqa: E501 - as it is written
    bed.kubelet(phase="Failed", status={"reason": "Evicted", "message": said}, state=ended(137))


@_plant(M.PREEMPTED, f"{_SPEC}.priorityClassName", "none")
def _preempted(bed: Bed) -> None:
    bed.apply(bed.app(pod={"nodeSelector": {"pool": "small"}}, resources={"requests": {"cpu": "800m"}}))
    bed.ready()
    container = {"name": "greedy", "image": bed.cluster.image, "resources": {"requests": {"cpu": "800m"}}}
    spec = {"nodeSelector": {"pool": "small"}, "priorityClassName": "e2e-urgent", "containers": [container]}
    bed.apply(bed.made("v1", "Pod", "greedy", spec=spec))


_plant(M.IMAGE_MISSING, f"{PATH}.image", f"{REGISTRY}:nope")(
    _image(
        'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": '
        'failed to resolve reference "{image}": {image}: not found',
        "nope",
    )
)
_plant(M.IMAGE_PULL_REFUSED, f"{PATH}.image", f"{REGISTRY}:private")(
    _image(
        'Back-off pulling image "{image}"',
        "private",
        event='Failed to pull image "{image}": failed to authorize: failed to fetch oauth token: '
        "unexpected status from GET request to https://auth.example/token: 401 Unauthorized",
    )
)
_plant(M.IMAGE_ARCHITECTURE, f"{PATH}.image", f"{REGISTRY}:arm")(
    _image(
        'Back-off pulling image "{image}"',
        "arm",
        event='Failed to pull image "{image}": '
        "no matching manifest for linux/amd64 in the manifest list entries",
    )
)
_plant(M.IMAGE_PULL_FAILS, f"{PATH}.image", f"{REGISTRY}:slow")(
    _image('failed to pull image "{image}": dial tcp 192.0.2.1:443: i/o timeout', "slow")
)
_plant(M.INIT_CONTAINER_HANGS, f"{_FIRST}.command", "sh -c until nslookup database; do sleep 2; done")(
    _init(**runs(minutes=9))
)
_plant(M.INIT_CONTAINER_FAILS, _FIRST, "exit code 1")(_init(**crash_loops(1)))
_plant(M.UNSCHEDULABLE_CPU, f"{PATH}.resources.requests.cpu", "64")(_requests(cpu="64"))
_plant(M.UNSCHEDULABLE_MEMORY, f"{PATH}.resources.requests.memory", "900Gi")(_requests(memory="900Gi"))
_plant(M.UNSCHEDULABLE_NODE_SELECTOR, f"{_SPEC}.nodeSelector", "disk=nvme")(
    _placed(nodeSelector={"disk": "nvme"})
)
_plant(M.UNSCHEDULABLE_AFFINITY, f"{_SPEC}.affinity.nodeAffinity", "zone In moon")(_placed(affinity=_NEAR))
_plant(
    M.UNSCHEDULABLE_ANTI_AFFINITY,
    f"{_SPEC}.affinity.podAntiAffinity",
    "app=churn-api by kubernetes.io/hostname",
)(_placed(replicas=9, affinity=_APART))
_plant(M.UNSCHEDULABLE_TAINT, f"{_SPEC}.tolerations", "gpu=true:NoSchedule")(
    _placed(nodeSelector={"pool": "gpu"})
)
_plant(M.NODE_CORDONED, "spec.unschedulable", "true", subject="node e2e-cordoned")(
    _placed(nodeSelector={"pool": "cordoned"})
)
_plant(M.NODE_NOT_READY, "status.conditions[Ready]", "False", subject="node e2e-lost")(
    _placed(nodeSelector={"pool": "lost"})
)
