"""Whether what happens in a rehearsal's world can happen: in its time, and to objects that are there.

Called by `bot.rehearsal.scenarios.reviewing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.domain.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from bot.documents import Document
    from bot.domain.faults import Fault
    from bot.rehearsal.scenarios.models import ChangeFile, RehearsalFile, WorldFile

Name = tuple[str, str]
"""Kind and name, both as people compare them."""


def happenings(
    document: Document, file: RehearsalFile, world: WorldFile, base: WorldFile | None
) -> Iterator[Fault]:
    """Faults of times and objects. Lists of the base come first, so own entries count from its length."""
    yield from _times(document, file)
    yield from _spans(document, file.world)
    yield from _objects(document, file, base)
    if any(_needs_deployment(change) for change in file.world.changes) and not _has_deployment(world):
        place = document.place(("world", "changes"))
        yield place.fault("this world has no Deployment that could be scaled, released or ailing")


def _times(document: Document, file: RehearsalFile) -> Iterator[Fault]:
    if file.until is not None and file.until <= file.begin:
        words = f"the rehearsal ends at {format_duration(file.until)}, before the bot is started"
        yield document.place(("until",)).fault(words)
    if file.until is None:
        return
    for part in ("changes", "silences", "models", "drift_reports"):
        for number, one in enumerate(getattr(file.world, part)):
            if one.at > file.until:
                yield _late(document, ("world", part, number, "at"), one.at, file.until)


def _late(document: Document, path: tuple[Any, ...], at: timedelta, until: timedelta) -> Fault:
    words = f"{format_duration(at)} is after the end of the rehearsal ({format_duration(until)})"
    return document.place(path).fault(words)


def _spans(document: Document, world: WorldFile) -> Iterator[Fault]:
    for part in ("logs", "unreachable"):
        for number, one in enumerate(getattr(world, part)):
            if one.until is not None and one.begins is not None and one.until <= one.begins:
                place = document.place(("world", part, number, "until"))
                yield place.fault(f"it ends ({format_duration(one.until)}) before it begins")
    for number, change in enumerate(world.changes):
        if change.pods is not None and change.pods.until is not None and change.pods.until <= change.at:
            place = document.place(("world", "changes", number, "pods", "until"))
            yield place.fault(f"it ends ({format_duration(change.pods.until)}) before it begins")


def _objects(document: Document, file: RehearsalFile, base: WorldFile | None) -> Iterator[Fault]:
    there: set[Name] = {name_of(one) for one in (base.objects if base else ())}
    for number, manifest in enumerate(file.world.objects):
        path = ("world", "objects", number)
        name, wrong = name_of(manifest), wrong_with(manifest)
        if wrong:
            yield document.place(path).fault(wrong)
            continue
        if name in there:
            words = f"the world has {name[0]} `{name[1]}` already; change it with `apply`"
            yield document.place((*path, "metadata", "name")).fault(words)
        there.add(name)
    ordered = sorted(enumerate(file.world.changes), key=lambda one: one[1].at)
    for number, change in ordered:
        yield from _change(document, ("world", "changes", number), change, there)


def _change(
    document: Document, path: tuple[Any, ...], change: ChangeFile, there: set[Name]
) -> Iterator[Fault]:
    if change.apply is not None:
        wrong = wrong_with(change.apply)
        if wrong:
            yield document.place((*path, "apply")).fault(wrong)
        there.add(name_of(change.apply))
    if change.remove is not None:
        name = (change.remove.kind.lower(), change.remove.name)
        if name not in there:
            named = ", ".join(sorted(f"{kind} {one}" for kind, one in there)) or "nothing"
            words = f"the world has no {name[0]} `{name[1]}` at {format_duration(change.at)}; it has {named}"
            yield document.place((*path, "remove")).fault(words)
        there.discard(name)


def name_of(manifest: dict[str, Any]) -> Name:
    """What a manifest is of, in small letters, and its name."""
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return (str(manifest.get("kind", "")).lower(), str(name or ""))


def wrong_with(manifest: dict[str, Any]) -> str:
    """What a manifest lacks to be an object, in words; empty where nothing."""
    missing = [key for key in ("apiVersion", "kind") if not isinstance(manifest.get(key), str)]
    if not name_of(manifest)[1]:
        missing.append("metadata.name")
    return f"a manifest needs {', '.join(missing)}" if missing else ""


def _needs_deployment(change: ChangeFile) -> bool:
    return change.scale is not None or change.release is not None or change.pods is not None


def _has_deployment(world: WorldFile) -> bool:
    manifests = [*world.objects, *(change.apply for change in world.changes if change.apply)]
    return any(name_of(one)[0] == "deployment" for one in manifests)
