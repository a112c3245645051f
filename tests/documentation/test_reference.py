"""The reference that is written from the code names all that the code has."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

import pytest
from click.testing import CliRunner

from bot import telemetry
from bot.checks.registry import CHECKS
from bot.cli import lightship
from bot.cli.schemas import schema_of
from bot.domain.durations import parse_duration
from docs.reference_pages import checks_page, http_page, metrics_page, reference_pages, schema_page
from handlers.health import HealthDoor, read_store
from handlers.openapi import openapi
from handlers.server import Doors, make_application
from handlers.working import Work
from tests.documentation.pages import GENERATED
from tests.doors.alert_bench import AlertBench

if TYPE_CHECKING:
    from aiohttp import web

    from bot.ports.stores import Store
    from handlers.slack_app import SlackDoor


def test_every_check_stands_there_with_its_facts_and_rights() -> None:
    """Whatever evidence may name can be looked up, with the rights that a check asks for."""
    page = checks_page()
    for name, check in CHECKS.items():
        section = page.partition(f"## `{name}`")[2].partition("\n## ")[0]
        for word in (
            *check.facts,
            *check.arguments,
            *map(str, check.rights),
            *map(str, check.optional_rights),
        ):
            assert f"`{word}`" in section, f"{name} lacks {word}"


def test_every_metric_stands_there_with_its_labels() -> None:
    """Each of Lightship's metrics has a row."""
    page = metrics_page()
    rows = set(re.findall(r"^\| `(lightship_[a-z_]+)`", page, re.MULTILINE))
    families = {
        family.name for family in telemetry.REGISTRY.collect() if family.name.startswith("lightship_")
    }
    assert {row.removesuffix("_total") for row in rows} == families


@pytest.mark.parametrize("kind", ["config", "runbook", "rehearsal"])
def test_every_key_of_a_file_stands_there(kind: str) -> None:
    """Each property of each mapping has a row, and durations read as the files have them."""
    page = schema_page(kind, title="T", intro="I")
    schema = schema_of(kind)
    for model in (schema, *schema["$defs"].values()):
        for name in model.get("properties", {}):
            assert f"| `{name}` |" in page
    for row in re.findall(r"\| a duration such as `10m` \| `([^`]+)` \|", page):
        parse_duration(row)


def test_the_pages_that_git_ignores_are_those_that_are_written() -> None:
    """A generated page is neither committed nor left behind."""
    assert set(reference_pages()) == GENERATED


def test_the_document_has_the_routes_that_are_mounted() -> None:
    """Every route of the server stands in the OpenAPI document, and no other."""
    mounted = {
        (route.method.lower(), str(route.resource.canonical))
        for route in make_application(_doors()).router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    told = {(method, path) for path, methods in openapi()["paths"].items() for method in methods}
    assert told == mounted
    assert all(path in http_page() for _, path in told)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    """`lightship schema http` prints JSON whose `$ref`s are all in it."""
    printed = CliRunner().invoke(lightship, ["schema", "http"])
    assert printed.exit_code == 0
    document: dict[str, Any] = json.loads(printed.output)
    names = re.findall(r'"#/components/schemas/(\w+)"', printed.output)
    assert set(names) == set(document["components"]["schemas"])


class _Slack:
    """As much of Slack's door as mounting it takes."""

    async def handle(self, request: web.Request) -> web.Response:
        raise AssertionError(request)


def _doors() -> Doors:
    return Doors(
        alertmanager=AlertBench().door,
        health=HealthDoor(probes=(), collect=lambda: read_store(cast("Store", None))),
        slack=cast("SlackDoor", _Slack()),
        socket=None,
        work=Work(),
    )
