"""The pages of the reference that are written from the code: settings, runbook keys, metrics, findings, HTTP.

`docs/conf.py` writes them before each build, and a test holds that they name whatever the code knows. Heavy
imports stand in the functions: the tests ask for single pages.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DURATION: Final = r"^(?=\d)"
"""How the pattern of a duration begins, in every schema."""

_NOTE: Final = "<!-- Written from the code by docs/reference_pages.py; changes here are lost. -->"


_METRICS: Final = """\
What `GET /metrics` shows of the bot, beside the process's own `process_…` and `python_gc_…` and the drift
score of each service. Times are in seconds. Labels come from bounded sets of words, never from alerts."""

_CHECKS: Final = """\
Checks read and change nothing. Each ends in a finding with a verdict (`ok`, `warn`, `fail`, `unknown`), a
sentence, and facts; evidence names a fact as `findings.CHECK.FACT`. A check that cannot find out says
`unknown` and why. Facts of `metrics` are those of the configured metrics: see [](runbooks.md)."""


def reference_pages() -> dict[str, str]:
    """Every generated page, by its name in `docs/reference/`."""
    return {
        "configuration.md": schema_page(
            "config",
            title="Configuration",
            intro=(
                "What `lightship.yaml` holds. `lightship schema config` prints the same as JSON Schema, "
                "for an editor "
                "that completes and checks; `lightship check` names every fault with its place. Any "
                "setting can be set "
                "by `LIGHTSHIP_` and its path joined by `__`, such as `LIGHTSHIP_FALLBACK__URL`; every "
                "secret also comes "
                "from a file, by the variable's name and `_FILE`."
            ),
        ),
        "runbook-keys.md": schema_page(
            "runbook",
            title="Keys of a runbook",
            intro="What `lightship schema runbook` prints; [](runbooks.md) says how the keys are used.",
        ),
        "rehearsal-keys.md": schema_page(
            "rehearsal",
            title="Keys of a rehearsal",
            intro="What `lightship schema rehearsal` prints; [](runbooks.md) says how the keys are used.",
        ),
        "metrics.md": metrics_page(),
        "checks.md": checks_page(),
        "http.md": http_page(),
    }


def schema_page(kind: str, *, title: str, intro: str) -> str:
    """A JSON Schema of `lightship schema` as tables: one for the file, one for each kind of mapping in it."""
    from bot.cli.schemas import schema_of  # noqa: PLC0415 - the settings are only loaded for these pages

    schema = schema_of(kind)
    definitions: dict[str, Any] = schema.get("$defs", {})
    parts = [_NOTE, f"# {title}", intro, *_model("The file", schema, definitions)]
    for name in sorted(definitions, key=_heading):
        if "properties" in definitions[name]:
            parts += _model(_heading(name), definitions[name], definitions)
    return "\n\n".join(parts) + "\n"


def metrics_page() -> str:
    """Every metric of the bot's registry, with its kind, labels and meaning."""
    from prometheus_client.metrics import MetricWrapperBase  # noqa: PLC0415 - likewise

    from bot import telemetry  # noqa: PLC0415 - likewise

    rows = []
    for made in vars(telemetry).values():
        if not isinstance(made, MetricWrapperBase):
            continue
        (family,) = made.describe()
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = made._labelnames  # noqa: SLF001 - the client library tells it nowhere else
        words = ", ".join(f"`{label}`" for label in labels) or "none"
        rows.append((f"`{name}`", family.type, words, _cell(family.documentation)))
    return (
        "\n\n".join(
            (
                _NOTE,
                "# Metrics",
                _METRICS,
                _table(("metric", "kind", "labels", "what it counts"), sorted(rows)),
            )
        )
        + "\n"
    )


def checks_page() -> str:
    """Every check with its rights and the facts of its findings, which evidence expressions name."""
    from bot.checks.registry import CHECKS  # noqa: PLC0415 - likewise
    from bot.extensions import install  # noqa: PLC0415 - likewise

    install()
    parts = [_NOTE, "# Checks and what they find", _CHECKS]
    for name, check in sorted(CHECKS.items()):
        limit, fresh = check.time_limit.total_seconds(), check.fresh_for.total_seconds() / 60
        parts += [
            f"## `{name}`",
            f"{check.title}. It ends within {limit:.0f} s; its findings are old after {fresh:.0f} minutes.",
        ]
        if check.arguments:
            parts.append("Arguments: " + ", ".join(f"`{one}`" for one in sorted(check.arguments)) + ".")
        needed = ", ".join(f"`{right}`" for right in check.rights) or "none needed"
        more = ", ".join(f"`{right}`" for right in check.optional_rights)
        if check.rights or more:
            parts.append(f"Rights: {needed}{f'; tells more with {more}' if more else ''}.")
        rows = [
            (f"`{fact}`", known.kind.value + (f", {known.unit}" if known.unit else ""), _cell(known.words))
            for fact, known in check.facts.items()
        ]
        if rows:
            parts.append(_table(("fact", "kind", "what it is"), rows))
    return "\n\n".join(parts) + "\n"


def http_page() -> str:
    """The routes, from the OpenAPI document of `lightship schema http`."""
    from handlers.openapi import openapi  # noqa: PLC0415 - likewise

    document = openapi()
    parts = [_NOTE, "# HTTP", document["info"]["description"]]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answers = operation["responses"].items()
            rows = [(str(status), _cell(answer["description"])) for status, answer in answers]
            parts += [
                f"## `{method.upper()} {path}`",
                operation["description"],
                _table(("answer", "when"), rows),
            ]
    parts += [
        "## The document",
        "`lightship schema http` prints it.",
        "```json\n" + json.dumps(document, indent=2) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _model(heading: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {heading}"
    if schema.get("description"):
        yield _prose(schema["description"])
    required = set(schema.get("required", ()))
    rows = [
        (
            f"`{name}`",
            _kind(field, definitions),
            "required" if name in required else _default(field),
            _cell(field.get("description") or _described(field, definitions)),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    yield _table(("key", "holds", "default", "meaning"), rows)


def _kind(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    said = _of_several(field, definitions) or _of_some(field, definitions)
    if said:
        return said
    if str(field.get("pattern", "")).startswith(DURATION):
        return "a duration such as `10m`"
    words = {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "`true` or `false`",
    }
    return words.get(str(field.get("type")), "anything") + _bounds(field)


def _of_several(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a field holds that is one of several, or described elsewhere; empty where it is neither."""
    if "$ref" in field:
        return _reference(field["$ref"].rpartition("/")[2], definitions)
    if "anyOf" in field:
        kinds = [_kind(one, definitions) for one in field["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    words = field.get("enum") or ([field["const"]] if "const" in field else [])
    return ", ".join(f"`{word}`" for word in words)


def _of_some(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a list or a mapping holds; empty where it is neither."""
    if field.get("type") == "array":
        return "a list of " + _kind(field.get("items", {}), definitions)
    if field.get("type") == "object":
        inner = next(iter(field.get("patternProperties", {}).values()), field.get("additionalProperties"))
        named = isinstance(inner, dict) and inner
        return "a mapping of names to " + _kind(inner, definitions) if named else "a mapping"
    return ""


def _bounds(field: Mapping[str, Any]) -> str:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f", {low} to {high}"
    if low is not None:
        return f", above {low}" if "exclusiveMinimum" in field else f", {low} at least"
    return f", {high} at most" if high is not None else ""


def _reference(name: str, definitions: Mapping[str, Any]) -> str:
    definition = definitions[name]
    if "properties" in definition:
        heading = _heading(name)
        return f"[{heading.lower()}](#{heading.lower().replace(' ', '-')})"
    return _kind({key: value for key, value in definition.items() if key != "description"}, definitions)


def _described(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    references = [one["$ref"] for one in (field, *field.get("anyOf", ())) if "$ref" in one]
    return definitions[references[0].rpartition("/")[2]].get("description", "") if references else ""


def _default(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    if default in (None, "", [], {}):
        return "none"
    if isinstance(default, dict):
        return "its own keys'"
    if isinstance(default, str):
        return f"`{_duration(default)}`"
    return f"`{json.dumps(default)}`"


def _duration(text: str) -> str:
    """The ISO 8601 duration of pydantic, `P1DT2H`, as the files have it: `1d2h`."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - likewise

    from bot.domain.durations import format_duration  # noqa: PLC0415 - likewise

    try:
        return format_duration(TypeAdapter(timedelta).validate_python(text)) if text.startswith("P") else text
    except ValidationError:
        return text


def _heading(name: str) -> str:
    """`ApprovalRuleSettings` as people say it: `Approval rule`."""
    plain = name.removesuffix("Settings").removesuffix("File") or name
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in plain).strip()
    return words[:1].upper() + words[1:]


def _prose(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|") or " "


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
