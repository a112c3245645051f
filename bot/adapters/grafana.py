"""Grafana's annotations behind `bot.ports.marks`: `/api/annotations` with a service account's token.

Every annotation has the tag `lightship` and one with the mark's id, by which it is found again: so nothing
has to be remembered here, and an answer that was lost is no second annotation. Grafana counts in
milliseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from bot.domain.errors import Permanent, Temporary
from bot.domain.marks import HeldMark, Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

TAG: Final = "lightship"
MOST: Final = 1000
_ID: Final = "lightship-id:"
_TIMEOUT: Final = 10.0
_OK, _REDIRECT, _TOO_MANY, _SERVER_ERROR = 200, 300, 429, 500


class GrafanaMarks:
    """`bot.ports.marks.MarkBoard` over HTTP; redirects are not followed."""

    def __init__(self, url: str, token: str, *, timeout: float = _TIMEOUT) -> None:
        self._url = f"{url.rstrip('/')}/api/annotations"
        self._token = token
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def held(self, *, since: datetime) -> Mapping[str, HeldMark]:
        """The newest thousand of ours."""
        query = {"tags": TAG, "type": "annotation", "limit": str(MOST), "from": str(_milliseconds(since))}
        # Grafana looks at a span only where both of its ends are given.
        query["to"] = str(_milliseconds(datetime.max.replace(year=2999, tzinfo=UTC)))
        listed = await self._call("GET", query=query)
        if not isinstance(listed, list):
            raise Permanent("Grafana's answer is no list of annotations")
        found = (_read(one) for one in listed if isinstance(one, dict))
        return {one.mark.id: one for one in found if one is not None}

    async def add(self, mark: Mark) -> None:
        """POST it."""
        await self._call("POST", body=_body(mark))

    async def change(self, number: int, mark: Mark) -> None:
        """PATCH it."""
        await self._call("PATCH", path=f"/{number}", body=_body(mark))

    async def close(self) -> None:
        """Close the connections; a later call opens them anew."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _call(
        self,
        method: str,
        *,
        path: str = "",
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        if self._session is None:
            headers = {"Authorization": f"Bearer {self._token}"}
            self._session = aiohttp.ClientSession(timeout=self._timeout, headers=headers)
        try:
            async with self._session.request(
                method, self._url + path, params=query, json=body, allow_redirects=False
            ) as answer:
                status = answer.status
                content = await answer.json(content_type=None) if _OK <= status < _REDIRECT else None
        except aiohttp.InvalidURL:
            raise Permanent("grafana.url is no address") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            words = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            raise Temporary(f"Grafana cannot be reached: {words}") from None
        except ValueError:
            raise Permanent("Grafana's answer is not JSON: is grafana.url its address?") from None
        if _OK <= status < _REDIRECT:
            return content
        if status >= _SERVER_ERROR or status == _TOO_MANY:
            raise Temporary(f"Grafana answered {status}")
        raise Permanent(f"Grafana refuses: {status}; the token needs the right to read and write annotations")


def _body(mark: Mark) -> dict[str, Any]:
    body: dict[str, Any] = {
        "time": _milliseconds(mark.at),
        "text": mark.text,
        "tags": [TAG, *mark.tags, _ID + mark.id],
    }
    if mark.until is not None:
        body["timeEnd"] = _milliseconds(mark.until)
    return body


def _read(content: Mapping[str, Any]) -> HeldMark | None:
    """One annotation; None where it is not one of ours. A moment has its own time for an end."""
    tags = content.get("tags") or []
    mark_id = next((str(tag)[len(_ID) :] for tag in tags if str(tag).startswith(_ID)), "")
    number, begun, ended = content.get("id"), content.get("time"), content.get("timeEnd")
    if not mark_id or not isinstance(number, int) or not isinstance(begun, int):
        return None
    until = _moment(ended) if isinstance(ended, int) and ended > begun else None
    mark = Mark(id=mark_id, at=_moment(begun), until=until, text=str(content.get("text") or ""))
    return HeldMark(number=number, mark=mark)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
