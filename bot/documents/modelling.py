"""A document checked against a pydantic model: the model, or every fault with its place and the right word.

Used by the loaders of configuration and runbooks.
"""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.domain.words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from bot.documents.reading import Document
    from bot.domain.faults import Fault

Model = TypeVar("Model", bound=BaseModel)

_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping (`key: value` lines)",
    "model_type": "a mapping (`key: value` lines)",
    "model_attributes_type": "a mapping (`key: value` lines)",
    "list_type": "a list",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "too_long": ("of at most", "max_length"),
}
_OTHERS = {"finite_number": "a finite number is expected"}


def checked(document: Document, model: type[Model]) -> tuple[Model | None, tuple[Fault, ...]]:
    """`document` as a `model`, or None and its faults, in the order of the file."""
    try:
        return model.model_validate(document.value if document.value is not None else {}), ()
    except ValidationError as error:
        details = error.errors(include_url=False)
    return None, tuple(
        sorted({_fault(document, model, detail) for detail in details if not _is_echo(detail)})
    )


def _is_echo(detail: ErrorDetails) -> bool:
    # pydantic calls a list too short when its entries are at fault; the entries' own faults say enough.
    return detail["type"] == "too_short" and bool(detail["input"])


def _fault(document: Document, model: type[BaseModel], detail: ErrorDetails) -> Fault:
    path = detail["loc"]
    kind, name = detail["type"], str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        listed = did_you_mean(name, known) or f"; known here are {', '.join(sorted(known))}"
        return document.key_place(path).fault(f"unknown key `{name}`{listed}")
    if kind == "missing":
        return document.key_place(path[:-1]).fault(f"`{name}` is missing{_under(path[:-1])}")
    if path[-1:] == ("[key]",):
        return document.key_place(path[:-1]).fault(f"`{path[-2]}`: {_told(detail)}")
    return document.place(path).fault(f"`{_spelled(path)}`: {_told(detail)}" if path else _told(detail))


def _told(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _KINDS:
        return f"{_KINDS[kind]} is expected, not {_shown(detail['input'])}"
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", detail["msg"]))
    if kind in {"enum", "literal_error"}:
        expected = str(context.get("expected", ""))
        known = [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]
        return (
            f"expected {expected}, not {_shown(detail['input'])}{did_you_mean(str(detail['input']), known)}"
        )
    if kind in {"too_short", "string_too_short"}:
        return "it must not be empty"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        entries = f"{context.get('actual_length')} entries"
        given = entries if kind == "too_long" else _shown(detail["input"])
        return f"it must be {words} {context.get(bound):g}, not {given}"
    return _OTHERS.get(kind, detail["msg"])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text `{value[:60]}`"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    kinds = {list: "a list", dict: "a mapping", type(None): "nothing"}
    return kinds.get(type(value), type(value).__name__)


def _spelled(path: Iterable[object]) -> str:
    return ".".join(str(part) for part in path)


def _under(path: tuple[object, ...]) -> str:
    return f" in `{_spelled(path)}`" if path else ""


def known_keys(model: type[BaseModel]) -> dict[str, Any]:
    """The keys that people write for `model`, each with its annotation."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def below(annotation: Any, key: object) -> Any:
    """The annotation of what lies under `key` of something annotated so; None when that is not known."""
    for candidate in alternatives(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            found = known_keys(candidate).get(str(key))
            if found is not None:
                return found
        origin, arguments = typing.get_origin(candidate), typing.get_args(candidate)
        if origin in {list, tuple} and arguments:
            return arguments[0]
        if origin is not None and len(arguments) == 2:  # noqa: PLR2004 - the key and the value of a mapping
            return arguments[1]
    return None


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, without `Annotated` and unions around them."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return alternatives(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        return tuple(inner for one in typing.get_args(annotation) for inner in alternatives(one))
    return (annotation,)


def model_below(annotation: Any) -> type[BaseModel] | None:
    """The model among what an annotation allows, if there is one."""
    for candidate in alternatives(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _known_keys(model: type[BaseModel], path: tuple[object, ...]) -> tuple[str, ...]:
    annotation: Any = model
    for part in path:
        annotation = below(annotation, part)
    found = model_below(annotation)
    return tuple(known_keys(found)) if found else ()
