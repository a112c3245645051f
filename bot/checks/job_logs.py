"""The logs of a failed Job's pods: the last lines of the newest in the finding, all of them as a file.

Called by the check `jobs`. Pods that failed come first; without any that is told, the newest one is read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bot.checks.job_runs import newest_pod
from bot.checks.log_signs import without_colour
from bot.checks.log_sources import sources_of
from bot.checks.log_texts import LogTexts
from bot.checks.reading import name_of
from bot.domain.errors import LightshipError
from bot.domain.outside_text import one_line
from bot.domain.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.checks.job_runs import Run
    from bot.checks.log_sources import Source
    from bot.domain.files import Attachment
    from bot.ports.readers import ClusterReader, KubeObject

_PODS: Final = 4
_SHOWN: Final = 8
_LINES: Final = 1_000
_BYTES: Final = 400_000
_REASON: Final = 160


async def last_words(
    cluster: ClusterReader, pods: Sequence[KubeObject], failed: Run, *, namespace: str
) -> tuple[list[str], tuple[Attachment, ...]]:
    """The last lines, and the file. Where a log cannot be read, that is said, and the rest is shown."""
    newest = newest_pod(pods)
    chosen = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Failed"] or [
        pod for pod in pods if name_of(pod) == newest
    ]
    chosen.sort(key=lambda pod: name_of(pod) != newest)
    if not chosen:
        return ["its pods are gone, and their logs with them"], ()
    sources = [source for pod in chosen[:_PODS] for source in sources_of(pod, container="", previous=False)]
    texts = LogTexts(len(sources))
    said: list[str] = []
    for number, source in enumerate(sources):
        try:
            text = await _read(cluster, source, namespace)
        except LightshipError as error:
            said.append(
                f"the log of {name_shown(source)} could not be read: {one_line(error, limit=_REASON)}"
            )
            continue
        await asyncio.to_thread(texts.add, source, text)
        if number == 0:
            said += _shown(text)
    rest = len(chosen) - _PODS
    said += [f"the logs of {rest} more failed pods were not read"] if rest > 0 else []
    return said, texts.attachment(f"Logs of the failed Job {failed.name}")


def name_shown(source: Source) -> str:
    """`pod/container`."""
    return one_line(f"{source.pod}/{source.container}", limit=120)


async def _read(cluster: ClusterReader, source: Source, namespace: str) -> str:
    return await cluster.logs(
        namespace=namespace, pod=source.pod, container=source.container, tail=_LINES, limit_bytes=_BYTES
    )


def _shown(text: str) -> list[str]:
    lines = without_secrets(without_colour(text)).splitlines()[-_SHOWN:]
    shown = [one_line(line, limit=220) for line in lines]
    return [f"log: {line}" for line in shown if line] or ["its log is empty"]
