"""The Jinja2 environment that runbook text and evidence run in: data in, text or a value out, nothing else.

Used by `bot.rendering.templates` alone. Runbooks are written by people of the house and filled with text from
outside, so a template may neither reach Python nor eat the bot: only a few node types, filters and methods
exist, every operator that can grow a value is intercepted, and a budget bounds what one rendering may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from jinja2 import StrictUndefined, Undefined, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.rendering.admission import MAPPING_METHODS, TEXT_METHODS, admit
from bot.rendering.filters import FILTERS, LIBRARY_FILTERS
from bot.rendering.plain_text import LONGEST_TEXT, TooMuchError, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jinja2.runtime import Context

LONGEST_LIST: Final = 1_000
LARGEST_INTEGER_BITS: Final = 256
LARGEST_RANGE: Final = 100
BUDGET: Final = 5_000
"""Units of work of one rendering: one an iteration, operation or filter, and one per 100 characters."""

BUDGET_NAME: Final = "_budget"
_EACH: Final = "_each"
_METHOD: Final = "_method"


class Budget:
    """What is left to spend in one rendering."""

    def __init__(self) -> None:
        self._left = BUDGET

    def spend(self, size: int = 0) -> None:
        """Take one unit and one per 100 characters of `size`; raises TooMuchError when nothing is left."""
        self._left -= 1 + size // 100
        if self._left < 0:
            raise TooMuchError(f"it does more than {BUDGET} steps")


def _checked(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise TooMuchError(f"a text has more than {LONGEST_TEXT} characters")
    if isinstance(value, (list, tuple)) and len(value) > LONGEST_LIST:
        raise TooMuchError(f"a list has more than {LONGEST_LIST} entries")
    if isinstance(value, int) and value.bit_length() > LARGEST_INTEGER_BITS:
        raise TooMuchError("a number is too large")
    return value


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, tuple)) else 0


def _budget(context: Context) -> Budget:
    found = context.get(BUDGET_NAME)
    if not isinstance(found, Budget):
        raise SecurityError("a template runs without a budget")
    return found


class _Generator(CodeGenerator):
    """Writes `~` as a call that knows its bounds; Jinja2 offers no interception for it."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja2's name
        self.write("environment.concatenated(context, (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment; see the module."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, finalize=as_text, autoescape=False, loader=None)
        self.filters.clear()
        self.filters.update({name: _bounded(function) for name, function in FILTERS.items()})
        self.filters.update(LIBRARY_FILTERS)
        self.filters[_EACH] = _each
        self.filters[_METHOD] = _method
        self.globals.clear()
        self.globals["range"] = _small_range

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        admit(source)
        for loop in list(source.find_all(nodes.For)):
            loop.iter = nodes.Filter(loop.iter, _EACH, [], [], None, None, lineno=loop.lineno)
        for call in list(source.find_all(nodes.Call)):
            if isinstance(call.node, nodes.Getattr):
                name = nodes.Const(call.node.attr, lineno=call.lineno)
                call.node = nodes.Filter(call.node.node, _METHOD, [name], [], None, None, lineno=call.lineno)
        return super()._generate(source, *args, **kwargs)

    def concatenated(self, context: Context, parts: tuple[object, ...]) -> str:
        """The texts of `parts` in a row; what `~` means."""
        texts = [as_text(part) for part in parts]
        size = sum(map(len, texts))
        _budget(context).spend(size)
        if size > LONGEST_TEXT:
            raise TooMuchError(f"a text has more than {LONGEST_TEXT} characters")
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator, refused before it can grow a value beyond the bounds."""
        _budget(context).spend(_size(left) + _size(right))
        if operator == "%" and isinstance(left, str):
            raise SecurityError("`%` does not format texts here; use `~` and filters")
        if operator == "**" and not _small_power(left, right):
            raise TooMuchError("a power is too large")
        if operator == "*" and any(isinstance(side, (str, list, tuple)) for side in (left, right)):
            raise SecurityError("`*` does not repeat texts or lists here")
        if operator == "+" and _size(left) + _size(right) > LONGEST_TEXT:
            raise TooMuchError(f"a text has more than {LONGEST_TEXT} characters")
        return _checked(super().call_binop(context, operator, left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`a.b`: a mapping's entry first, so that a label may be called `items`; else a safe attribute."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Undefined):
            return obj  # `findings.hpa.current | default(0)` shall work when the whole finding is missing
        if attribute.startswith("_"):
            return self.unsafe_undefined(obj, attribute)
        value = getattr(obj, attribute, None)
        if callable(value) or not self.is_safe_attribute(obj, attribute, value):
            return self.unsafe_undefined(obj, attribute)
        if value is None and not hasattr(obj, attribute):
            return self.undefined(f"`{attribute}` is not known here", obj=obj, name=attribute)
        return value

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`a[b]`: an entry, or with a text also what `a.b` would be."""
        try:
            return obj[argument]
        except (TypeError, LookupError):
            if isinstance(argument, str):
                return self.getattr(obj, argument)
        return self.undefined(f"there is no entry {argument!r}", obj=obj, name=argument)

    def is_safe_callable(self, obj: Any) -> bool:
        """Only `range` and the methods that `_method` hands out; `getattr` gives no callable at all."""
        return obj is _small_range or isinstance(obj, _Method)


class _Method:
    """A method that a template may call; `__call__` is all it can do."""

    __slots__ = ("_bound",)

    def __init__(self, bound: Callable[..., Any]) -> None:
        self._bound = bound

    def __call__(self, *args: Any) -> Any:
        return _checked(self._bound(*args))


@pass_context
def _method(context: Context, owner: Any, name: str) -> Any:
    _budget(context).spend(_size(owner))
    if isinstance(owner, Undefined):
        return owner
    allowed = (
        TEXT_METHODS if isinstance(owner, str) else MAPPING_METHODS if isinstance(owner, Mapping) else ()
    )
    if name not in allowed:
        raise SecurityError(f"`{name}` is no method of this value")
    return _Method(getattr(owner, name))


def _small_power(left: Any, right: Any) -> bool:
    if isinstance(left, int) and isinstance(right, int):
        return right >= 0 and max(left.bit_length(), 1) * right <= LARGEST_INTEGER_BITS
    return isinstance(left, float) or isinstance(right, float)


def _small_range(*bounds: int) -> range:
    made = range(*bounds)
    if len(made) > LARGEST_RANGE:
        raise TooMuchError(f"a range may have at most {LARGEST_RANGE} numbers")
    return made


@pass_context
def _each(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    budget = _budget(context)
    for value in values:
        budget.spend()
        yield value


def _bounded(function: Any) -> Any:
    @pass_context
    def run(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        _budget(context).spend(_size(value))
        return _checked(function(as_text, value, *args, **kwargs))

    return run
