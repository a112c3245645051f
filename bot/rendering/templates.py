"""Runbook text and evidence: compiled once, given data, bounded, and never an exception at the caller.

`bot.adapters.runbook_files` asks for the faults when a runbook is loaded; the rendering of messages asks for
texts; the ranking of causes asks for the value of evidence. Alert labels and annotations are data in the
context and never template source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import TemplateError, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes

from bot.domain.words import did_you_mean
from bot.rendering.plain_text import TooMuchError
from bot.rendering.sandbox import BUDGET_NAME, Budget, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jinja2 import Template
    from jinja2.environment import TemplateExpression

CONTEXT_NAMES: Final = frozenset(
    {"alert", "labels", "annotations", "incident", "service", "findings", "runbook"}
)
"""What a template may name; `bot.rendering.contexts` fills them."""
EVIDENCE_NAMES: Final = frozenset({"findings"})
"""What an expression may name: evidence sees what was found and nothing else."""

LONGEST_OUTPUT: Final = 3_000
"""Characters of a rendered text unless the caller says otherwise: what a section block of Slack holds."""
LONGEST_SOURCE: Final = 8_000
CUT_MARK: Final = "… (cut)"

Context = Mapping[str, object]
_CLEARER: Final = {
    "chunk after expression": "something follows the expression that is no part of it",
    "unexpected 'end of template'": "it ends where more is expected",
}
_FAILURES: Final = (
    TemplateError,
    TooMuchError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFault:
    """What is wrong with a template or expression; `line` counts from 1 within its source."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedText:
    """Text for people, not yet escaped for anything. With a `fault`, `text` says so in place of the text."""

    text: str
    fault: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The value of an expression, or why there is none: `missing` when something it names is not known."""

    value: object = None
    fault: str = ""
    missing: bool = False

    @property
    def holds(self) -> bool:
        """Whether the expression has a value and that value is true."""
        return not self.fault and bool(self.value)


@lru_cache(maxsize=1_024)
def text_faults(source: str, *, known: frozenset[str] = CONTEXT_NAMES) -> tuple[SourceFault, ...]:
    """Everything wrong with a template that can be known without data."""
    return _faults(source, known, _template)


@lru_cache(maxsize=1_024)
def expression_faults(source: str, *, known: frozenset[str] = EVIDENCE_NAMES) -> tuple[SourceFault, ...]:
    """Everything wrong with an evidence expression that can be known without data."""
    return _faults(source, known, _expression)


def render_text(
    source: str, context: Context, *, runbook: str, place: str, limit: int = LONGEST_OUTPUT
) -> RenderedText:
    """The text that a runbook's template makes of `context`, at most `limit` characters with a mark when cut.

    A fault gives a substitute that names the runbook and the `place` in it (such as `summary`).
    """
    try:
        text, cut = _run(_template(source), context, limit)
    except _FAILURES as error:
        line = _line_of(error)
        message = f"the text of runbook {runbook} could not be made ({place}, line {line}): {_told(error)}"
        return RenderedText(text=f"[{message}]"[:limit], fault=message)
    return RenderedText(text=text.encode(errors="replace").decode(), cut=cut)  # no lone surrogates


def evaluate(source: str, context: Context) -> Evaluation:
    """The value of an evidence expression over `context`; never raises."""
    try:
        value = _settled(_expression(source)(**context, **{BUDGET_NAME: Budget()}))
    except UndefinedError as error:
        return Evaluation(fault=_told(error), missing=True)
    except _FAILURES as error:
        return Evaluation(fault=_told(error))
    return Evaluation(value=value)


def _settled(value: Any) -> Any:
    # What `select` and the like give is lazy and always true; an undefined value shall be known as one.
    if isinstance(value, Undefined):
        return str(value)
    return list(value) if isinstance(value, Iterator) else value


@lru_cache(maxsize=1_024)
def names_in(source: str, root: str) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """What an expression reads below `root`, as (line, path): `findings.pods.ready` is ("pods", "ready")."""
    tree = parsed(source)
    if tree is None:
        return ()
    reads: list[nodes.Getattr | nodes.Getitem] = [
        *tree.find_all(nodes.Getattr),
        *tree.find_all(nodes.Getitem),
    ]
    inner = {id(node.node) for node in reads}
    found = []
    for node in reads:
        path = path_of(node)
        if id(node) not in inner and path and path[0] == root:
            found.append((node.lineno, path[1:]))
    return tuple(found)


def parsed(source: str) -> nodes.Template | None:
    """The syntax tree of an expression; None where it cannot be read."""
    try:
        return _sandbox().parse("{{" + source + "\n}}")
    except (TemplateSyntaxError, RecursionError):
        return None


def path_of(node: nodes.Node) -> tuple[str, ...]:
    """What a node reads, as names from its root: `findings.pods["ready"]`; empty where it reads no such."""
    match node:
        case nodes.Name():
            return (node.name,)
        case nodes.Getattr():
            below = path_of(node.node)
            return (*below, node.attr) if below else ()
        case nodes.Getitem() if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            below = path_of(node.node)
            return (*below, node.arg.value) if below else ()
        case _:
            return ()


@cache
def _sandbox() -> Sandbox:
    return Sandbox()


@lru_cache(maxsize=1_024)
def _template(source: str) -> Template:
    _check_length(source)
    return _sandbox().from_string(source)


@lru_cache(maxsize=1_024)
def _expression(source: str) -> TemplateExpression:
    _check_length(source)
    if not source.strip():
        raise TemplateSyntaxError("an expression is expected", 1)
    return _sandbox().compile_expression(source, undefined_to_none=False)


def _check_length(source: str) -> None:
    if len(source) > LONGEST_SOURCE:
        raise TemplateSyntaxError(f"it has more than {LONGEST_SOURCE} characters", 1)


def _faults(source: str, known: frozenset[str], compiled: Any) -> tuple[SourceFault, ...]:
    if compiled is _template and "{" not in source and len(source) <= LONGEST_SOURCE:
        return ()  # most texts are only text, and compiling them is most of loading a runbook
    try:
        compiled(source)
        tree = _sandbox().parse(source if compiled is _template else "{{" + source + "\n}}")
    except TemplateSyntaxError as error:
        told = _CLEARER.get(error.message or "", error.message or "it cannot be read")
        return (SourceFault(line=error.lineno, message=told),)
    except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
        return (SourceFault(line=1, message="it is nested too deeply or otherwise beyond what is taken"),)
    if {node.name for node in tree.find_all(nodes.Name)} <= known:
        return ()  # asking the compiler which names are declared costs as much as compiling
    unknown = meta.find_undeclared_variables(tree) - known - {"range"}
    return tuple(_unknown_names(tree, unknown, known))


def _unknown_names(tree: nodes.Template, unknown: set[str], known: frozenset[str]) -> Iterable[SourceFault]:
    told = set()
    for node in tree.find_all(nodes.Name):
        if node.name in unknown and node.name not in told:
            told.add(node.name)
            meant = did_you_mean(node.name, known) or f"; known are {', '.join(sorted(known))}"
            yield SourceFault(line=node.lineno, message=f"unknown name `{node.name}`{meant}")


def _run(template: Template, context: Context, limit: int) -> tuple[str, bool]:
    parts: list[str] = []
    length = 0
    for part in template.generate(**context, **{BUDGET_NAME: Budget()}):
        parts.append(part)
        length += len(part)
        if length > limit:
            return "".join(parts)[: max(0, limit - len(CUT_MARK))].rstrip() + CUT_MARK, True
    return "".join(parts).strip(), False


def _line_of(error: BaseException) -> int:
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    trace, line = error.__traceback__, 1
    while (
        trace is not None
    ):  # Jinja2 rewrites tracebacks so that a template's frame carries the template's line
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _told(error: BaseException) -> str:
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004 - one line of a message
