from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.redaction import REDACTED, without_secrets

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SECRETS = st.text(LETTERS, min_size=24, max_size=40)
AFTER = st.sampled_from(["", " ", "\n", ", next=1", ' "x"'])
FORMS = (
    "password={}",
    "DB_PASSWORD={}",
    '"password": "{}"',
    "'secret_key': '{}'",
    '{{\\"api_key\\": \\"{}\\"}}',
    "Authorization: Bearer {}",
    "authorization: basic {}",
    "X-Api-Key: {}",
    "postgresql://churn:{}@db:5432/churn",
    "redis://:{}@cache",
    "https://hooks.slack.com/services/T0/B0/{}",
    "GET /predict?token={}&x=1",
    "mysql --password {} -u root",
    "AWS_SECRET_ACCESS_KEY={}",
    "token => {}",
    "xoxb-{}",
    "ghp_{}",
    "sk-{}",
    "eyJ{}.eyJ{}.sig",
    "AccountKey={};EndpointSuffix=core",
    "Set-Cookie: session={}; Path=/",
)


@pytest.mark.parametrize("form", FORMS)
@given(secret=SECRETS, before=st.text(max_size=20), after=AFTER)
def test_a_secret_is_gone_whatever_is_around_it(form: str, secret: str, before: str, after: str) -> None:
    """In each form that programs write, the secret itself is gone, for every secret and surroundings."""
    text = f"{before} {form.replace('{{', '{').replace('}}', '}').replace('{}', secret)}{after}"
    redacted = without_secrets(text)
    assert secret not in redacted
    assert REDACTED in redacted


@given(text=st.text(max_size=300))
def test_redacting_again_changes_nothing(text: str) -> None:
    """What was redacted is steady, and nothing raises."""
    once = without_secrets(text)
    assert without_secrets(once) == once


@pytest.mark.parametrize(
    "line",
    [
        "INFO ready to predict churn",
        "POST /predict 200 in 0.123 s for customer 4711",
        "connecting to postgresql://db:5432/churn",
        "the password was wrong",
        "loaded churn-model version 7 (run 5c1f0e6d8a2b4c3f9e7d6b5a4c3f2e1d)",
        "ValueError: expected 12 features, got 11",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    """Ordinary lines are not touched."""
    assert without_secrets(line) == line


def test_a_private_key_is_gone_as_a_whole() -> None:
    """All lines of a PEM key are cut, also where its end is missing."""
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 5
    whole = f"before\n-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\nafter"
    assert without_secrets(whole) == f"before\n{REDACTED}\nafter"
    assert without_secrets(f"-----BEGIN PRIVATE KEY-----\n{body}") == REDACTED


@pytest.mark.parametrize("unit", ["a", "password", "token=", "eyJ", "://", '"', "-----BEGIN ", "xoxb-", "\\"])
def test_a_line_without_end_costs_little(unit: str) -> None:
    """Two hundred thousand characters of anything take less than two seconds."""
    started = time.process_time()
    without_secrets(unit * (200_000 // len(unit)))
    assert time.process_time() - started < 2
