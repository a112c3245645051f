"""`lightship audit`: whether what was written down about actions is still what was written down."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Final

import click

from bot.adapters.clock import SystemClock
from bot.cli.options import show_faults, unused_config_option
from bot.cli.progress import waiting
from bot.domain.auditing import SHORT, Head
from bot.domain.errors import LightshipError, NotFound
from bot.engines.auditing import verify_audit
from bot.settings import read_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.domain.auditing import Proof

_HEAD: Final = re.compile(r"([0-9]{1,15}):([0-9a-f]{12,64})", re.ASCII)
_FAULTS_SHOWN: Final = 20


class HeadType(click.ParamType[Head]):
    """`N:HASH` as messages, the log and the metrics show it."""

    name = "N:HASH"

    def convert(self, value: str | Head, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        """Read it, or say what is expected."""
        if isinstance(value, Head):
            return value
        found = _HEAD.fullmatch(value.strip().lower())
        if found is None:
            expected = f"expected a number, a colon and {SHORT} to 64 digits of a hash"
            self.fail(f"{expected}, not `{value[:80]}`", param, ctx)
        return Head(number=int(found[1]), hash=found[2])


@click.group(epilog="\b\nExample:\n  lightship audit verify --head 57:9f86d081884c")
def audit() -> None:
    """Verify the audit in the store of LIGHTSHIP_DATABASE_URL."""


@audit.command(
    epilog="\b\nExamples:\n  lightship audit verify\n  lightship audit verify --head 57:9f86d081884c --json"
)
@unused_config_option
@click.option(
    "--head", "known", type=HeadType(), help="A head seen in an approval message, the log or the metrics."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(known: Head | None, as_json: bool) -> None:
    """Find every edit, removal, reordering or cut-off tail, and say what cannot be proven.

    Signatures are checked with LIGHTSHIP_AUDIT_KEY. Exit code 1 where something was changed.
    """
    environment, faults = read_environment(os.environ)
    if faults:
        show_faults(faults)
        sys.exit(1)

    async def read(say: Callable[[str], None]) -> Proof:
        from bot.adapters.database import connect, missing_file  # noqa: PLC0415 - `--help` needs no database

        url = environment.database_url.get_secret_value()
        missing = missing_file(url)
        if missing:
            raise NotFound(f"there is no store at {missing}; set LIGHTSHIP_DATABASE_URL, or start the bot")
        store = connect(url, clock=SystemClock())

        def progress(entries: int) -> None:
            say(f"Reading the audit: {entries:,} entries")

        try:
            return await verify_audit(store, keys=environment.audit_keys, known=known, progress=progress)
        finally:
            await store.close()

    try:
        with waiting("Reading the audit") as say:
            proof = asyncio.run(read(say))
    except LightshipError as error:
        click.echo(f"lightship audit verify: {error}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(_as_json(proof)))
    else:
        _show(proof)
    sys.exit(1 if proof.faults else 0)


def _show(proof: Proof) -> None:
    for fault in proof.faults[:_FAULTS_SHOWN]:
        click.echo(click.style(_sentence(fault.sentence), fg="red"))
    if len(proof.faults) > _FAULTS_SHOWN:
        click.echo(click.style(f"And {len(proof.faults) - _FAULTS_SHOWN} more.", fg="red"))
    words = "1 entry" if proof.entries == 1 else f"{proof.entries:,} entries"
    if proof.faults:
        click.echo(click.style(f"The audit was changed: {words} read, head {proof.head.short}.", fg="red"))
    else:
        click.echo(click.style(f"No change found in {words}; head {proof.head.short}.", fg="green"))
    for sentence in proof.unproven:
        click.echo(f"Not proven: {sentence}")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _as_json(proof: Proof) -> dict[str, object]:
    return {
        "intact": not proof.faults,
        "entries": proof.entries,
        "head": str(proof.head),
        "faults": [
            {"kind": fault.kind.value, "number": fault.number, "sentence": fault.sentence}
            for fault in proof.faults
        ],
        "not_proven": list(proof.unproven),
    }
