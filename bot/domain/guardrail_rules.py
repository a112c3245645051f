"""The rules of the guardrails, in CEL: what a Job, a Deployment, an autoscaler may be made or changed to.

`bot.domain.guardrails` puts them into policies. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain.calls import CRON_JOB_LABEL, MADE_FOR, MARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OBJECT: Final = "request.namespace + '/' + request.name"
_LONGEST_LABEL: Final = 63
_LONGEST_PREFIX: Final = 46
"""Pods of a Deployment with a longer name than that have a shortened one."""

_IDENTITY: Final = (
    "serviceAccountName",
    "serviceAccount",
    "automountServiceAccountToken",
    "securityContext",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostUsers",
    "shareProcessNamespace",
    "imagePullSecrets",
    "nodeName",
    "runtimeClassName",
    "priorityClassName",
)
"""What decides as whom and how near to its node a pod runs."""

_LOOSE_ANNOTATIONS: Final = r"^([^/]+|kubectl[.]kubernetes[.]io/restartedAt|checksum/.*|prometheus[.]io/.*)$"
_LOOSE_LABELS: Final = r"^(app[.]kubernetes[.]io/version|helm[.]sh/chart|version)$"
"""Pod metadata that differs between revisions: other keys may be orders to what injects into pods.

A key without a domain is its user's own, and no injector's.
"""

_REPOSITORY: Final = r"^([^:@/]+(:[0-9]+)?/)?[^:@]+"
"""The part of an image's name before tag and digest; a registry may have a port."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One CEL expression that must hold, and what the API server says where it does not."""

    expression: str
    message: str

    def manifest(self) -> dict[str, str]:
        """As Kubernetes writes it."""
        return {"expression": self.expression, "message": f"Lightship's guardrail: {self.message}"}


_LABEL: Final = f"object.metadata.?labels[?'{CRON_JOB_LABEL}'].orValue('')"


def _list(words: Iterable[str]) -> str:
    quoted = (f"'{word}'" for word in words)
    return f"[{', '.join(quoted)}]"


def _all(*parts: str) -> str:
    """All of them, one a line."""
    return " &&\n".join(parts)


def _same(place: str, fields: Iterable[str]) -> str:
    return _all(*(f"object.{place}.?{field} == oldObject.{place}.?{field}" for field in fields))


def _kept(new: str, old: str, loose: str) -> str:
    """That two maps of texts differ at most in keys that match `loose`."""
    return _all(
        f"{new}.all(key, key.matches('{loose}') ||\n  (key in {old} &&\n  {old}[key] == {new}[key]))",
        f"{old}.all(key, key.matches('{loose}') ||\n  key in {new})",
    )


_OWN_METADATA: Final = Rule(
    expression=_all(
        _same("metadata", ("labels", "finalizers", "ownerReferences")),
        _kept(
            "object.metadata.?annotations.orValue({})",
            "oldObject.metadata.?annotations.orValue({})",
            f"^{MARK}$",
        ),
    ),
    message=f"of its metadata only the annotation {MARK} may change",
)

_TEMPLATE: Final = "object.spec.template"
_CRON_TEMPLATE: Final = "params.spec.jobTemplate.spec.template"
_JOB_CONTROLLER: Final = (
    r"^(batch[.]kubernetes[.]io/(job-name|controller-uid)|job-name|controller-uid)$"  # the API server's own
)
JOB_RULES: Final = (
    Rule(
        expression=f"{_TEMPLATE}.spec == {_CRON_TEMPLATE}.spec",
        message="a Job with other pods than the CronJob's",
    ),
    Rule(
        expression=_all(
            _kept(
                f"{_TEMPLATE}.?metadata.?labels.orValue({{}})",
                f"{_CRON_TEMPLATE}.?metadata.?labels.orValue({{}})",
                _JOB_CONTROLLER,
            ),
            _kept(
                f"{_TEMPLATE}.?metadata.?annotations.orValue({{}})",
                f"{_CRON_TEMPLATE}.?metadata.?annotations.orValue({{}})",
                "^$",
            ),
        ),
        message="a Job whose pods have other labels or annotations than the CronJob's",
    ),
    Rule(
        expression=_all(
            *(
                f"object.spec.?{field}.orValue(1) <= params.spec.jobTemplate.spec.?{field}.orValue(1)"
                for field in ("parallelism", "completions")
            )
        ),
        message="a Job with more pods than the CronJob's",
    ),
)


def label_of(cron_job: str) -> str:
    """The value of the label, as a Job of this CronJob has it."""
    return cron_job[:_LONGEST_LABEL].rstrip("-.")


def known_deployment(names: Iterable[str]) -> Rule:
    """That it is one of these, as `namespace/name`."""
    return Rule(expression=f"{OBJECT} in {_list(names)}", message="another Deployment than the watched one")


def evictable(names: Iterable[str]) -> Rule:
    """That a pod's name begins like one of these Deployments, as `namespace/name`."""
    begins = _list(name[: name.index("/") + 1 + _LONGEST_PREFIX] for name in names)
    return Rule(
        expression=f"{begins}.exists(begin, ({OBJECT}).startsWith(begin + '-'))",
        message="a pod of something else than the watched Deployment",
    )


def known_cron_job(cron_jobs: Sequence[tuple[str, str]]) -> Rule:
    """That a new Job says which of these CronJobs, as (namespace, name), it is of."""
    labels = [f"{namespace}/{label_of(name)}" for namespace, name in cron_jobs]
    return Rule(
        expression="request.operation != 'CREATE' ||\n"
        f"(request.namespace + '/' + {_LABEL}) in {_list(labels)}",
        message=f"a Job whose label {CRON_JOB_LABEL} names no configured CronJob",
    )


JOB_EDIT_RULES: Final = (
    Rule(
        expression=_all(
            "!object.spec.?manualSelector.orValue(false)",
            "object.spec.?managedBy.orValue('') in ['', 'kubernetes.io/job-controller']",
            "!has(object.metadata.ownerReferences)",
            "!has(object.metadata.finalizers)",
        ),
        message="a Job that takes or belongs to something else",
    ),
    Rule(
        expression="request.operation != 'UPDATE' || (\n"
        + _all(
            f"'{MADE_FOR}' in oldObject.metadata.?labels.orValue({{}})",
            _same(
                "spec",
                (
                    "template",
                    "selector",
                    "parallelism",
                    "completions",
                    "backoffLimit",
                    "suspend",
                    "ttlSecondsAfterFinished",
                ),
            ),
            _OWN_METADATA.expression,
        )
        + ")",
        message="of Jobs that Lightship made, only the deadline may change",
    ),
)


def _containers(kind: str) -> str:
    """That containers keep their names, their images' repositories, their rights and their Secrets."""
    new, old = (f"{side}.?{kind}.orValue([])" for side in ("variables.pod", "variables.oldPod"))
    inner = _all(
        "o.name == c.name",
        f"c.image.find(r'{_REPOSITORY}') == o.image.find(r'{_REPOSITORY}')",
        "c.?securityContext == o.?securityContext",
        "c.?volumeDevices == o.?volumeDevices",
        "c.?envFrom.orValue([]).all(e, !has(e.secretRef) || o.?envFrom.orValue([]).exists(f, f == e))",
        "c.?env.orValue([]).all(e, !e.?valueFrom.?secretKeyRef.hasValue() ||"
        " o.?env.orValue([]).exists(f, f == e))",
    )
    return _all(f"{new}.size() == {old}.size()", f"{new}.all(c, {old}.exists(o,\n{inner}))")


DEPLOYMENT_VARIABLES: Final = {
    "pod": "object.spec.template.spec",
    "oldPod": "oldObject.spec.template.spec",
    "labels": "object.spec.template.metadata.?labels.orValue({})",
    "oldLabels": "oldObject.spec.template.metadata.?labels.orValue({})",
    "annotations": "object.spec.template.metadata.?annotations.orValue({})",
    "oldAnnotations": "oldObject.spec.template.metadata.?annotations.orValue({})",
}
DEPLOYMENT_RULES: Final = (
    Rule(expression="request.operation == 'UPDATE'", message="it makes no Deployment"),
    _OWN_METADATA,
    Rule(
        expression=_same(
            "spec",
            (
                "replicas",
                "selector",
                "strategy",
                "paused",
                "minReadySeconds",
                "progressDeadlineSeconds",
                "revisionHistoryLimit",
            ),
        ),
        message="of a Deployment only the pod template may change",
    ),
    Rule(
        expression=_all(
            _kept("variables.labels", "variables.oldLabels", _LOOSE_LABELS),
            _kept("variables.annotations", "variables.oldAnnotations", _LOOSE_ANNOTATIONS),
        ),
        message="labels or annotations of the pods that may be orders to something else",
    ),
    Rule(
        expression=_all(*(f"variables.pod.?{field} == variables.oldPod.?{field}" for field in _IDENTITY)),
        message="pods of another identity, or nearer to their node",
    ),
    Rule(
        expression="variables.pod.?volumes.orValue([]).all(v, has(v.configMap) || has(v.emptyDir) ||"
        " has(v.downwardAPI) ||\nvariables.oldPod.?volumes.orValue([]).exists(w, w == v))",
        message="a volume that the pods do not have now and that is no ConfigMap",
    ),
    Rule(
        expression=_containers("containers"),
        message="containers of other images, rights or Secrets than now",
    ),
    Rule(
        expression=_containers("initContainers"),
        message="init containers of other images, rights or Secrets than now",
    ),
)
AUTOSCALER_RULES: Final = (
    Rule(expression="request.operation == 'UPDATE'", message="it makes no autoscaler"),
    _OWN_METADATA,
    Rule(
        expression=_same("spec", ("scaleTargetRef", "metrics", "behavior")),
        message="of an autoscaler only minimum and maximum may change",
    ),
)
