"""Requests that no honest client sends, made of honest ones by a seeded generator: the same in every run."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from tests.e2e.deployed import alert, webhook
from tests.e2e.scenes import SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

ODD: Final[tuple[Any, ...]] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        2**63,
        10**400,
        1e308,
        -0.0,
        "",
        " ",
        "\x00",
        "\ud800",
        "a" * 70_000,
        "🔥" * 500,
    ),
    *(
        [],
        [[]],
        {},
        {"": {"": {}}},
        "0001-01-01T00:00:00Z",
        "9999-99-99T99:99:99Z",
        "2026-11-29T10:00:00+99:99",
    ),
    *(
        "<!channel>",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "'; DROP TABLE incidents; --",
        "../../etc/passwd",
        "\r\nX: y",
    ),
)
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW", "post")
PATHS: Final = (
    *("/alerts", "/slack/events", "/healthz", "/readyz", "/metrics", "/", "//alerts", "/alerts/", "/ALERTS"),
    *(
        "/alerts?source=a&source=b",
        "/alerts?source=%00",
        "/alerts?%ff",
        "/..%2f..%2fetc/passwd",
        "/%zz",
        "/a" * 900,
    ),
)
HEADERS: Final = (
    *(
        "Content-Encoding: gzip",
        "Content-Encoding: br",
        "Content-Type: text/plain; charset=utf-7",
        "Expect: 100-x",
    ),
    *(
        "Accept: */*;q=nan",
        "Cookie: \x01=\x02",
        "Range: bytes=0-",
        "X-Forwarded-For: ::1",
        "Transfer-Encoding: x",
    ),
    *(f"X-Long: {'y' * 9_000}", "Authorization: Bearer", "Authorization: Basic Og==", "Upgrade: websocket"),
)


class Fuzzer:
    """Makes one request after the other; each is whole HTTP as bytes."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - no secret, and the same in each run

    def request(self) -> bytes:
        """The next one."""
        dice = self._dice
        make: Callable[[], bytes] = dice.choices(
            (self._webhook, self._payload, self._anything), weights=(5, 3, 2)
        )[0]
        return make()

    def _webhook(self) -> bytes:
        group = f"fuzz-{self._dice.randrange(20)}"
        honest = webhook(group, *(alert(f"pod-{self._dice.randrange(9)}") for _ in range(2)))
        body = self._broken(json.dumps(self._changed(honest)).encode("utf-8", "surrogatepass"))
        return self._whole("POST", "/alerts", body, [f"Authorization: Bearer {TOKEN}"])

    def _payload(self) -> bytes:
        """Signed as Slack does it, so that all of it is read."""
        press = {
            "type": self._dice.choice(("block_actions", "view_submission", "shortcut", "event_callback")),
            "user": {"id": "U0ALICE", "team_id": "T0DEMO"},
            "channel": {"id": "C0CHURN"},
            "container": {"message_ts": "1.2", "channel_id": "C0CHURN"},
            "actions": [{"action_id": "approve", "value": "{}", "block_id": "b", "type": "button"}],
            "view": {"id": "V1", "callback_id": "x", "private_metadata": "{}", "state": {"values": {}}},
        }
        command = {"command": "/churn", "text": "scale 4", "user_id": "U0ALICE", "channel_id": "C0CHURN"}
        if self._dice.random() < 0.5:
            form = {"payload": json.dumps(self._changed(press))}
        else:
            form = {key: str(value) for key, value in self._changed(command).items()}
        body = self._broken(urlencode(form, errors="replace").encode())
        stamp = str(int(time.time()))
        signed = hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers = [
            "Content-Type: application/x-www-form-urlencoded",
            f"X-Slack-Request-Timestamp: {stamp}",
            f"X-Slack-Signature: v0={signed}",
        ]
        return self._whole("POST", "/slack/events", body, headers)

    def _anything(self) -> bytes:
        dice = self._dice
        body = dice.randbytes(dice.randrange(200))
        headers = [*dice.sample(HEADERS, dice.randrange(4))]
        return self._whole(dice.choice(METHODS), dice.choice(PATHS), body, headers)

    def _whole(self, method: str, path: str, body: bytes, headers: list[str]) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: lightship", f"Content-Length: {len(body)}", *headers]
        return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body

    def _changed(self, honest: dict[str, Any]) -> dict[str, Any]:
        """With up to three values that are odd, missing or in the wrong place."""
        made = deepcopy(honest)
        for _ in range(self._dice.randrange(4)):
            place: Any = made
            while isinstance(place, dict | list) and place:
                key = self._dice.choice(list(place) if isinstance(place, dict) else range(len(place)))
                inner = place[key]
                if not isinstance(inner, dict | list) or not inner or self._dice.random() < 0.3:
                    if isinstance(place, dict) and self._dice.random() < 0.3:
                        del place[key]
                    else:
                        place[key] = deepcopy(self._dice.choice(ODD))
                    break
                place = inner
        return made

    def _broken(self, body: bytes) -> bytes:
        """Now and then cut off, or with a byte that is another one."""
        roll = self._dice.random()
        if roll < 0.05:
            return body[: self._dice.randrange(len(body) + 1)]
        if roll < 0.15 and body:
            at = self._dice.randrange(len(body))
            return body[:at] + self._dice.randbytes(1) + body[at + 1 :]
        return body
