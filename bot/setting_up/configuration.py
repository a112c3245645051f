"""The draft of `lightship.yaml`. Pure text, from the choices and the metrics of the alert rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.setting_up.choices import NO_CHANNEL
from bot.setting_up.yaml_text import block, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.setting_up.choices import Choices
    from bot.setting_up.measuring import Watched


def draft_configuration(choices: Choices, metrics: Sequence[Watched]) -> str:
    """A configuration of one service that `lightship check` accepts as it is."""
    return "\n".join(_lines(choices, metrics)) + "\n"


def _lines(choices: Choices, metrics: Sequence[Watched]) -> Iterator[str]:
    yield "# Drafted by `lightship init`. `lightship check` says what is wrong here, `lightship schema"
    yield "# config` what else there may be, and `lightship doctor` whether all of it is there."
    yield ""
    todo = "   # put the id of your channel here" if choices.channel == NO_CHANNEL else ""
    yield f"default_channel: {choices.channel}                 # alerts of nobody, and the bot's own notices"
    yield ""
    yield "services:"
    yield f"  {choices.service}:"
    yield f"    channel: {choices.channel}{todo}"
    yield f"    command: {choices.command}"
    yield f"    match: {listed(tuple(str(one) for one in choices.matchers))}"
    if choices.deployment:
        yield "    kubernetes:"
        yield f"      namespace: {quoted(choices.namespace)}"
        yield f"      deployment: {quoted(choices.deployment)}"
        if choices.hpa:
            yield f"      hpa: {quoted(choices.hpa)}"
    if choices.approvers:
        yield f"    approvers: {listed(choices.approvers)}   # never the one who asked"
    else:
        yield "    approvers: []           # nobody may approve yet: ids of people (U…) or groups (S…)"
    yield "    remediation:"
    yield "      approval_timeout: 30m"
    yield "      scale: {min: 1, max: 10, max_factor: 3}"
    if metrics:
        yield "    metrics:"
        for metric in metrics:
            yield from _metric(metric)


def _metric(metric: Watched) -> Iterator[str]:
    yield f"      {metric.name}:"
    yield f"        title: {quoted(metric.title)}"
    yield "        query: |-"
    yield block(metric.query, indent=10)
    if metric.unit:
        yield f"        unit: {metric.unit}"
    if metric.threshold is not None:
        yield f"        threshold: {metric.threshold:g}"
        if not metric.worse_above:
            yield "        worse: below"
