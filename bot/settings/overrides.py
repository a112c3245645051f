"""Settings from environment variables: `LIGHTSHIP_` + the setting's path joined by `__`, its value in YAML.

Called by `bot.settings.loading`, before the models see the document. `LIGHTSHIP_INTAKE__QUEUE=200`,
`LIGHTSHIP_SERVICES__SHOP__APPROVERS='[U0ALICE]'`, or `U0ALICE,U0BOB` for a list of texts; and with `_FILE` at
the end the value is read from a file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from bot.documents import Document, Place
from bot.documents.modelling import alternatives, below, known_keys, model_below
from bot.documents.reading import parse_document
from bot.domain.words import did_you_mean
from bot.settings.environment import PLAIN, SECRETS, variable
from bot.settings.models import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bot.documents.reading import Path
    from bot.domain.faults import Fault

PREFIX: Final = "LIGHTSHIP_"
_FILE: Final = "_FILE"
_NOTHING: Final = frozenset({"null", "~"})
"""What unsets a text that may be left out; any other text is taken as it is."""
_COMMA: Final = re.compile(r""",(?=(?:[^"]*"[^"]*")*[^"]*$)""")
"""Between the entries of a list that is written without brackets; matchers may hold commas in quotes."""
_OTHERS: Final = re.compile(
    # What Kubernetes sets for a Service whose name begins with `lightship`, and what the tests read.
    r"LIGHTSHIP_(TEST_.*|(.*_)?SERVICE_HOST|(.*_)?SERVICE_PORT(_.*)?|(.*_)?PORT|(.*_)?PORT_\d+_(TCP|UDP|SCTP)(_.*)?)"
)


class _UnknownSettingError(Exception):
    """A variable names no setting; the message says which is near."""


def put_over(document: Document, environ: Mapping[str, str]) -> tuple[Fault, ...]:
    """Change `document` to what the variables say, each remembered as the place of its value."""
    faults: list[Fault] = []
    if document.value is None:
        document.value = {}
    if not isinstance(document.value, dict):
        return ()
    for name in sorted(_candidates(environ), key=lambda name: (name.count("__"), name)):
        try:
            _put(document, environ, name, faults)
        except _UnknownSettingError as error:
            faults.append(Place(f"${name}").fault(str(error)))
    return tuple(faults)


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    own = {*PLAIN, *SECRETS, *(f"{name}{_FILE}" for name in SECRETS)}
    for name in environ:
        if name.startswith(PREFIX) and name not in own and not _OTHERS.fullmatch(name):
            yield name


def _put(document: Document, environ: Mapping[str, str], name: str, faults: list[Fault]) -> None:
    try:
        path, annotation = _resolved(document.value, name)
        text = environ[name]
    except _UnknownSettingError:
        if not name.endswith(_FILE):
            raise
        path, annotation = _resolved(document.value, name.removesuffix(_FILE))
        text = variable(environ, name.removesuffix(_FILE), faults)
        if not text:
            return
    value, places = _read(text, name, annotation, faults)
    around = document.value
    for part in path[:-1]:
        if not isinstance(around.get(part), dict):
            around[part] = {}
        around = around[part]
    around[path[-1]] = value
    document.put(path, Place(f"${name}"))
    for inner in places:
        document.put((*path, *inner), Place(f"${name}"))


def _resolved(value: Any, name: str) -> tuple[Path, Any]:
    path: list[str] = []
    annotation: Any = Settings
    for part in name.removeprefix(PREFIX).split("__"):
        model = model_below(annotation)
        existing = [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []
        known = [*existing, *(known_keys(model) if model else ())]
        key = next((candidate for candidate in known if _folded(candidate) == _folded(part)), None)
        if key is None and model is None and below(annotation, part) is not None and not _is_list(annotation):
            key = part.lower()
        if key is None or not part:
            spelled = ".".join([*path, part.lower()])
            raise _UnknownSettingError(f"there is no setting `{spelled}`{did_you_mean(part.lower(), known)}")
        path.append(key)
        annotation = below(annotation, key)
        value = value.get(key) if isinstance(value, dict) else None
    return tuple(path), annotation


def _read(text: str, name: str, annotation: Any, faults: list[Fault]) -> tuple[Any, tuple[Path, ...]]:
    kinds = [kind for kind in alternatives(annotation) if kind is not type(None)]
    document, wrong = parse_document(text, file=f"${name}")
    textual = kinds in ([str], [SecretStr])
    if textual and type(None) in alternatives(annotation) and text.strip() in _NOTHING:
        return None, ()
    if textual and (document is None or wrong or not isinstance(document.value, str)):
        return text, ()
    faults.extend(wrong)
    if document is not None and isinstance(document.value, str) and _is_list_of_texts(annotation):
        entries = [entry.strip() for entry in _COMMA.split(document.value)]
        return entries, tuple((place,) for place in range(len(entries)))
    return (document.value, document.paths()) if document else (None, ())


def _is_list(annotation: Any) -> bool:
    return any(getattr(kind, "__origin__", None) in {list, tuple} for kind in alternatives(annotation))


def _is_list_of_texts(annotation: Any) -> bool:
    """Whether `a,b` can be meant for it, as environment variables have lists elsewhere."""
    return _is_list(annotation) and model_below(below(annotation, 0)) is None


def _folded(word: str) -> str:
    return word.casefold().replace("-", "_")
