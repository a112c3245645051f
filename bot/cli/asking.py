"""The five questions of `lightship init`: an option answers one, else the person does, else what was found.

A wrong answer to a question is asked for again; a wrong option ends the command with what would be right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bot.cli.leaving import interruptible
from bot.setting_up.choices import (
    NO_CHANNEL,
    address_fault,
    channel_fault,
    people_fault,
    service_fault,
    split_deployment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.setting_up.surveying import Placed

NOTHING = "-"


class Questions:
    """Asks, or with `yes` takes the defaults."""

    def __init__(self, *, yes: bool) -> None:
        self._yes = yes

    def service(self, given: str | None, placed: Sequence[Placed]) -> str:
        """What is watched; the only Deployment there is, where there is one."""
        default = placed[0].deployment if len(placed) == 1 else "my-service"
        return self._ask("1. Which service is watched", "--service", given, default, service_fault)

    def channel(self, given: str | None) -> str:
        """Where its incidents are shown."""
        return self._ask("2. Id of its Slack channel", "--channel", given, NO_CHANNEL, channel_fault)

    def deployment(
        self, given: str | None, service: str, placed: Sequence[Placed], *, namespace: str
    ) -> tuple[str, str]:
        """Namespace and Deployment; empty texts where it is in no cluster."""
        names = [one.deployment for one in placed]
        near = next((name for name in names if name == service), "") or next(
            (name for name in names if service in name or name in service), ""
        )
        near = near or (names[0] if len(names) == 1 else "")
        default = f"{namespace}/{near}" if near else NOTHING
        if len(names) > 1 and not self._yes and given is None:
            click.echo(f"   Deployments in {namespace}: {', '.join(names[:20])}")
        answer = self._ask(
            f"3. Its Deployment, NAMESPACE/NAME ({NOTHING}: none)",
            "--deployment",
            given,
            default,
            _deployed,
        )
        return ("", "") if answer == NOTHING else split_deployment(answer)

    def prometheus(self, given: str | None, configured: str) -> str:
        """Where its metrics and alert rules are."""
        question = f"4. Address of Prometheus ({NOTHING} for none)"
        default = configured or NOTHING
        answer = self._ask(question, "--prometheus", given, default, _unless_nothing(address_fault))
        return "" if answer == NOTHING else answer.rstrip("/")

    def approvers(self, given: str | None) -> tuple[str, ...]:
        """Who may say yes to what changes something."""
        answer = self._ask(
            f"5. Who may approve, Slack ids separated by commas ({NOTHING} for nobody yet)",
            "--approvers",
            given,
            NOTHING,
            _unless_nothing(lambda text: people_fault(_separated(text))),
        )
        return () if answer == NOTHING else _separated(answer)

    def address(self, given: str) -> str:
        """Not asked: only with a public address does Slack come by HTTP."""
        wrong = address_fault(given) if given else ""
        if wrong:
            raise click.BadParameter(wrong, param_hint="--address")
        return given

    def _ask(
        self, question: str, option: str, given: str | None, default: str, wrong: Callable[[str], str]
    ) -> str:
        answer = given if given is not None else default if self._yes else None
        if answer is not None:
            told = wrong(answer.strip())
            if told:
                raise click.BadParameter(told, param_hint=option)
            return answer.strip()

        def read(text: str) -> str:
            told = wrong(text.strip())
            if told:
                raise click.BadParameter(told)
            return text.strip()

        with interruptible():
            return str(click.prompt(question, default=default, value_proc=read))


def _separated(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _unless_nothing(wrong: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "" if text == NOTHING else wrong(text)


def _deployed(text: str) -> str:
    if text == NOTHING:
        return ""
    try:
        split_deployment(text)
    except ValueError as error:
        return str(error)
    return ""
