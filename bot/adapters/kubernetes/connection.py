"""One connection to one API server: credentials, time-outs, size limits; no request is ever repeated.

Made by `bot.bootstrap`, shared by reader, planner and writer. Callers decide whether to try again.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import aiohttp

from bot import __version__
from bot.adapters.kubernetes.errors import error_of_answer
from bot.adapters.kubernetes.loading import load_client
from bot.domain.errors import Ambiguous, Permanent, Temporary
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.rights import Right
    from bot.ports.readers import Resource

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.:-]{0,251}[a-z0-9])?")
_UNUSABLE: Final = (OSError, ValueError, TypeError, AttributeError, KeyError)
_CHUNK: Final = 65_536
_ACCEPT: Final = "application/json, */*"
_REREAD_AFTER: Final = 60.0
"""Seconds after which a kubeconfig's credentials (token files, exec plugins) are read anew."""

_CONTENT: Final = {"PATCH": "application/merge-patch+json", "POST": "application/json"}

Query = dict[str, str]


class _UnreadableError(Exception):
    """An answer that came and cannot be used; its text goes into messages."""


class KubernetesConnection:
    """The transport to an API server. `kubeconfig` empty means the credentials of the pod it runs in."""

    def __init__(
        self, *, kubeconfig: str = "", context: str = "", timeout: float = 10.0, max_bytes: int = 16_000_000
    ) -> None:
        self._kubeconfig = kubeconfig
        self._context = context or None
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._client: Any = None
        self._config_module: Any = None
        self._opening = asyncio.Lock()
        self._loader: Any = None
        self._read_at = 0.0

    async def read(
        self,
        path: str,
        *,
        query: Query,
        right: Right,
        place: str,
        max_bytes: int | None = None,
        accept: str = _ACCEPT,
    ) -> bytes:
        """The body of a GET. Raises what `bot.ports.readers` promises."""
        client = await self._open()
        try:
            return await self._send(
                client,
                "GET",
                path,
                query=query,
                right=right,
                place=place,
                limit=max_bytes,
                accept=accept,
            )
        except (aiohttp.ClientError, TimeoutError, OSError, _UnreadableError) as error:
            raise _temporary(error) from error

    async def read_json(
        self, path: str, *, query: Query, right: Right, place: str, accept: str = _ACCEPT
    ) -> dict[str, Any]:
        """The object that a GET answers."""
        body = await self.read(path, query=query, right=right, place=place, accept=accept)
        try:
            return _object_of(body)
        except _UnreadableError as error:
            raise _temporary(error) from error

    async def write_once(
        self, method: str, path: str, *, query: Query, body: Mapping[str, Any], right: Right, place: str
    ) -> dict[str, Any]:
        """The object that one merge PATCH or one POST answers.

        Raises Ambiguous where it was sent and the answer does not tell, Temporary where it was not taken.
        """
        client = await self._open()
        try:
            answer = await self._send(
                client, method, path, query=query, right=right, place=place, content=dict(body)
            )
            return _object_of(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _temporary(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError, _UnreadableError) as error:
            raise Ambiguous(f"Kubernetes may or may not have done it: {_words(error)}") from error

    async def close(self) -> None:
        """Close the connections; a later call opens them anew."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _send(
        self,
        client: Any,
        method: str,
        path: str,
        *,
        query: Query,
        right: Right,
        place: str,
        content: dict[str, Any] | None = None,
        limit: int | None = None,
        accept: str = _ACCEPT,
    ) -> bytes:
        resource_path = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept": accept}
        if content is not None:
            headers["Content-Type"] = _CONTENT[method]
        request = await client.param_serialize(
            method, resource_path, header_params=headers, body=content, auth_settings=["BearerToken"]
        )
        timeout = aiohttp.ClientTimeout(total=self._timeout, connect=min(5.0, self._timeout))
        answer = await client.call_api(*request, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        async with response:
            body = await _bounded(response, limit or self._max_bytes, cut=limit is not None)
        if 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's success
            return body
        if response.status == 401:  # noqa: PLR2004 - unauthorised: read the credentials anew next time
            self._read_at = float("-inf")
        error = error_of_answer(response.status, response.headers, body, right=right, place=place)
        if content is not None and response.status >= 500 and isinstance(error, Temporary):  # noqa: PLR2004
            raise Ambiguous(str(error), delay=error.delay)
        raise error

    async def _open(self) -> Any:
        try:
            async with asyncio.timeout(self._timeout + 20.0), self._opening:
                if self._client is None:
                    self._client = await self._connect()
                await self._reread()
                return self._client
        except TimeoutError as error:
            raise Temporary("the credentials for Kubernetes were not ready in time") from error

    async def _connect(self) -> Any:
        client_module, self._config_module = await asyncio.to_thread(load_client)
        configuration = client_module.Configuration()
        configuration.retries = None
        await self._authenticate(configuration)
        client = client_module.ApiClient(configuration)
        client.user_agent = f"lightship/{__version__}"  # how the API server's audit log names us
        return client

    async def _reread(self) -> None:
        # In a pod the client's own hook reads the rotated token.
        age = asyncio.get_running_loop().time() - self._read_at
        if not self._kubeconfig or age < _REREAD_AFTER:
            return
        if getattr(self._loader, "exec_plugin_expiry", None) is not None and age != float("inf"):
            await self._loader.load_from_exec_plugin()
            if getattr(self._loader, "token", None):
                self._client.configuration.api_key["BearerToken"] = self._loader.token
            self._read_at = asyncio.get_running_loop().time()
            return
        fresh = type(self._client.configuration)()
        await self._authenticate(fresh)
        self._client.configuration.api_key = fresh.api_key

    async def _authenticate(self, configuration: Any) -> None:
        yaml = importlib.import_module("yaml")  # the client's own, and loaded with it
        try:
            if self._kubeconfig:
                self._loader = await self._config_module.load_kube_config(
                    config_file=self._kubeconfig,
                    context=self._context,
                    client_configuration=configuration,
                    persist_config=False,
                )
            else:
                self._config_module.load_incluster_config(client_configuration=configuration)
        except (self._config_module.ConfigException, yaml.YAMLError, *_UNUSABLE) as error:
            raise Permanent(_no_credentials(error, kubeconfig=bool(self._kubeconfig))) from error
        self._read_at = asyncio.get_running_loop().time()


def object_path(resource: Resource, *, namespace: str, name: str = "", subresource: str = "") -> str:
    """The path of an object or, without a name, of the list. Raises Permanent for what can be no name."""
    parts = ["/api" if "/" not in resource.api_version else "/apis", resource.api_version]
    if namespace:
        parts += ["namespaces", _segment(namespace)]
    parts.append(resource.plural)
    if name:
        parts.append(_segment(name))
    if subresource:
        parts.append(subresource)
    return "/".join(parts)


def place_of(namespace: str) -> str:
    """Where a right is missing, in words."""
    return f"namespace {namespace}" if namespace else "the cluster"


def _segment(name: str) -> str:
    # A name goes into a path that the HTTP client normalises, so `..` would leave the namespace.
    if ".." in name or not _NAME.fullmatch(name):
        raise Permanent(f"`{one_line(name, limit=60)}` is no name in Kubernetes")
    return quote(name, safe="")


async def _bounded(response: aiohttp.ClientResponse, limit: int, *, cut: bool) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > limit:
            if cut:
                return bytes(body[:limit])
            raise _UnreadableError("its answer is larger than the limit")
    return bytes(body)


def _object_of(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise _UnreadableError("its answer is no JSON") from error
    if not isinstance(answer, dict):
        raise _UnreadableError("its answer is no object")
    return answer


def _no_credentials(error: Exception, *, kubeconfig: bool) -> str:
    if not kubeconfig:
        return f"no credentials for Kubernetes from the pod's service account: {one_line(error, limit=120)}"
    if isinstance(error, OSError):
        return f"no credentials for Kubernetes from KUBECONFIG: {error.strerror}"
    # The client's message quotes the file's entries, tokens among them.
    return "no credentials for Kubernetes from KUBECONFIG: the file is incomplete or no kubeconfig"


def _temporary(error: Exception) -> Temporary:
    return Temporary(f"Kubernetes cannot be reached: {_words(error)}")


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection"
    if isinstance(error, _UnreadableError):
        return str(error)
    return one_line(type(error).__name__, limit=60)
