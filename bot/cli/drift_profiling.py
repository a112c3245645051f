"""`lightship drift profile`: what a comparison needs of a reference, in a file without its data."""

from __future__ import annotations

import secrets
from typing import Any

import click

from bot.cli.drift_options import (
    DATA,
    PATH,
    DriftCommand,
    categorical_option,
    exclude_option,
    features_option,
    names_of,
    reading,
    selection_of,
    target_option,
)
from bot.cli.options import config_option
from bot.domain.errors import Permanent


@click.command(
    cls=DriftCommand,
    epilog="\b\nExample:\n  lightship drift profile --data train.parquet --target left --out ref.profile",
)
@config_option
@click.option("--data", type=DATA, required=True, help="The reference: Parquet or CSV, a file or a folder.")
@click.option("--out", type=PATH, required=True, help="The file to write.")
@target_option
@features_option
@exclude_option
@categorical_option
@click.option("--model-version", default="", help="The version of the model that was trained on the data.")
@click.option("--with-sample", is_flag=True, help="Keep up to 2,500 rows in it, which the joint score needs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def profile(**given: Any) -> None:
    """Save the profile of a reference, to be compared with in place of the data."""
    from bot.drift.columns import unknown_names  # noqa: PLC0415 - after the options are right
    from bot.drift.profile_files import is_profile, save_profile  # noqa: PLC0415 - likewise
    from bot.drift.profiling import make_profile  # noqa: PLC0415 - likewise
    from bot.drift.sources import open_source  # noqa: PLC0415 - likewise

    if is_profile(given["data"]):
        raise Permanent(f"{given['data']} is a profile already")
    source = open_source(given["data"])
    with reading([source], "Reading the reference", passes=2) as progress:
        made = make_profile(
            source,
            selection_of(given),
            model_version=given["model_version"],
            with_sample=given["with_sample"],
            progress=progress,
        )
    if not made.rows:
        raise Permanent(f"{given['data']} holds no rows")
    save_profile(made, given["out"], key=secrets.token_bytes(16))
    size = given["out"].stat().st_size
    nowhere = sorted(unknown_names(names_of(given["exclude"]), [column.name for column in made.columns]))
    if given["as_json"]:
        from bot.drift.as_json import profile_json  # noqa: PLC0415 - likewise

        click.echo(profile_json(made, file=str(given["out"]), size=size, unknown=nowhere))
    else:
        from bot.cli.drift_words import show_profile  # noqa: PLC0415 - likewise

        show_profile(made, file=str(given["out"]), size=size, unknown=nowhere)
