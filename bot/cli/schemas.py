"""`lightship schema`: the JSON Schema of the files that people write, and the HTTP interface as OpenAPI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

from bot.cli.options import config_option

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema of `config`, `runbook` or `rehearsal`."""
    if kind == "config":
        from bot.domain.actions import ACTIONS as KNOWN  # noqa: PLC0415 - as below
        from bot.settings import Settings  # noqa: PLC0415 - only the kind that is asked for is loaded

        made = Settings.model_json_schema()
        made["$defs"]["Action"]["enum"] = sorted(action.value for action in KNOWN)
    elif kind == "rehearsal":
        from bot.rehearsal.scenarios.models import RehearsalFile  # noqa: PLC0415 - likewise

        made = RehearsalFile.model_json_schema()
    else:
        from bot.adapters.runbook_files import (  # noqa: PLC0415 - likewise
            ACTIONS,
            RunbookFile,
            Vocabulary,
        )

        made = RunbookFile.model_json_schema()
        made["$defs"]["CheckCall"]["properties"]["name"]["enum"] = sorted(Vocabulary().checks)
        made["$defs"]["RemediationFile"]["properties"]["action"]["enum"] = sorted(ACTIONS)
    return {"$schema": _DIALECT, **made}


@click.command(epilog="\b\nExample:\n  lightship schema runbook > runbook.schema.json")
@config_option
@click.argument("kind", type=click.Choice(["config", "runbook", "rehearsal", "http"]))
def schema(kind: str, config: Path) -> None:
    """Print the JSON Schema of the configuration, a runbook or a rehearsal, or HTTP's OpenAPI document."""
    del config  # every command takes it; the schema is the same for all
    click.echo(json.dumps(_document(kind), indent=2, ensure_ascii=False))


def _document(kind: str) -> dict[str, Any]:
    if kind == "http":
        from handlers.openapi import openapi  # noqa: PLC0415 - likewise

        return openapi()
    return schema_of(kind)
