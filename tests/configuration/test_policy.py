"""The approval policy of the configuration: what it comes to, and what `check --explain` says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.bootstrap.services import watched_services
from bot.domain.remedies import Action, Target
from tests.configuration.test_command_line import call
from tests.configuration.test_settings import loaded

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """\
services:
  churn:
    channel: C0CHURN
    match: ['service="churn"']
    approvers: [U0ALICE, U0BOB]
    remediation:
      approvals: 2
      hours: [Mon-Fri 08:00-18:00 Europe/Berlin]
      at_most_an_hour: 3
      rules:
        - {actions: [scale], targets: ["deployment churn/batch*"], approval: not_needed, hours: []}
        - {actions: [scale], targets: ["deployment churn/*"], approvers: [S0LEADS], approvals: 1}
      break_glass: {after: 10m, actions: [scale]}
remediations: {protected_namespaces: [payments]}
"""
WORDS = """\
All is right: 1 service, 0 runbooks.
churn: every action, unless said otherwise below
  Approvers: U0ALICE, U0BOB. 2 different people of them must approve, never the requester.
  A request without an answer expires after 30m.
  Only Mon-Fri 08:00-18:00 Europe/Berlin.
  At most 3 times an hour on one target.
churn: scale on deployment churn/batch*
  Nobody is asked: it is done at once when somebody asks for it. It stands in the audit.
  At most 3 times an hour on one target.
churn: scale on deployment churn/*
  Approvers: S0LEADS. One of them must approve, never the requester.
  A request without an answer expires after 30m.
  Only Mon-Fri 08:00-18:00 Europe/Berlin.
  At most 3 times an hour on one target.
  Break glass: for a P1 incident the requester may approve alone after 10m, with a reason; \
all approvers are called.
churn: scale
  Approvers: U0ALICE, U0BOB. 2 different people of them must approve, never the requester.
  A request without an answer expires after 30m.
  Only Mon-Fri 08:00-18:00 Europe/Berlin.
  At most 3 times an hour on one target.
  Break glass: for a P1 incident the requester may approve alone after 10m, with a reason; \
all approvers are called.
churn: scaling stays between 1 and 20 replicas, and changes them by at most 3 times at once.
churn: nothing is changed in payments.
"""


def test_an_exception_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    """What a rule does not give stays the service's own; the first that fits holds."""
    path = tmp_path / "lightship.yaml"
    path.write_text(POLICY, encoding="utf-8")
    policy = watched_services(loaded(path))["churn"].approval
    api, batch, other = (
        policy.of(Action.SCALE, Target(kind="Deployment", namespace=namespace, name=name))
        for namespace, name in (("churn", "api"), ("churn", "batch-1"), ("else", "api"))
    )
    assert (api.approvers, api.approvals, api.at_most_an_hour) == (("S0LEADS",), 1, 3)
    assert (batch.is_needed, batch.hours, batch.approvals) == (False, (), 2)
    assert (other.approvers, other.approvals) == (("U0ALICE", "U0BOB"), 2)
    assert other.break_glass_after == api.break_glass_after == timedelta(minutes=10)
    assert policy.general.break_glass_after is None
    assert policy.protected_namespaces == {"payments"}


def test_the_policy_is_explained_in_words(tmp_path: Path) -> None:
    """Each rule in whole sentences; a check without the option says nothing of it."""
    path = tmp_path / "lightship.yaml"
    path.write_text(POLICY, encoding="utf-8")
    (tmp_path / "runbooks").mkdir()
    result = call("check", "--config", str(path), "--explain")
    assert (result.exit_code, result.stdout) == (0, WORDS)
    assert "Approvers" not in call("check", "--config", str(path)).stdout
