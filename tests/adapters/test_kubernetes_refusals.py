"""What the API server's refusals are in words: the policy's own come first, whatever its status."""

from __future__ import annotations

import json

import pytest

from bot.adapters.kubernetes.errors import error_of_answer
from bot.domain.errors import Forbidden, Permanent
from bot.ports.readers import Resource

REFUSED = (
    "deployments.apps is forbidden: ValidatingAdmissionPolicy 'lightship-deployments' with binding "
    "'lightship-deployments' denied request: Lightship's guardrail: containers of other images than now"
)


@pytest.mark.parametrize("status", [403, 422])
def test_a_policy_s_own_words_are_told(status: int) -> None:
    """Not that a right is missing, and not the policy's name until nothing of its words is left."""
    body = json.dumps({"message": REFUSED}).encode()
    right = Resource.DEPLOYMENTS.right("patch")
    error = error_of_answer(status, {}, body, right=right, place="namespace churn")
    assert isinstance(error, Permanent)
    assert not isinstance(error, Forbidden)
    assert str(error) == (
        f"Kubernetes refuses ({status}): a ValidatingAdmissionPolicy refuses it: "
        "Lightship's guardrail: containers of other images than now"
    )
