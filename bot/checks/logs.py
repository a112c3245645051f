"""The check `logs`: what the deployment's pods have written lately, folded into patterns, errors first.

What is shown is redacted and harmless. Texts are read some at a time and folded in a thread, so that many
pods with long logs neither fill the memory nor hold up the bot.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.arguments import count_of, duration_of, flag_of, text_of
from bot.checks.log_folding import LogFold
from bot.checks.log_signs import TOPICS, Level
from bot.checks.log_sources import pods_called, sources_of, troubled_first
from bot.checks.log_texts import LogTexts
from bot.checks.log_words import details_of, summary_of, table_of, verdict_of
from bot.checks.reading import deployment_named
from bot.domain.errors import Forbidden, LightshipError, Permanent
from bot.domain.facts import number
from bot.domain.findings import Finding, Verdict
from bot.domain.outside_text import one_line
from bot.domain.rights import Right
from bot.domain.selectors import selector_text
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.checks.log_sources import Source
    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Fact, Scalar
    from bot.ports.readers import ClusterReader, Readers

NAME: Final = "logs"
FRESH_FOR: Final = timedelta(minutes=2)
RIGHTS: Final[tuple[Right, ...]] = (
    Resource.DEPLOYMENTS.right("get"),
    Resource.PODS.right("list"),
    Right(verb="get", group="", resource="pods/log"),
)
FACTS: Final[Mapping[str, KnownFact]] = {
    "lines": number("lines that were read"),
    "pods": number("pods whose logs were read"),
    "errors": number("lines that look like errors"),
    "warnings": number("lines that look like warnings"),
    "database": number("lines that warn or tell an error about a database or its connections"),
    "timeouts": number("such lines about time-outs"),
    "out_of_memory": number("such lines about memory that ran out"),
    "model": number("such lines about loading or running the model"),
    "schema": number("such lines about missing, unknown or malformed fields"),
}
"""The facts that evidence expressions may name."""
ARGUMENTS: Final = frozenset({"tail", "previous", "pod", "container", "since"})

_TAIL: Final = 100
_LONGEST_TAIL: Final = 10_000
_LONGEST_SINCE: Final = timedelta(days=7)
_NO_LIMIT: Final = timedelta(0)
_PODS: Final = 50
_AT_ONCE: Final = 6
_BEFORE: Final = " before the last restart"
_BYTES_A_LINE: Final = 400
_LEAST_BYTES, _MOST_BYTES = 200_000, 4_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What of the logs is wanted."""

    tail: int
    previous: bool
    pod: str
    container: str
    since: timedelta

    @property
    def most_bytes(self) -> int:
        """How much of one log is read."""
        return min(max(self.tail * _BYTES_A_LINE, _LEAST_BYTES), _MOST_BYTES)


@dataclass(kw_only=True, slots=True)
class Harvest:
    """What reading brought: folded lines, and what could not be read."""

    texts: LogTexts
    fold: LogFold = field(default_factory=LogFold)
    pods: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    folding: asyncio.Lock = field(default_factory=asyncio.Lock)


async def run(
    target: CheckTarget, readers: Readers, now: datetime, arguments: Mapping[str, Scalar]
) -> Finding:
    """Read and fold. Raises what the reader raises for the pods, Permanent for a wrong argument."""
    where = deployment_named(target)
    wish = Wish(
        tail=count_of(arguments, "tail", default=_TAIL, most=_LONGEST_TAIL),
        previous=flag_of(arguments, "previous"),
        pod=text_of(arguments, "pod"),
        container=text_of(arguments, "container"),
        since=duration_of(arguments, "since", default=_NO_LIMIT, most=_LONGEST_SINCE),
    )
    cluster, namespace = readers.cluster, target.namespace
    deployment = await cluster.get(Resource.DEPLOYMENTS, namespace=namespace, name=target.deployment)
    selector = selector_text(deployment.get("spec", {}).get("selector"))
    pods = await cluster.list(Resource.PODS, namespace=namespace, labels=selector)
    if not pods:
        raise Permanent("the deployment has no pods, so there are no logs of it")
    chosen = troubled_first(pods_called(pods, wish.pod) if wish.pod else pods)
    sources = [
        source
        for pod in chosen[:_PODS]
        for source in sources_of(pod, container=wish.container, previous=wish.previous)
    ]
    harvest = Harvest(texts=LogTexts(sum(source.started for source in sources)))
    if len(chosen) > _PODS:
        harvest.notes.append(f"only {_PODS} of {len(chosen)} pods were read, the troubled ones first")
    if wish.container and not sources and not wish.previous:
        raise Permanent(f"no pod has a container `{one_line(wish.container, limit=80)}`")
    idle = sum(not source.started for source in sources)
    if idle:
        harvest.notes.append(f"{idle} container{'s have' if idle > 1 else ' has'} not started yet")
    await asyncio.gather(
        *(_read(cluster, namespace, source, wish, harvest) for source in sources if source.started)
    )
    return _finding(where, wish, harvest, now)


async def _read(cluster: ClusterReader, namespace: str, source: Source, wish: Wish, harvest: Harvest) -> None:
    async with harvest.turns:
        try:
            text = await cluster.logs(
                namespace=namespace,
                pod=source.pod,
                container=source.container,
                tail=wish.tail,
                previous=wish.previous,
                since=wish.since or None,
                limit_bytes=wish.most_bytes,
            )
        except Forbidden:
            raise  # it is the same for every pod
        except LightshipError as error:
            harvest.failures.append(one_line(f"{source.pod}: {error}", limit=200))
            return
        harvest.pods.add(source.pod)
        if len(text.encode()) >= wish.most_bytes:
            harvest.notes.append(f"{source.pod}: more than {wish.most_bytes} bytes, its newest lines are cut")
        async with harvest.folding:
            await asyncio.to_thread(_take_in, harvest, source, text)


def _take_in(harvest: Harvest, source: Source, text: str) -> None:
    harvest.fold.add(source.pod, text)
    harvest.texts.add(source, text)


def _finding(where: str, wish: Wish, harvest: Harvest, now: datetime) -> Finding:
    fold = harvest.fold
    blind = not harvest.pods and bool(harvest.failures)
    facts: dict[str, Fact] = {
        "lines": fold.lines,
        "pods": len(harvest.pods),
        "errors": fold.count(Level.ERROR),
        "warnings": fold.count(Level.WARNING),
        **{topic: fold.count_about(topic) for topic in TOPICS},
    }
    return Finding(
        check=NAME,
        target=where,
        verdict=Verdict.UNKNOWN if blind else verdict_of(fold, incomplete=bool(harvest.failures)),
        summary=(
            "unknown: no log could be read"
            if blind
            else summary_of(fold, pods=len(harvest.pods), previous=wish.previous)
        ),
        reason=harvest.failures[0] if blind else "",
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts=dict.fromkeys(FACTS) if blind else facts,
        table=table_of(fold),
        details=details_of(fold, notes=harvest.notes, failures=harvest.failures),
        attachments=harvest.texts.attachment(f"Logs of {where}{_BEFORE if wish.previous else ''}"),
    )
