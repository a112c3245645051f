"""The words in which Slack names what is wrong with blocks, and the checks that every rule is made of.

Called by the rule modules beside it (`element_rules`, `block_rules`, `limits`); pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.console.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken limit: where (a JSON pointer such as /blocks/0/text/text) and what."""

    pointer: str
    fault: str

    def __str__(self) -> str:
        return f"{self.fault} [json-pointer:{self.pointer}]"


Found: TypeAlias = Iterator[Violation]

ID_LONGEST = 255


def fault(pointer: str, words: str) -> Violation:
    """A violation, in short."""
    return Violation(pointer=pointer, fault=words)


def length(value: Any, at: str, *, longest: int, shortest: int = 1) -> Found:
    """A string of so many characters."""
    if not isinstance(value, str):
        yield fault(at, "must be a string")
    elif len(value) < shortest:
        yield fault(at, f"must be more than {shortest - 1} characters")
    elif len(value) > longest:
        yield fault(at, f"must be less than {longest + 1} characters")


def optional_length(found: Json, key: str, at: str, *, longest: int) -> Found:
    """The string `key`, if it is given at all."""
    if found.get(key) is not None:
        yield from length(found[key], f"{at}/{key}", longest=longest)


def amount(value: Any, at: str, *, most: int, least: int = 1) -> Found:
    """A list of so many items."""
    if not isinstance(value, list):
        yield fault(at, "must be an array")
    elif len(value) < least:
        yield fault(at, f"no fewer than {least} items allowed")
    elif len(value) > most:
        yield fault(at, f"no more than {most} items allowed")


def text_object(value: Any, at: str, *, longest: int, mrkdwn: bool = False) -> Found:
    """A text composition object, plain text unless `mrkdwn` is let in as well; never empty."""
    if not isinstance(value, dict):
        yield fault(at, "must be an object")
        return
    kinds = ("plain_text", "mrkdwn") if mrkdwn else ("plain_text",)
    if value.get("type") not in kinds:
        yield fault(f"{at}/type", f"must be one of {', '.join(kinds)}")
        return
    if value["type"] == "mrkdwn" and "emoji" in value:
        yield fault(f"{at}/emoji", "no more keys allowed: emoji belongs to plain_text")
    yield from length(value.get("text"), f"{at}/text", longest=longest)


def optional_text(found: Json, key: str, at: str, *, longest: int, mrkdwn: bool = False) -> Found:
    """The text object `key`, if it is given at all."""
    if found.get(key) is not None:
        yield from text_object(found[key], f"{at}/{key}", longest=longest, mrkdwn=mrkdwn)


def one_of(value: Any, at: str, *allowed: str) -> Found:
    """One of the words."""
    if value not in allowed:
        yield fault(at, f"must be one of {', '.join(allowed)}")


def as_objects(value: Any, at: str) -> Iterator[tuple[str, Json] | Violation]:
    """The members of a list with their pointers; what is not an object comes as a violation."""
    for index, item in enumerate(value if isinstance(value, list) else ()):
        pointer = f"{at}/{index}"
        yield (pointer, item) if isinstance(item, dict) else fault(pointer, "must be an object")
