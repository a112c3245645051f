"""Why the alert of a drill did not come to the bot: what Alertmanager tells of it, judged in one place.

Called by `lightship doctor --send` when its wait is over. A reason is a sentence and the line that mends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain.examinations import Examination, fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """What Alertmanager tried to send to webhooks since it started."""

    made: int
    failed: int

    def since(self, before: Attempts) -> Attempts:
        """What it tried after that."""
        return Attempts(made=self.made - before.made, failed=self.failed - before.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What Alertmanager holds back the alert for; both empty where it does not."""

    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()


def why_absent(
    name: str,
    *,
    held: Held | None,
    reached: Mapping[str, Sequence[str]],
    attempts: Attempts | None,
    labels: str,
    waited: str,
) -> Examination:
    """The reason that is nearest to the alert comes first.

    `reached` has the addresses of the webhooks of each receiver, empty where Alertmanager hides them;
    `attempts` are those since the alert was sent, None where they are not known.
    """
    if held is None:
        return fault(name, "Alertmanager does not hold it any more", "look at Alertmanager's log")
    if held.silenced_by:
        said = f"Alertmanager silences it ({', '.join(held.silenced_by[:3])})"
        return fault(name, said, "expire the silence, or try another runbook with --runbook")
    if held.inhibited_by:
        said = "another alert inhibits it in Alertmanager"
        return fault(name, said, "wait for the end of that alert, or try another runbook with --runbook")
    if not any(_may_be_ours(url) for urls in reached.values() for url in urls):
        names = ", ".join(f"`{one}`" for one in reached) or "nothing"
        return fault(
            name,
            f"Alertmanager sends it to {names}, which has no webhook that ends in /alerts",
            f"route alerts with {labels} to the receiver that has the bot's webhook",
        )
    return _on_its_way(name, attempts, waited=waited)


def _on_its_way(name: str, attempts: Attempts | None, *, waited: str) -> Examination:
    if attempts is not None and attempts.failed:
        return fault(
            name,
            f"Alertmanager tried its webhooks {attempts.made} times, of which {attempts.failed} failed",
            "look at Alertmanager's log: it has to reach the receiver's address, and to know the bot's "
            "LIGHTSHIP_WEBHOOK_TOKEN",
        )
    if attempts is not None and not attempts.made:
        return fault(
            name,
            f"Alertmanager has not sent it within {waited}",
            "give --within more than the group_wait of its route, and where alerts of its group fire, "
            "than the group_interval",
        )
    return fault(
        name,
        f"nothing came to the bot's store within {waited}",
        "compare the receiver's address with the bot's, and LIGHTSHIP_DATABASE_URL here with the bot's",
    )


def _may_be_ours(url: str) -> bool:
    return not url or is_webhook_of_bot(url)


def is_webhook_of_bot(url: str) -> bool:
    """Whether a webhook's address ends as the bot's does."""
    return url.partition("?")[0].rstrip("/").endswith("/alerts")
