"""Drills in the domain: known by what was registered, apart from real alerts, and without any grant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.domain.actors import user
from bot.domain.alert_routes import Route, receivers_of
from bot.domain.approvals import ApprovalState, grant_of
from bot.domain.drills import LABEL, labels_for
from bot.domain.matchers import matches_all, parse_matcher
from bot.domain.routing import Destination, split
from bot.rendering.blocks import MESSAGE_BLOCKS, context, header, message
from bot.rendering.drills import MARK, marked_as_drill
from bot.testing import START
from tests.making import make_alert, make_approval, make_group

if TYPE_CHECKING:
    from collections.abc import Mapping


def churn(labels: Mapping[str, str]) -> Destination:
    """Everything is the churn service's."""
    assert labels is not None
    return Destination(service="churn", channel="C0CHURN")


def test_a_drill_in_a_group_of_real_alerts_is_an_incident_of_its_own() -> None:
    """Alertmanager may group them; what is approved for the one must not depend on the other."""
    real = make_alert(pod="a")
    drill = make_alert(pod="b", labels={LABEL: "5f2c"})
    parts = split(
        make_group(real, drill), churn, default_channel=None, drills={drill.fingerprint: "5f2c"}
    ).parts
    assert [(part.drill, len(part.group.alerts)) for part in parts] == [("", 1), ("5f2c", 1)]
    assert parts[0].key != parts[1].key


def test_a_label_alone_makes_no_drill() -> None:
    """What is not registered is real, whatever its labels say."""
    claimed = make_alert(pod="b", labels={LABEL: "5f2c"})
    (part,) = split(make_group(claimed), churn, default_channel=None, drills={}).parts
    assert part.drill == ""


def test_there_is_no_grant_for_a_drill() -> None:
    """Without a grant no writer can be called; the same approval outside of a drill has one."""
    approval = replace(
        make_approval(), state=ApprovalState.GRANTED, decided_by=user("U0BOB"), decided_at=START
    )
    assert grant_of(approval).approval_id == approval.id
    with pytest.raises(ValueError, match="belongs to a drill"):
        grant_of(replace(approval, drill="5f2c"))


@pytest.mark.parametrize(
    "texts",
    [
        ('alertname="A"', 'service="s"'),
        ('alertname=~"A|B"', 'severity!="info"'),
        ('alertname=~"Payment.*"', 'pod=~".+"'),
        ('service=~"(pay|cash)"',),
    ],
)
def test_labels_that_all_matchers_take_are_found(texts: tuple[str, ...]) -> None:
    """Equal ones as they are, expressions by their plain alternatives, and nothing where one forbids it."""
    matchers = tuple(map(parse_matcher, texts))
    labels = labels_for(matchers)
    assert labels is not None
    assert matches_all(matchers, labels)


@pytest.mark.parametrize("texts", [('a="x"', 'a="y"'), ('a=~"[0-9]{3}"',), ('a="x"', 'a!="x"')])
def test_where_no_labels_are_found_that_is_said(texts: tuple[str, ...]) -> None:
    """Contradictions, and expressions that nothing plain satisfies, have no labels."""
    assert labels_for(tuple(map(parse_matcher, texts))) is None


def test_receivers_are_those_of_the_routes() -> None:
    """The first child that matches, the next ones while it continues, else the node itself; each once."""
    pager = Route(receiver="pager", matchers=(parse_matcher('severity="critical"'),), goes_on=True)
    team = Route(
        receiver="team",
        matchers=(parse_matcher('service="pay"'),),
        routes=(Route(receiver="night", matchers=(parse_matcher('time="night"'),)),),
    )
    root = Route(receiver="default", routes=(pager, team, Route(receiver="rest")))
    assert receivers_of(root, {"severity": "critical", "service": "pay"}) == ("pager", "team")
    assert receivers_of(root, {"service": "pay", "time": "night"}) == ("night",)
    assert receivers_of(root, {}) == ("rest",)
    assert receivers_of(Route(receiver="default"), {}) == ("default",)


@pytest.mark.parametrize("count", [1, 2, MESSAGE_BLOCKS])
def test_the_mark_is_in_every_message_and_fits(count: int) -> None:
    """It comes right after the heading, in the text as well, and a full message gives up something for it."""
    blocks = [header("P1"), *(context(f"line {number}") for number in range(count - 1))]
    marked = marked_as_drill(message("P1 firing", blocks), "5f2c")
    assert marked.text == "🧪 Drill: P1 firing"
    assert MARK in str(marked.blocks[1])
    assert len(marked.blocks) <= MESSAGE_BLOCKS
    assert marked.blocks[-1] == blocks[-1] or count == 1
