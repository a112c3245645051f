"""An image that cannot be had: it does not exist, may not be pulled, or is built for other machines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bot.checks.modes.sight import containers_of, short
from bot.domain.outside_text import one_line
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.checks.modes.sight import ContainerSight, Sight

PULL_REASONS: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
_TOLD: Final = ("Failed", "InspectFailed", "FailedToRetrieveImagePullSecret")
OTHER_MACHINE: Final = re.compile(
    r"no matching manifest for|no match for platform|exec format error"
    r"|does not match the (?:specified|detected host) platform",
    re.IGNORECASE,
)
BUILD_FOR_NODES: Final = (
    "build the image for the nodes' architecture, or choose nodes that fit by `nodeSelector`"
)
_REFUSED: Final = re.compile(
    r"\b401\b|\b403\b|unauthorized|authentication required|access (?:to .{0,80} )?denied|\bdenied\b|forbidden"
    r"|no basic auth credentials|authorization failed|insufficient_scope|failed to authorize"
    r"|unable to retrieve .{0,40}image pull secrets",
    re.IGNORECASE,
)
_UNREACHABLE: Final = re.compile(
    r"no such host|i/o timeout|deadline exceeded|connection re(?:fused|set)|toomanyrequests|\b429\b"
    r"|\b50\d\b|x509|TLS handshake|no route to host",
    re.IGNORECASE,
)
_MISSING: Final = re.compile(
    r"not found|manifest unknown|name unknown|does not exist|NotFound", re.IGNORECASE
)

_BY_REASON: Final = {
    "InvalidImageName": (
        "{image} of {what} is no valid name of an image",
        "correct the name of the image, or roll back",
    ),
    "ErrImageNeverPull": (
        "The image {image} of {what} is not on the node, and its pull policy is Never",
        "set `imagePullPolicy: IfNotPresent`, or load the image onto the nodes",
    ),
}
_BY_WORDS: Final = (
    (
        OTHER_MACHINE,
        FailureMode.IMAGE_ARCHITECTURE,
        "is not built for the node's architecture",
        BUILD_FOR_NODES,
    ),
    (
        _REFUSED,
        FailureMode.IMAGE_PULL_REFUSED,
        "is refused by its registry: it is private, or its name is wrong",
        "name a valid pull secret in `spec.template.spec.imagePullSecrets`, or correct the image",
    ),
    (
        _UNREACHABLE,
        FailureMode.IMAGE_PULL_FAILS,
        "cannot be pulled: its registry does not answer well",
        "look at the registry and the node's way to it; the cluster keeps trying",
    ),
    (
        _MISSING,
        FailureMode.IMAGE_MISSING,
        "does not exist",
        "set an image that exists, or roll back",
    ),
)


def images(sight: Sight) -> Iterator[Suspect]:
    """Containers that wait for their image."""
    for pod in sight.troubled:
        for one in containers_of(pod):
            if one.waiting.get("reason") in PULL_REASONS:
                yield _judged(sight, one)


def _judged(sight: Sight, one: ContainerSight) -> Suspect:
    image = one_line(one.spec.get("image", ""), limit=300)
    reason = str(one.waiting.get("reason"))
    told = [
        happening
        for happening in sight.about("Pod", one.pod, *_TOLD)
        if image in happening.message or "secret" in happening.message.casefold()
    ]
    said = " ".join([str(one.waiting.get("message") or ""), *(happening.message for happening in told)])
    mode, title, mend = _meaning(reason, said, image=image, what=one.title)
    best = next((h.message for h in told if "pull" in h.message and len(h.message) > len(image) + 30), "")
    line = best or str(one.waiting.get("message") or "")
    return Suspect(
        mode=mode,
        title=title,
        subject=sight.subject,
        field=f"{one.path}.image",
        value=image,
        mend=mend,
        certainty=0.9 if mode is FailureMode.IMAGE_PULL_FAILS else 0.96,
        evidence=(f"pod {one.pod} waits in {reason}", *([short(line)] if line else [])),
        action="rollback",
    )


def _meaning(reason: str, said: str, *, image: str, what: str) -> tuple[FailureMode, str, str]:
    """The mode, its title and what mends it: by the reason where that tells, else by what was said."""
    if reason in _BY_REASON:
        title, mend = _BY_REASON[reason]
        return FailureMode.IMAGE_MISSING, title.format(image=image, what=what), mend
    for pattern, mode, title, mend in _BY_WORDS:
        if pattern.search(said):
            return mode, f"The image {image} of {what} {title}", mend
    mend = "look at the image's name and its registry, or roll back"
    return FailureMode.IMAGE_PULL_FAILS, f"The image {image} of {what} cannot be pulled", mend
