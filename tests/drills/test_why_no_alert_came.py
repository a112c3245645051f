"""What is said of a test alert that did not come to the bot: the nearest reason, and what mends it."""

from __future__ import annotations

import pytest

from bot.adapters.alertmanager_routes import webhook_attempts_in
from bot.domain.drill_arrivals import Attempts, Held, is_webhook_of_bot, why_absent
from bot.domain.examinations import Health

OURS = {"lightship": ("http://bot:8080/alerts?source=a",)}


@pytest.mark.parametrize(
    ("held", "reached", "attempts", "said", "mend"),
    [
        (None, OURS, None, "does not hold it", "log"),
        (Held(silenced_by=("a1",)), OURS, None, "silences it (a1)", "expire the silence"),
        (Held(inhibited_by=("b2",)), OURS, None, "inhibits it", "end of that alert"),
        (Held(), {"pager": ("http://x/page",)}, None, "sends it to `pager`", 'service="churn"'),
        (Held(), {"mail": ()}, Attempts(made=0, failed=0), "sends it to `mail`", "route alerts with"),
        (Held(), OURS, Attempts(made=3, failed=2), "3 times, of which 2 failed", "LIGHTSHIP_WEBHOOK_TOKEN"),
        (Held(), OURS, Attempts(made=0, failed=0), "has not sent it within 1m", "--within"),
        (Held(), OURS, Attempts(made=1, failed=0), "nothing came", "LIGHTSHIP_DATABASE_URL"),
        (Held(), {"hidden": ("",)}, None, "nothing came", "the receiver's address"),
    ],
)
def test_each_reason_has_its_sentence_and_its_mend(
    held: Held | None, reached: dict[str, tuple[str, ...]], attempts: Attempts | None, said: str, mend: str
) -> None:
    """Always a fault; what is nearest to the alert is said before what is further away."""
    found = why_absent(
        "test alert", held=held, reached=reached, attempts=attempts, labels='service="churn"', waited="1m"
    )
    assert found.health is Health.FAULT
    assert said in found.said
    assert mend in found.mend


def test_only_an_address_that_ends_in_alerts_is_the_bots() -> None:
    """A query and a slash at the end do not matter."""
    assert is_webhook_of_bot("http://bot:8080/alerts/?source=a")
    assert not is_webhook_of_bot("http://bot:8080/alerts/other")


def test_attempts_are_those_of_webhooks_alone() -> None:
    """Of all receivers together; what is tried by mail is not counted."""
    made = "alertmanager_notification_requests_total"
    failed = "alertmanager_notification_requests_failed_total"
    lines = (
        f'{made}{{integration="webhook",receiver_name="a"}} 4',
        f'{made}{{integration="webhook",receiver_name="b"}} 1',
        f'{made}{{integration="email"}} 9',
        f'{failed}{{integration="webhook",receiver_name="a"}} 2',
    )
    text = "".join(f"# TYPE {name} counter\n" for name in (made, failed)) + "\n".join(lines) + "\n"
    found = webhook_attempts_in(text)
    assert found == Attempts(made=5, failed=2)
    assert found.since(Attempts(made=4, failed=2)) == Attempts(made=1, failed=0)
