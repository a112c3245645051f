"""The approval policy of the configuration: what it comes to, and what `check --explain` says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.bootstrap.bounds import bounds_of
from bot.bootstrap.services import watched_services
from bot.domain.bounds import ResourceBounds, ScaleBounds
from bot.domain.remedies import Action, RemediationRequest, Target
from bot.domain.runbooks import Limits, Runbook, RunbookRemediation
from tests.configuration.test_command_line import call
from tests.configuration.test_settings import loaded

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """\
remediations: {protected_namespaces: [payments]}
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
        - {actions: [scale, resources], targets: ["deployment churn/*"], approvers: [S0LEADS], approvals: 1,
           scale: {max: 6}, resources: {memory: 2Gi, max_factor: 2}}
      break_glass: {after: 10m, actions: [scale]}
      scale: {min: 2, max: 12}
      may_be_reverted: true
"""
KUBERNETES = """\
  shop:
    channel: C0SHOP
    match: ['service="shop"']
    kubernetes: {namespace: shop, deployment: api}
    remediation:
      scale: {max: 8, max_factor: 2}
      rules: [{actions: [scale], targets: ["deployment shop/worker"], scale: {max: 4}}]
"""
WORDS = """\
All is right: 1 service, 0 runbooks.
churn: every full member of the workspace may ask for actions in C0CHURN.
churn: they may silence an incident's alerts without approval, for 1d at most.
churn: every action, unless said otherwise below
  Approvers: U0ALICE, U0BOB. 2 different people of them must approve, never the requester.
  A request without an answer expires after 30m.
  Only Mon-Fri 08:00-18:00 Europe/Berlin.
  At most 3 times an hour on one target.
  Scaling stays between 2 and 12 replicas, and changes them by at most 3 times at once.
  A container gets at most 8 CPU and 16Gi memory, and changes by at most 4 times at once.
churn: scale on deployment churn/batch*
  Nobody is asked: it is done at once when somebody asks for it. It stands in the audit.
  At most 3 times an hour on one target.
  Scaling stays between 2 and 12 replicas, and changes them by at most 3 times at once.
churn: scale on deployment churn/*
  Approvers: S0LEADS. One of them must approve, never the requester.
  A request without an answer expires after 30m.
  Only Mon-Fri 08:00-18:00 Europe/Berlin.
  At most 3 times an hour on one target.
  Break glass: for a P1 incident the requester may approve alone after 10m, with a reason; all \
approvers are called.
  Scaling stays between 2 and 6 replicas, and changes them by at most 3 times at once.
churn: resources on deployment churn/*
  Approvers: S0LEADS. One of them must approve, never the requester.
  A request without an answer expires after 30m.
  Only Mon-Fri 08:00-18:00 Europe/Berlin.
  At most 3 times an hour on one target.
  A container gets at most 8 CPU and 2Gi memory, and changes by at most 2 times at once.
churn: scale
  Approvers: U0ALICE, U0BOB. 2 different people of them must approve, never the requester.
  A request without an answer expires after 30m.
  Only Mon-Fri 08:00-18:00 Europe/Berlin.
  At most 3 times an hour on one target.
  Break glass: for a P1 incident the requester may approve alone after 10m, with a reason; all \
approvers are called.
  Scaling stays between 2 and 12 replicas, and changes them by at most 3 times at once.
churn: what KEDA, Argo CD or Flux will take back may be done all the same.
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
    assert (api.scale, batch.scale) == (
        ScaleBounds(minimum=2, maximum=6),
        ScaleBounds(minimum=2, maximum=12),
    )
    sized = policy.of(Action.RESOURCES, Target(kind="Deployment", namespace="churn", name="api")).resources
    assert sized == ResourceBounds(cpu=8.0, memory=2.0 * 2**30, max_factor=2.0)
    assert policy.protected_namespaces == {"payments"}


def test_limits_go_by_action_and_target_and_the_runbook_narrows_them(tmp_path: Path) -> None:
    """What planning is bounded by: the first rule that fits, and no more than the runbook lets."""
    path = tmp_path / "lightship.yaml"
    path.write_text(POLICY + KUBERNETES, encoding="utf-8")
    service = watched_services(loaded(path))["shop"]
    narrow = RunbookRemediation(name="more", title="More", action="scale", limits=Limits(maximum=5))
    runbook = Runbook(
        name="r", title="R", severity=None, match=(), summary_template="", remediations=(narrow,)
    )
    for name, remediation, most in (
        ("api", "", 8),
        ("worker", "", 4),
        ("api", "more", 5),
        ("worker", "more", 4),
    ):
        wish = RemediationRequest(
            action=Action.SCALE,
            service="shop",
            target=Target(kind="Deployment", namespace="shop", name=name),
            arguments={},
            incident_id=None,
            reason="",
            remediation=remediation,
        )
        bounds = bounds_of(service, wish, runbook)
        assert bounds is not None
        assert (bounds.scale.maximum, bounds.scale.max_factor) == (most, 2.0)


def test_the_policy_is_explained_in_words(tmp_path: Path) -> None:
    """Each rule in whole sentences; a check without the option says nothing of it."""
    path = tmp_path / "lightship.yaml"
    path.write_text(POLICY, encoding="utf-8")
    (tmp_path / "runbooks").mkdir()
    result = call("check", "--config", str(path), "--explain")
    assert (result.exit_code, result.stdout) == (0, WORDS)
    assert "Approvers" not in call("check", "--config", str(path)).stdout
