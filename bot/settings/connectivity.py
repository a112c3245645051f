"""What a service depends on over the network, as the configuration declares it. Part of `ServiceSettings`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from bot.documents.kinds import Named, Strict, Text, WebAddress

_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?"
_WAYS: Final = ("tcp", "http", "dns")
_LAST_PORT: Final = 65_535


def _without_password(value: str) -> str:
    if "@" in urlsplit(value).netloc:
        raise ValueError("an address without a user name or password is expected: it is shown to people")
    return value


ShownAddress = Annotated[WebAddress, AfterValidator(_without_password)]
HostName = Annotated[str, Named(rf"^{_HOST}\.?$", "the name of a host")]


def _host_and_port(value: str) -> str:
    found = re.fullmatch(rf"({_HOST}|\[[0-9a-fA-F:.]+\]):(\d{{1,5}})", value)
    if found is None or not 1 <= int(found[3]) <= _LAST_PORT:
        raise ValueError("a host and a port such as db:5432 are expected")
    return value


class TargetSettings(Strict):
    """Something that has to be reachable: exactly one of `tcp`, `http` and `dns`."""

    name: Text = Field(description="how people call it; evidence knows databases by it or by their port")
    tcp: Annotated[Text, AfterValidator(_host_and_port)] | None = Field(
        default=None, description="host:port that takes connections"
    )
    http: ShownAddress | None = Field(
        default=None, description="an address that is asked by GET; redirects are not followed"
    )
    dns: HostName | None = Field(default=None, description="a host name that resolves")
    expect: Annotated[int, Field(ge=100, le=599)] = Field(
        default=200, description="the HTTP status that `http` has to answer"
    )

    @model_validator(mode="before")
    @classmethod
    def _only_where_it_means_something(cls, value: Any) -> Any:
        if isinstance(value, dict) and "expect" in value and "http" not in value:
            raise ValueError("`expect` belongs to `http`")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> TargetSettings:
        if sum(getattr(self, way) is not None for way in _WAYS) != 1:
            raise ValueError("exactly one of `tcp`, `http` and `dns` is expected")
        return self
