"""Secrets cut out of text before anybody sees it: the bot's own log lines, and what it shows of others'.

The one list of what a secret looks like. Called by `bot.logs` and by the checks that show text of programs.
Every expression is bounded and begins with a fixed word, so that a megabyte of anything costs one pass.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"

_KEY_NAMES: Final = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|authorization|cookie|signature"
    r"|(?:api|access|private|auth|account|storage|encryption|signing|client)[_ -]?key"
)
_VALUE: Final = (
    r"""(?:\\{0,3}"(?:[^"\\\n]|\\[^"\n]){1,4000}\\{0,3}"|'(?:[^'\\\n]|\\.){1,4000}'"""
    r"""|(?!(?:(?:bearer|basic) )?\[redacted\])[^\s,;&"'<>()\[\]{}\\]{1,4000})"""
)
_PATTERNS: Final = (
    # A key that was written line by line: whatever follows its first line up to its last, or to the end.
    re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,20000}?(?:-----END [A-Z ]{0,40}-----|\Z)"),
    re.compile(r"xox[a-z](?:\.[a-z]{3,9})?-[A-Za-z0-9-]+"),
    re.compile(r"xapp-[A-Za-z0-9-]+"),
    re.compile(r"(?<=hooks\.slack\.com/)\S+"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]+"),
    re.compile(r"(?i)(?<=basic )[A-Za-z0-9+/]{8,4000}={0,2}"),
    re.compile(r"(?<=://)[^/\s:@]{0,200}:[^/\s@]{1,400}(?=@)"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{5,4000}\.[A-Za-z0-9_-]{2,8000}(?:\.[A-Za-z0-9_-]{0,4000})?"),
    re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{12,40}"),
    re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|hf_|dapi|npm_|pypi-)[A-Za-z0-9_-]{16,400}"),
    re.compile(r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,400}"),
    re.compile(r"\bAIza[0-9A-Za-z_-]{30,60}|\bya29\.[0-9A-Za-z_-]{10,400}"),
)
_NAMED: Final = re.compile(
    rf"((?:{_KEY_NAMES})[\w.-]{{0,40}}[\\\"']{{0,4}}(?:\s{{0,3}}(?:=>|:=|[:=])\s{{0,3}}))({_VALUE})",
    re.IGNORECASE,
)
_OPTION: Final = re.compile(rf"(--?[\w-]{{0,30}}(?:{_KEY_NAMES})[ ]{{1,3}})((?!-){_VALUE})", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """`text` with everything that looks like a token, a key or a password replaced by `[redacted]`."""
    for pattern in _PATTERNS:
        text = pattern.sub(REDACTED, text)
    text = _NAMED.sub(_value_gone, text)
    return _OPTION.sub(_value_gone, text)


def _value_gone(found: re.Match[str]) -> str:
    return f"{found[1]}{REDACTED}"
