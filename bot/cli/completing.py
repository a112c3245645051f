"""`lightship completion`: the script by which a shell completes commands, options and names of runbooks."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from bot.cli.options import unused_config_option

VARIABLE = "_LIGHTSHIP_COMPLETE"
"""By this the shell asks; click answers before the command begins."""


@click.command(
    epilog="\b\nExamples:\n  lightship completion bash > /etc/bash_completion.d/lightship\n"
    "  lightship completion zsh > ~/.zfunc/_lightship\n"
    "  lightship completion fish > ~/.config/fish/completions/lightship.fish"
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@unused_config_option
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell, to be put where the shell looks for it."""
    kind = get_completion_class(shell)
    root = context.find_root()
    if kind is None:  # click has all three
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(kind(root.command, {}, "lightship", VARIABLE).source())
