"""Nothing that proves who somebody is gets compared with `==`, which ends at the first byte that differs.

How long a comparison takes is not measured here: over a socket, on a machine that does other things, such a
test tells nothing or fails for nothing. What is held instead is which function compares: no line of the
product compares a secret by an operator (here), and each door hands what it was given to `compare_digest`
whole, whatever it is (`tests/doors/test_constant_time.py`).
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECRET = re.compile(r"(^|_)(tokens?|secrets?|signatures?|macs?|passwords?|credentials?|bearer|api_?key)(_|$)")
"""Digests of plans and hashes of the audit's chain are none: everybody may read them."""
COMPARING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
FILES = sorted(
    path
    for folder in ("bot", "handlers")
    for path in (ROOT / folder).rglob("*.py")
    if (ROOT / "bot" / "console") not in path.parents  # it stands in for Slack, and is nobody's door
)


def last_name(node: ast.expr) -> str:
    """What an expression is called: of `a.b.token` and of `token[0]` it is `token`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value) | ast.Call(func=ast.Attribute(value=value), args=[]):
            return last_name(value)
        case ast.Call(func=func):
            return last_name(func)
        case _:
            return ""


def compared_plainly(source: str) -> list[str]:
    """Comparisons of something secret by an operator; with None or an empty text nothing is learned."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare) or not any(isinstance(op, COMPARING) for op in node.ops):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Constant) and not side.value for side in sides):
            continue
        if any(SECRET.search(last_name(side).lower()) for side in sides):
            found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def test_no_secret_is_compared_by_an_operator() -> None:
    """Tokens, signatures, MACs and passwords go through `hmac.compare_digest`."""
    found = {str(path.relative_to(ROOT)): compared_plainly(path.read_text("utf-8")) for path in FILES}
    assert len(found) > 100
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "given == token",
        "self.webhook_token != given",
        "signature.encode() == made",
        "headers['x'] == entry.mac",
        "given in tokens",
        "settings.signing_secret.get_secret_value() == given",
    ],
)
def test_the_rule_sees_what_it_is_for(source: str) -> None:
    """Each way to compare a secret plainly is found; comparing digests that all may read is none."""
    assert compared_plainly(source)
    assert not compared_plainly("digest == approval.digest")
    assert not compared_plainly("hmac.compare_digest(given, token)")
    assert not compared_plainly("token == ''")
