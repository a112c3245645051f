"""The Slack app's manifest, held against the rules of Slack's public schema (version 2) for what it uses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML

from bot.bootstrap.examining_slack import SCOPES
from bot.settings import load_settings

ROOT = Path(__file__).parents[2]
MANIFEST = YAML(typ="safe").load(ROOT / "k8s" / "slack-manifest.yaml")
Address = Annotated[str, Field(pattern="^https?://", max_length=3000)]
Scope = Annotated[str, Field(max_length=50)]


class Part(BaseModel):
    """A part of the manifest: what the schema does not name is not allowed in it."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Part):
    """Which schema it is written for."""

    major_version: int
    minor_version: int


class DisplayInformation(Part):
    """How the app presents itself."""

    name: str = Field(min_length=1, max_length=35)
    description: str = Field(min_length=1, max_length=140)
    background_color: str = Field(pattern="^#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?$")


class BotUser(Part):
    """Its name in channels."""

    display_name: str = Field(min_length=1, max_length=80)
    always_online: bool


class SlashCommand(Part):
    """One command."""

    command: str = Field(pattern="^/", min_length=2, max_length=32)
    url: Address
    description: str = Field(min_length=1, max_length=2000)
    usage_hint: str = Field(min_length=1, max_length=1000)
    should_escape: bool


class Features(Part):
    """What people see of it."""

    bot_user: BotUser
    slash_commands: list[SlashCommand] = Field(min_length=1, max_length=50)


class Scopes(Part):
    """What it may."""

    bot: list[Scope] = Field(max_length=255)


class OauthConfig(Part):
    """How it is installed."""

    scopes: Scopes


class Interactivity(Part):
    """Where buttons go."""

    is_enabled: bool
    request_url: Address


class AppSettings(Part):
    """The rest."""

    interactivity: Interactivity
    org_deploy_enabled: bool
    socket_mode_enabled: bool
    token_rotation_enabled: bool


class Manifest(BaseModel):
    """All of it. At the top Slack lets unknown parts pass; a typo there would go unseen, so here none is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    metadata: Metadata = Field(alias="_metadata")
    display_information: DisplayInformation
    features: Features
    oauth_config: OauthConfig
    settings: AppSettings


def test_the_manifest_keeps_to_the_schema() -> None:
    """Every part that it has is one of the schema's, within its lengths and patterns."""
    made = Manifest.model_validate(MANIFEST)
    assert made.metadata.major_version == 2


def test_a_wrong_manifest_is_found() -> None:
    """The control: a command without its slash and an unknown part are refused."""
    wrong = {**MANIFEST, "features": {"bot_user": {"display_name": "x", "always_on": True}}}
    with pytest.raises(ValidationError) as refused:
        Manifest.model_validate(wrong)
    assert refused.value.error_count() >= 2


def test_its_scopes_are_those_that_doctor_asks_for() -> None:
    """Nothing that the bot needs is missing; beside them are those of user groups and private channels."""
    scopes = set(MANIFEST["oauth_config"]["scopes"]["bot"])
    assert scopes >= set(SCOPES)
    assert scopes - set(SCOPES) == {"usergroups:read", "groups:history"}


def test_each_service_has_its_command() -> None:
    """The slash commands are those of the shipped configuration, names arriving as ids."""
    loaded = load_settings(ROOT / "lightship.yaml", {})
    assert loaded.settings is not None
    wanted = {loaded.settings.command_of(name) for name in loaded.settings.services}
    commands = MANIFEST["features"]["slash_commands"]
    assert {one["command"] for one in commands} == wanted
    assert all(one["should_escape"] for one in commands)


def test_everything_goes_to_the_one_open_path() -> None:
    """Commands and buttons are sent to the path that the Ingress opens."""
    ingress = YAML(typ="safe").load(ROOT / "k8s" / "base" / "ingress.yaml")
    (rule,) = ingress["spec"]["rules"]
    address = f"https://{rule['host']}{rule['http']['paths'][0]['path']}"
    urls = {one["url"] for one in MANIFEST["features"]["slash_commands"]}
    assert urls | {MANIFEST["settings"]["interactivity"]["request_url"]} == {address}
