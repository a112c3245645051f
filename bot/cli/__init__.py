"""The command line `lightship`: one group whose commands live in modules of their own, loaded when called.

To add a command, write it in a module of this package and name it in `COMMANDS` with its line for `--help`;
so `lightship --help` imports none of them. A group with a command much heavier than its others is lazy, too.
"""

from __future__ import annotations

import gc
import importlib
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Never

import click

from bot import __version__
from bot.cli.leaving import ending_well
from bot.domain.words import did_you_mean
from bot.extensions import install

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, `module:attribute`, and its line in the help."""

    location: str
    line: str


COMMANDS: Final[dict[str, Entry]] = {
    "init": Entry("bot.cli.initiating:init", "Draft the files of an own service, with five questions."),
    "check": Entry("bot.cli.checking:check", "Validate the configuration, runbooks and rehearsals."),
    "rehearse": Entry("bot.cli.rehearsing:rehearse", "Play the rehearsals of the runbooks."),
    "run": Entry("bot.cli.running:run", "Start the bot."),
    "demo": Entry("bot.cli.demonstrating:demo", "Start the bot in an embedded world, with a console."),
    "audit": Entry("bot.cli.auditing:audit", "Verify that the audit was not changed."),
    "incident": Entry("bot.cli.incidents:incident", "Read incidents from the store."),
    "drift": Entry("bot.cli.drifting:drift", "Compare data with its reference, or profile a reference."),
    "doctor": Entry(
        "bot.cli.examining:doctor", "Ask every dependency whether it is there and permits enough."
    ),
    "test-alert": Entry("bot.cli.drilling:test_alert", "Send a synthetic alert for a runbook, as a drill."),
    "rbac": Entry("bot.cli.granting:rbac", "Print the Kubernetes Roles that the configuration needs."),
    "extensions": Entry(
        "bot.cli.extending:extensions", "List the checks and remediations of other packages."
    ),
    "completion": Entry("bot.cli.completing:completion", "Print the completion script of a shell."),
    "db": Entry("bot.cli.databases:db", "Migrate the store."),
    "schema": Entry("bot.cli.schemas:schema", "Print the JSON Schema of a kind of file."),
}
"""Every command, by name."""

EXAMPLES: Final = "\b\nExamples:\n  lightship check\n  lightship schema runbook > runbook.schema.json"


@contextmanager
def loading() -> Iterator[None]:
    """Importing makes many objects and no garbage: looking for some is a tenth of the time it takes."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class LazyGroup(click.Group):
    """A group that knows commands by name, its `entries`, and imports one when it is called."""

    def __init__(self, *given: Any, entries: Mapping[str, Entry] | None = None, **more: Any) -> None:
        super().__init__(*given, **more)
        self.entries = entries or {}

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click does, but Ctrl-C is told from other ends, and output that cannot be written is said."""
        with ending_well("lightship") if standalone_mode else nullcontext():
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the alphabet."""
        return sorted({*self.entries, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, if there is one of that name."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        # Before any list of words that follows from the registries is made.
        install()
        module, _, attribute = entry.location.partition(":")
        with loading():
            command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.location} is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest right word for a wrong one."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            self._refuse(ctx, args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        rows: Sequence[tuple[str, str]] = [(name, self._line(name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _line(self, name: str) -> str:
        return self.entries[name].line if name in self.entries else self.commands[name].get_short_help_str(90)

    def _refuse(self, ctx: click.Context, word: str) -> Never:
        ctx.fail(f"there is no command `{word[:60]}`{did_you_mean(word, self.list_commands(ctx))}")


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="lightship", message="%(prog)s %(version)s")
def lightship() -> None:
    """Incident response in Slack for machine-learning services on Kubernetes."""
